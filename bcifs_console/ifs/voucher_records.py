"""What IFS answers about vouchers, rates and periods, as values; and how a JSON record becomes one.

Names come from the profile's `[voucher]` tables. What a draft is compared with is in `voucher_differences.py`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.money import ZERO
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.records import CODE_PARTS, ETAG, integer, number, text
from bcifs_console.ifs.voucher_names import PeriodNames
from bcifs_console.ifs.wire import Record

_REFERENCE: Final = re.compile(r"(?P<type>\w{1,10})-(?P<year>\d{4})-(?P<number>\d{1,18})")


@dataclass(frozen=True, order=True, slots=True)
class VoucherId:
    """What a voucher is called inside one company: `M-2026-17`."""

    voucher_type: str
    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.voucher_type}-{self.year}-{self.number}"

    @classmethod
    def parse(cls, reference: str) -> Self:
        """The inverse of `str()`. Raises UsageProblem where the text is no such reference."""
        found = _REFERENCE.fullmatch(reference.strip())
        if found is None:
            raise UsageProblem(
                f"{reference!r} is no voucher reference.", remedy="Write it as type, year and number: M-2026-17."
            )
        return cls(found["type"], int(found["year"]), int(found["number"]))


@dataclass(frozen=True, slots=True)
class VoucherHead:
    """A voucher as it stands in IFS. Known from rows alone it has no `etag`, no `state` and `has_left_hold`."""

    company: str
    voucher_type: str
    year: int
    number: int
    state: str  #: AwaitingApproval, Confirmed …; "" where only rows are shown
    etag: str
    text: str  #: the voucher's key: VoucherText, or its rows' ReferenceNumber
    day: date | None = None
    currency: str = ""
    is_confirmed: bool = False
    has_left_hold: bool = False  #: not in the hold table: Update GL has moved it to the general ledger

    @property
    def id(self) -> VoucherId:
        return VoucherId(self.voucher_type, self.year, self.number)

    @property
    def reference(self) -> str:
        """`M-2026-17`; `VoucherId.parse` reads it."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class VoucherRowRecord:
    """One row of a voucher. Debit and credit are of the transaction's currency, `accounting_*` of the company's."""

    row_no: int
    account: str
    code_parts: tuple[tuple[str, str], ...]
    currency: str
    debit: Decimal
    credit: Decimal
    accounting_debit: Decimal
    accounting_credit: Decimal
    text: str
    reference_number: str
    tax_code: str = ""
    is_automatic: bool = False  #: made by IFS itself, for tax

    @property
    def amount(self) -> Decimal:
        """Signed: debit positive."""
        return self.debit - self.credit

    @property
    def accounting_amount(self) -> Decimal:
        return self.accounting_debit - self.accounting_credit


@dataclass(frozen=True, slots=True)
class BookedVoucher:
    """A voucher of our type as reconciliation reads it. `key` is empty on one that is not ours."""

    reference: str
    key: str
    day: date
    currency: str
    state: str  #: "" where only rows are shown
    rows: tuple[VoucherRowRecord, ...]
    is_cancelled: bool = False


