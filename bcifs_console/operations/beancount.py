"""Vouchers as a beancount file (DESIGN §12), so that a tool that knows nothing of us can verify the books. Pure.

Accounts are `Root:Purpose:GLaccount`, for example `Liabilities:CustomerBalance:2420`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.operations.voucher_keys import parse_key

#: Where each purpose belongs, by the nature of its account.
_ROOTS: Final[Mapping[Purpose, str]] = MappingProxyType(
    {
        Purpose.CLEARING: "Assets:Clearing",
        Purpose.CUSTOMER_BALANCE: "Liabilities:CustomerBalance",
        Purpose.GIFT_CERTIFICATE_LIABILITY: "Liabilities:GiftCertificates",
        Purpose.STORE_CREDIT_LIABILITY: "Liabilities:StoreCredit",
        Purpose.TAX_ACCOUNT: "Liabilities:Tax",
        Purpose.TAX_ON_PREPAYMENTS: "Liabilities:TaxOnPrepayments",
        Purpose.REVENUE: "Income:Revenue",
        Purpose.RETURNS: "Income:Returns",
        Purpose.SHIPPING_INCOME: "Income:Shipping",
        Purpose.HANDLING_INCOME: "Income:Handling",
        Purpose.WRAPPING_INCOME: "Income:Wrapping",
        Purpose.FEE_INCOME: "Income:Fees",
        Purpose.RETAINED_INCOME: "Income:Retained",
        Purpose.GOODWILL: "Expenses:Goodwill",
        Purpose.ROUNDING: "Expenses:Rounding",
    }
)
_CURRENCY: Final = re.compile(r"[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]|[A-Z]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9]")
_LEADS: Final = re.compile(r"[A-Z0-9]")
_NOT_IN_A_LINK: Final = re.compile(r"[^A-Za-z0-9_/.-]")


@dataclass(frozen=True, slots=True)
class Transaction:
    """One voucher in the books. `day` is the date it bears in IFS."""

    connection: str
    day: date
    reference: str  #: IFS's
    draft: VoucherDraft


def beancount_text(title: str, transactions: Iterable[Transaction]) -> str:
    """The whole file; transactions keep their order. Raises ConfigurationProblem on what beancount cannot hold."""
    opened: dict[str, tuple[date, str]] = {}
    entries = []
    for transaction in transactions:
        for row in transaction.draft.rows:
            name = account_name(row)
            first, gl_account = opened.get(name, (transaction.day, row.account))
            opened[name] = min(first, transaction.day), gl_account
        entries.append(_entry(transaction))
    opens = [f'{day} open {name}\n  gl: "{_text(gl)}"\n' for name, (day, gl) in sorted(opened.items())]
    return "\n".join([f'option "title" "{_text(title)}"\n', "".join(opens), *entries])


def account_name(row: VoucherRow) -> str:
    """The row's account: its purpose decides the root, the GL account is the last part.

    Raises ConfigurationProblem where the purpose is none of an account.
    """
    root = _ROOTS.get(row.purpose)
    if root is None:
        raise ConfigurationProblem(
            f"A voucher row on account {row.account} has the purpose {row.purpose.value}, which is none of an account.",
            remedy="Report this with the output of: bcifs ledger list --json",
        )
    return f"{root}:{_component(row.account)}"


def _component(account: str) -> str:
    """A GL account as part of an account's name. Different accounts never become one: `-` opens every escape."""
    if not account or not _LEADS.match(account):
        # x in front of the number is what no escape further on has.
        lead = f"{ord(account[0]):X}" if account else ""
        return f"X-x{lead}-{_escaped(account[1:])}"
    return _escaped(account)


def _escaped(text: str) -> str:
    return "".join(character if _PLAIN.match(character) else f"-{ord(character):X}-" for character in text)


def _entry(transaction: Transaction) -> str:
    draft = transaction.draft
    if not _CURRENCY.fullmatch(draft.currency):
        raise ConfigurationProblem(
            f"Voucher {draft.key} is in {draft.currency!r}, which beancount has no currency for.",
            remedy="Export as CSV: bcifs ledger export --format csv FILE",
        )
    parsed = parse_key(draft.key)
    link = _NOT_IN_A_LINK.sub("-", parsed.order_reference if parsed else draft.key)
    meta = {
        "order": str(draft.order_id),
        "document": draft.key,
        "ifs": transaction.reference,
        "connection": transaction.connection,
    }
    if draft.day != transaction.day:
        meta["fact-date"] = draft.day.isoformat()
    narration = draft.text or draft.fact
    lines = [f'{transaction.day} * "{_text(draft.key)}" "{_text(narration)}" ^{link}']
    lines += [f'  {name}: "{_text(value)}"' for name, value in meta.items()]
    for row in draft.rows:
        lines += _posting(row, draft.currency)
    return "\n".join(lines) + "\n"


def _posting(row: VoucherRow, currency: str) -> list[str]:
    meta = {f"code-{part.lower()}": value for part, value in row.code_parts}
    if row.tax_code:
        meta["tax-code"] = row.tax_code
    if row.text:
        meta["text"] = row.text
    posting = f"  {account_name(row)}  {row.amount:f} {currency}"
    return [posting, *(f'    {name}: "{_text(value)}"' for name, value in meta.items())]


def _text(text: str) -> str:
    """Text inside quotes: on one line, quotes and backslashes escaped, what nobody can see replaced."""
    visible = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character).startswith("C") else character
        for character in " ".join(text.split())
    )
    return visible.replace("\\", "\\\\").replace('"', '\\"')
