"""From entries to voucher rows: the account and code parts of each by the mapping rules (ACCOUNTING §5).

No account of a voucher has a default: what no rule covers is a blocker that names the purpose and the remedy.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from bcifs_console.accounting.mapping import Facts, RuleBook
from bcifs_console.accounting.sheet import Entry
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import CODE_PART_PURPOSES, ConditionField, Purpose, Question, Rules
from bcifs_console.domain.vouchers import RowShare, VoucherRow

_OF_LINES: Final = frozenset({Purpose.REVENUE, Purpose.RETURNS})
#: IFS Text of a voucher row (facts: IFS §6).
TEXT_LENGTH: Final = 200

_Key = tuple[Purpose, str, tuple[tuple[str, str], ...], str, bool]


class AccountBook:
    """The rules, sorted for voucher rows."""

    def __init__(self, rules: Rules) -> None:
        self._book = RuleBook(rules)
        # Code parts that a person wrote for goods stay off balance-sheet rows unless the rule names the purpose.
        self._by_purpose = RuleBook(
            Rules(
                tuple(
                    rule
                    for rule in rules.rules
                    if rule.purpose in CODE_PART_PURPOSES
                    and any(condition.field is ConditionField.PURPOSE for condition in rule.conditions)
                )
            )
        )

    def rows(self, entries: Iterable[Entry], text: str) -> tuple[tuple[VoucherRow, ...], tuple[Blocker, ...]]:
        """The rows of one voucher, debits first, and what no rule covers. Entries of 0 must have been left out.

        Rows that differ in nothing but their subject are one; debits and credits stay apart.
        """
        merged: dict[_Key, VoucherRow] = {}
        missing: dict[Blocker, None] = {}
        for entry in entries:
            found = self._row(entry, text)
            if isinstance(found, Blocker):
                missing[found] = None
                continue
            key = (found.purpose, found.account, found.code_parts, found.tax_code, found.amount > 0)
            merged[key] = _joined(merged[key], found) if key in merged else found
        return tuple(sorted(merged.values(), key=lambda row: row.amount < 0)), tuple(missing)

    def _row(self, entry: Entry, text: str) -> VoucherRow | Blocker:
        account, rule = self._account(entry)
        if not account:
            return missing_account(entry)
        return VoucherRow(
            purpose=entry.purpose,
            account=account,
            debit=max(entry.amount, ZERO),
            credit=max(-entry.amount, ZERO),
            code_parts=self._code_parts(entry),
            tax_code=entry.tax_code,
            text=text[:TEXT_LENGTH],
            subject=entry.subject,
            rule=rule,
        )

    def _account(self, entry: Entry) -> tuple[str, str]:
        line = entry.line
        if entry.purpose is Purpose.REVENUE and line is not None and line.account:
            return line.account, line.rule
        rule = self._book.first(entry.purpose, entry.facts)
        return (rule.result, rule.label) if rule else ("", "")

    def _code_parts(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        facts: Facts = {**entry.facts, ConditionField.PURPOSE: entry.purpose.value}
        is_of_line = entry.purpose in _OF_LINES
        if is_of_line and entry.line is not None and entry.line.account:
            return entry.line.code_parts
        return (self._book if is_of_line else self._by_purpose).code_parts(facts)


def missing_account(entry: Entry) -> Blocker:
    """What is missing, and how a person adds it."""
    purpose = entry.purpose.value
    named = entry.named or purpose
    message = f"No account for {named}: no {purpose} rule matches."
    if entry.purpose is Purpose.REVENUE:
        remedy = "Set revenue_account in the connection's [mapping], or add a revenue rule that matches."
    else:
        remedy = (
            f'Set {purpose} = "ACCOUNT" under [mapping.accounts] of the connection, or add a rule of purpose {purpose} '
            "whose conditions match; then run: bcifs orders sync."
        )
    return Blocker(Reason.MAPPING, message, remedy, named, question=Question(entry.purpose, tuple(entry.facts.items())))


def _joined(row: VoucherRow, more: VoucherRow) -> VoucherRow:
    subjects = dict.fromkeys(filter(None, (*row.subject.split(", "), *more.subject.split(", "))))
    return replace(
        row,
        debit=row.debit + more.debit,
        credit=row.credit + more.credit,
        subject=", ".join(subjects),
        rule=", ".join(dict.fromkeys((*row.rule.split(", "), *more.rule.split(", ")))),
        shares=(*_shares(row), *_shares(more)),
    )


def _shares(row: VoucherRow) -> tuple[RowShare, ...]:
    return row.shares or (RowShare(row.subject, row.amount, row.rule),)
