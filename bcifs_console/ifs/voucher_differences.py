"""A voucher draft against the rows that IFS shows: which are there already, and what differs. Pure.

All rows of a voucher carry the same ReferenceNumber, so a row is known by what it says: account, code parts, debit,
credit, text. Code parts that IFS completed by itself (code string completion, facts §5) are no difference.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.ifs import voucher_payloads
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.voucher_records import VoucherHead, VoucherRowRecord


@dataclass(frozen=True, slots=True)
class RowMatch:
    """`found[i]` is the row of IFS that is row i of the draft, None where it is not there yet.

    `strangers` are rows that the draft knows nothing of: automatic tax, or somebody else's.
    """

    found: tuple[VoucherRowRecord | None, ...]
    strangers: tuple[VoucherRowRecord, ...]

    @property
    def missing(self) -> tuple[int, ...]:
        """Which rows of the draft are not there."""
        return tuple(index for index, row in enumerate(self.found) if row is None)

    @property
    def is_exact(self) -> bool:
        """Every row of the draft is there, and none besides."""
        return not self.strangers and not self.missing


def matching_rows(
    draft: VoucherDraft, head: VoucherHead, existing: Sequence[VoucherRowRecord], profile: Profile
) -> RowMatch:
    """Pair the draft's rows with those of IFS, one to one; of rows alike the earlier in the draft is the lower RowNo.

    A row whose code parts are exactly those sent is preferred to one that IFS completed.
    """
    left = sorted(existing, key=lambda row: row.row_no)
    found: list[VoucherRowRecord | None] = [None] * len(draft.rows)

    def pair(order: Iterable[int], is_same: Callable[[VoucherRow, VoucherRowRecord], bool]) -> None:
        for index in order:
            wanted = draft.rows[index]
            text = voucher_payloads.row_text(draft, wanted, head.day, profile.voucher.text_length)
            if found[index] is None:
                hit = next((row for row in left if _says(row, wanted, text) and is_same(wanted, row)), None)
                if hit is not None:
                    left.remove(hit)
                    found[index] = hit

    pair(range(len(draft.rows)), lambda wanted, row: dict(wanted.code_parts) == dict(row.code_parts))
    fullest_first = sorted(range(len(draft.rows)), key=lambda index: -len(draft.rows[index].code_parts))
    pair(fullest_first, lambda wanted, row: set(wanted.code_parts) <= set(row.code_parts))
    return RowMatch(tuple(found), tuple(left))


def _says(row: VoucherRowRecord, wanted: VoucherRow, text: str) -> bool:
    same_sides = (row.debit, row.credit) == (wanted.debit, wanted.credit)
    return same_sides and row.account == wanted.account and row.text == text and not row.is_automatic


def voucher_differences(
    draft: VoucherDraft, head: VoucherHead, rows: Sequence[VoucherRowRecord], profile: Profile
) -> tuple[str, ...]:
    """What is wrong with the finished voucher, in words; nothing where it stands as drafted, balanced and confirmed.

    Every row as sent and none more (a row of automatic tax fails, ACCOUNTING §3), in balance in both currencies.
    """
    match = matching_rows(draft, head, rows, profile)
    faults = [f"the row {_drafted(draft.rows[index])} is not there" for index in match.missing]
    faults += [f"row {row.row_no} ({_shown(row)}) was not sent by us" for row in match.strangers]
    for wanted, row in zip(draft.rows, match.found, strict=True):
        if row is not None:
            faults += _row_faults(draft, wanted, row)
    faults += _off_balance("", rows, lambda row: row.amount)
    faults += _off_balance(" in the accounting currency", rows, lambda row: row.accounting_amount)
    if head.text != draft.key:
        faults.append(f"its text is {head.text!r}, not {draft.key!r}")
    if not head.is_confirmed:
        faults.append(f"it is {head.state or 'in no state'}, not {' or '.join(profile.voucher.confirmed_states)}")
    return tuple(faults)


def _row_faults(draft: VoucherDraft, wanted: VoucherRow, row: VoucherRowRecord) -> list[str]:
    faults = []
    if row.currency != draft.currency:
        faults.append(f"row {row.row_no} is in {row.currency}, not in {draft.currency}")
    if row.reference_number != draft.key:
        faults.append(f"row {row.row_no} carries the reference {row.reference_number!r}")
    if draft.rate is not None and row.accounting_amount != wanted.accounting_amount:
        faults.append(
            f"row {row.row_no} is {row.accounting_amount} {draft.rate.accounting_currency}, "
            f"not {wanted.accounting_amount}"
        )
    return faults


def _off_balance(
    where: str, rows: Sequence[VoucherRowRecord], amount: Callable[[VoucherRowRecord], Decimal]
) -> list[str]:
    off = sum((amount(row) for row in rows), ZERO)
    return [f"debit less credit is {off}{where}"] if off else []


def _drafted(row: VoucherRow) -> str:
    return f"{row.account} debit {row.debit}" if row.debit else f"{row.account} credit {row.credit}"


def _shown(row: VoucherRowRecord) -> str:
    amount = f"debit {row.debit}" if row.debit else f"credit {row.credit}"
    return f"{row.account} {amount}{', automatic tax' if row.is_automatic else ''}"