class PeriodStatus(StrEnum):
    """What IFS says about the accounting period of a day."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"  #: IFS shows no period for the day, or is not asked


@dataclass(frozen=True, slots=True)
class Period:
    """One accounting period with its days."""

    first_day: date
    last_day: date
    is_open: bool


def voucher_head(row: Record, profile: Profile) -> VoucherHead:
    """A record of the voucher set. `company` … `number` are zero or empty where the answer lacks them."""
    names = profile.voucher
    header = names.header
    state = text(row, header.state)
    return VoucherHead(
        company=text(row, header.company),
        voucher_type=text(row, header.voucher_type),
        year=integer(row, header.year) or 0,
        number=integer(row, header.number) or 0,
        state=state,
        etag=text(row, ETAG),
        text=text(row, header.text),
        day=day_of(row, header.date),
        currency=text(row, header.currency) if header.currency else "",
        is_confirmed=state in names.confirmed_states,
    )


def head_properties(profile: Profile) -> tuple[str, ...]:
    """What `voucher_head` reads, for `$select` and the connection test."""
    header = profile.voucher.header
    key = (header.company, header.voucher_type, header.year, header.number)
    return (*key, *filter(None, (header.date, header.text, header.currency, header.state)))


def voucher_row(row: Record, profile: Profile) -> VoucherRowRecord:
    """A row of a voucher, from the voucher itself or from the analysis: both have the same names (facts §6)."""
    names = profile.voucher.row
    debit, credit = _sides(row, names.currency_debit, names.currency_credit, names.currency_amount)
    accounting_debit, accounting_credit = _sides(row, names.debit, names.credit, names.amount)
    parts = ((part, text(row, names.code_part_property(part))) for part in CODE_PARTS)
    return VoucherRowRecord(
        row_no=integer(row, names.row_no) or 0,
        account=text(row, names.account),
        code_parts=tuple((part, value) for part, value in parts if value),
        currency=text(row, names.currency),
        debit=debit,
        credit=credit,
        accounting_debit=accounting_debit,
        accounting_credit=accounting_credit,
        text=text(row, names.text),
        reference_number=text(row, names.reference),
        tax_code=text(row, names.tax_code) if names.tax_code else "",
        is_automatic=text(row, names.automatic_tax).lower() == "true" if names.automatic_tax else False,
    )


def row_properties(profile: Profile) -> tuple[str, ...]:
    """What `voucher_row` and `heads_of_rows` read."""
    names = profile.voucher.row
    fixed = (names.company, names.voucher_type, names.year, names.number, names.row_no, names.date, names.account)
    parts = tuple(names.code_part_property(part) for part in CODE_PARTS)
    sides = (names.currency_debit, names.currency_credit, names.currency_amount, names.debit, names.credit)
    rest = (names.amount, names.currency, names.text, names.reference, names.tax_code, names.automatic_tax)
    return tuple(name for name in (*fixed, *parts, *sides, *rest) if name)


def _sides(row: Record, debit: str, credit: str, signed: str) -> tuple[Decimal, Decimal]:
    debits, credits = number(row, debit) or ZERO, number(row, credit) or ZERO
    if debits or credits or not signed:
        return debits, credits
    amount = number(row, signed) or ZERO
    return max(amount, ZERO), max(-amount, ZERO)


def id_of_row(row: Record, profile: Profile) -> VoucherId:
    """The voucher that a row belongs to."""
    names = profile.voucher.row
    return VoucherId(text(row, names.voucher_type), integer(row, names.year) or 0, integer(row, names.number) or 0)


def rows_by_voucher(rows: Iterable[Record], profile: Profile) -> dict[VoucherId, list[Record]]:
    """Rows under the voucher they belong to, in the order they came."""
    found: dict[VoucherId, list[Record]] = {}
    for row in rows:
        found.setdefault(id_of_row(row, profile), []).append(row)
    return found


def head_of_rows(voucher: VoucherId, rows: Sequence[Record], profile: Profile) -> VoucherHead:
    """What rows alone say of their voucher. It counts as confirmed: rows outside the hold table were approved first
    (facts §6)."""
    names = profile.voucher.row
    return VoucherHead(
        company=text(rows[0], names.company),
        voucher_type=voucher.voucher_type,
        year=voucher.year,
        number=voucher.number,
        state="",
        etag="",
        text=key_of_rows([text(row, names.reference) for row in rows]),
        day=day_of(rows[0], names.date),
        currency=text(rows[0], names.currency),
        is_confirmed=True,
        has_left_hold=True,
    )


def booked(voucher: VoucherId, rows: Sequence[Record], head: VoucherHead | None, profile: Profile) -> BookedVoucher:
    """A voucher from its rows in the analysis, and from its header where the hold table still has one."""
    found = head_of_rows(voucher, rows, profile)
    read = tuple(sorted((voucher_row(row, profile) for row in rows), key=lambda row: row.row_no))
    return BookedVoucher(
        reference=str(voucher),
        key=found.text,
        day=found.day or date.min,
        currency=found.currency,
        state=head.state if head else "",
        rows=read,
        is_cancelled=head is not None and head.state in profile.voucher.cancelled_states,
    )


def booked_in_hold(head: VoucherHead, rows: Sequence[VoucherRowRecord], profile: Profile) -> BookedVoucher:
    """A voucher that the analysis does not show, from its header and its own rows."""
    return BookedVoucher(
        reference=head.reference,
        key=key_of_rows([row.reference_number for row in rows]) or head.text,
        day=head.day or date.min,
        currency=rows[0].currency if rows else head.currency,
        state=head.state,
        rows=tuple(rows),
        is_cancelled=head.state in profile.voucher.cancelled_states,
    )


def key_of_rows(references: Iterable[str]) -> str:
    """The key that a voucher's rows carry: a row added by hand may carry none, so the first that has one."""
    return next((reference for reference in references if reference), "")


def day_of(row: Record, name: str) -> date | None:
    """The property as a date, from a date or a time; None where it is absent or none."""
    try:
        return date.fromisoformat(text(row, name)[:10])
    except ValueError:
        return None


def period(row: Record, names: PeriodNames) -> Period | None:
    """An accounting period; None where its days cannot be told."""
    is_open = text(row, names.status) in names.open_statuses
    if not names.are_months:
        first, last = day_of(row, names.first_day), day_of(row, names.last_day)
        return Period(first, last, is_open) if first and last else None
    year, month = integer(row, names.year) or 0, integer(row, names.period) or 0
    if not (1 <= month <= 12 and 1 <= year < 9999):
        return None  # period 0 and 13 open and close the year; no day is in them alone
    following = date(year + month // 12, month % 12 + 1, 1)
    return Period(date(year, month, 1), date.fromordinal(following.toordinal() - 1), is_open)


def without_cancelled(heads: Sequence[VoucherHead], profile: Profile) -> list[VoucherHead]:
    """One head for each voucher, the fuller one where several sources show it, cancelled ones left out.

    A voucher that its header calls cancelled is so, whatever rows another source still shows.
    """
    cancelled = {head.id for head in heads if head.state in profile.voucher.cancelled_states}
    best: dict[VoucherId, VoucherHead] = {}
    for head in heads:
        known = best.get(head.id)
        if known is None or (known.has_left_hold and not head.has_left_hold):
            best[head.id] = head
    return [best[voucher] for voucher in sorted(best) if voucher not in cancelled]
