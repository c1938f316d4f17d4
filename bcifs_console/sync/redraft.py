"""When a frozen draft may be drawn up anew: nothing of it is in IFS yet, or only its mapping changed where IFS refused.

The money never changes here (ACCOUNTING §1, frozen basis): same facts, same customer, same parts already confirmed.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bcifs_console.domain.codec import decode_voucher, encode
from bcifs_console.domain.documents import (
    CustomerOrderDraft,
    DocumentKind,
    DocumentState,
    Ledger,
    LedgerDocument,
    PartState,
)
from bcifs_console.domain.states import Claim
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.store import ledger, queue
from bcifs_console.store.database import Tx

if TYPE_CHECKING:
    from bcifs_console.sync.runtime import Runtime  # with both clients: whoever only asks what may go needs none

_Draft = TypeVar("_Draft", CustomerOrderDraft, VoucherDraft)


def nothing_in_ifs(document: LedgerDocument) -> bool:
    """Whether surely no call of the document was carried out, so that it may be withdrawn."""
    return all(part.state in (PartState.INTENDED, PartState.FAILED) for part in document.parts)


def was_refused(document: LedgerDocument) -> bool:
    """Whether IFS refused a call for good: a new mapping may be what helps."""
    return any(part.state is PartState.FAILED for part in document.parts)


def merged(old: CustomerOrderDraft, new: CustomerOrderDraft, document: LedgerDocument) -> CustomerOrderDraft | None:
    """`new` where it may replace `old` half-way: it differs only in parts IFS does not have. Else None."""
    if new == old:
        return None
    same_head = (new.fact_hash, new.customer_id, new.contract, new.currency, new.price_includes_tax) == (
        old.fact_hash,
        old.customer_id,
        old.contract,
        old.currency,
        old.price_includes_tax,
    )
    same_parts = [line.key for line in new.lines] == [line.key for line in old.lines]
    if not same_head or not same_parts or new.total_inc_tax != old.total_inc_tax:
        return None
    open_parts = {part.name for part in document.parts if part.state in (PartState.INTENDED, PartState.FAILED)}
    known = {part.name for part in document.parts} - open_parts
    kept = all(_same(old, new, name) for name in known)
    return new if kept else None


def _same(old: CustomerOrderDraft, new: CustomerOrderDraft, part: str) -> bool:
    """Whether the part named so is the same in both drafts. A line's account belongs to its pre-posting."""
    kind, _, key = part.partition(":")
    if kind in ("line", "pre_posting"):
        before = next((x for x in old.lines if x.key == key), None)
        after = next((x for x in new.lines if x.key == key), None)
        if before is None or after is None:
            return False
        if kind == "pre_posting":
            return (before.account, before.code_parts) == (after.account, after.code_parts)
        return replace(before, account="", code_parts=()) == replace(after, account="", code_parts=())
    if kind == "charge":
        return next((x for x in old.charges if x.key == key), None) == next(
            (x for x in new.charges if x.key == key), None
        )
    return True


def merged_voucher(old: VoucherDraft, new: VoucherDraft, document: LedgerDocument) -> VoucherDraft | None:
    """`old` with the accounts of `new` on the rows that IFS does not have. None where that changes nothing.

    Rows and amounts stay as frozen, in both currencies: later vouchers were reckoned on top of them, and by the rules
    of now rows may be one that were two.
    """
    if (new.key, new.currency, new.takes) != (old.key, old.currency, old.takes):
        return None
    rows = tuple(
        row if document.is_confirmed(f"row:{number}") else _with_account_of(row, new)
        for number, row in enumerate(old.rows, start=1)
    )
    return None if rows == old.rows else replace(old, rows=rows)


def _with_account_of(row: VoucherRow, new: VoucherDraft) -> VoucherRow:
    """The row with the account that `new` gives to what it is about; as it is where that is no one account."""
    about = _subjects(row)
    same = [
        other
        for other in new.rows
        if other.purpose is row.purpose and (other.amount > 0) is (row.amount > 0) and about <= _subjects(other)
    ]
    alike = [other for other in same if other.tax_code == row.tax_code] or same
    if len(alike) != 1:
        return row
    (other,) = alike
    return replace(row, account=other.account, code_parts=other.code_parts, tax_code=other.tax_code, rule=other.rule)


def _subjects(row: VoucherRow) -> set[str]:
    return set(row.subject.split(", "))


def is_built_upon(booked: LedgerDocument, held: Ledger) -> bool:
    """Whether the amounts of a later voucher that stands were reckoned on top of this one's.

    In another currency than the company's each voucher is worth the balance after it less that before it: to reckon an
    earlier one anew would leave cents behind. Units and amounts of the order need no such care, their steps are
    reckoned against all that is taken.
    """
    if booked.kind is not DocumentKind.VOUCHER:
        return False
    try:
        draft = decode_voucher(booked.draft)
    except ValueError:
        return True  # for all we know
    if draft.rate is None or draft.rate.is_one(draft.currency):
        return False
    later = (other for other in held.of_kind(DocumentKind.VOUCHER) if other.id > booked.id)
    return any(_stands(other) for other in later)


async def written(runtime: "Runtime", claim: Claim, document: LedgerDocument, draft: _Draft) -> _Draft:
    """`draft`, written down in the place of the document's own by the holder of the claim. Raises LeaseLost."""
    text = encode(draft)

    def write(tx: Tx) -> None:
        queue.extend(tx, claim, runtime.timing.lease)
        ledger.replace_draft(tx, document.id, text)

    await runtime.database.write(write)
    return draft


def _stands(booked: LedgerDocument) -> bool:
    return booked.state is DocumentState.CONFIRMED or booked.batch is not None or not nothing_in_ifs(booked)
