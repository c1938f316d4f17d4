"""When a frozen draft may be drawn up anew: nothing of it is in IFS yet, or only its mapping changed where IFS refused.

The money never changes here (ACCOUNTING §1, frozen basis): same facts, same customer, same parts already confirmed.
"""

from dataclasses import replace

from bcifs_console.domain.documents import CustomerOrderDraft, LedgerDocument, PartState
from bcifs_console.domain.vouchers import VoucherDraft


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


def same_voucher_so_far(old: VoucherDraft, new: VoucherDraft, document: LedgerDocument) -> bool:
    """Whether `new` may replace `old` half-way: the same voucher but for the accounts of rows IFS does not have."""
    if (new.key, new.day, new.currency, new.takes) != (old.key, old.day, old.currency, old.takes):
        return False
    if [row.amount for row in new.rows] != [row.amount for row in old.rows]:
        return False
    pairs = enumerate(zip(old.rows, new.rows, strict=True), start=1)
    return all(before == after or not document.is_confirmed(f"row:{number}") for number, (before, after) in pairs)
