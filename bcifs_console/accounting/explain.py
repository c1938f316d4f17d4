"""Why each amount of a document is what it is and where it is: store field → rule → IFS field (DESIGN §8, promise 5).

Read from drafts as they were frozen, never worked out again: what is shown is what was sent. Amounts add up to the
document's to the cent, line by line, charge by charge, row by row; `unexplained` says by how much they do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.consumption import ORDER_SUBJECT, TAX_SUBJECT
from bcifs_console.accounting.facts import split_key
from bcifs_console.domain.documents import CustomerDraft, CustomerOrderDraft, Draft
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.updates import OrderUpdateDraft, UpdateKind
from bcifs_console.domain.vouchers import RowShare, VoucherDraft, VoucherKind, VoucherRow

#: Shown where no mapping rule had a say.
NO_RULE: Final = "no rule"

_TAX_PURPOSES: Final = frozenset({Purpose.TAX_ACCOUNT, Purpose.TAX_ON_PREPAYMENTS})
#: The store's fields of a charge inside the order, before tax and tax (facts §3.3).
_CHARGES: Final = {
    "shipping": "shipping_cost",
    "handling": "handling_cost",
    "wrapping": "wrapping_cost",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One amount of one document. In a voucher debit is positive."""

    amount: Decimal
    currency: str
    store_field: str
    rule: str
    ifs_field: str
    document: str
    part: str  #: line:17, charge:FREIGHT#1, row:2: what of the document it is in


def explain(draft: Draft) -> tuple[Explained, ...]:
    """Every amount of a document, in the order they stand in it; empty for a document without amounts."""
    match draft:
        case CustomerOrderDraft():
            return tuple(_of_order(draft))
        case VoucherDraft():
            return tuple(_of_voucher(draft))
        case OrderUpdateDraft():
            return tuple(_of_update(draft))
        case CustomerDraft():
            return ()


def unexplained(draft: Draft) -> dict[str, Decimal]:
    """Part of the document → what the explanation is off by; empty where every cent is accounted for."""
    wanted = dict(_amounts(draft))
    for each in explain(draft):
        wanted[each.part] = wanted.get(each.part, ZERO) - each.amount
    return {part: amount for part, amount in wanted.items() if amount}


def _amounts(draft: Draft) -> Iterator[tuple[str, Decimal]]:
    """What each part of a document comes to, tax included."""
    match draft:
        case CustomerOrderDraft():
            yield from ((f"line:{line.key}", line.gross) for line in draft.lines)
            yield from ((f"charge:{charge.key}", charge.inc_tax) for charge in draft.charges)
        case VoucherDraft():
            yield from ((f"row:{number}", row.amount) for number, row in enumerate(draft.rows, 1))
        case OrderUpdateDraft() if draft.update_kind is UpdateKind.LINE_QUANTITY:
            yield f"line:{draft.line_id}", -draft.gross
        case _:
            return


def _of_order(draft: CustomerOrderDraft) -> Iterator[Explained]:
    for trace in draft.traces:
        rule, part = trace.rule or NO_RULE, trace.ifs_field.rpartition(".")[0]
        yield Explained(trace.amount, draft.currency, trace.store_field, rule, trace.ifs_field, draft.key, part)


def _of_update(draft: OrderUpdateDraft) -> Iterator[Explained]:
    if draft.update_kind is not UpdateKind.LINE_QUANTITY:
        return
    field = "BuyQtyDue" if draft.quantity else "Objstate"
    store_field, part = f"products[{draft.line_id}].quantity_refunded", f"line:{draft.line_id}"
    yield Explained(-draft.gross, draft.currency, store_field, NO_RULE, f"{part}.{field}", draft.key, part)


def _of_voucher(draft: VoucherDraft) -> Iterator[Explained]:
    for number, row in enumerate(draft.rows, 1):
        field = "CurrencyDebetAmount" if row.debit else "CurrencyCreditAmount"
        for share in row.shares or (RowShare(row.subject, row.amount, row.rule),):
            yield Explained(
                amount=share.amount,
                currency=draft.currency,
                store_field=_store_field(draft, row, share.subject),
                rule=share.rule or row.rule or NO_RULE,
                ifs_field=f"row:{number}.{field} account {row.account}",
                document=draft.key,
                part=f"row:{number}",
            )


def _store_field(draft: VoucherDraft, row: VoucherRow, subject: str) -> str:
    """The field of the store that an entry's amount comes from. Of an old row that merged several, all of them."""
    if ", " in subject:
        return " + ".join(_store_field(draft, row, each) for each in subject.split(", "))
    side = "tax" if row.purpose in _TAX_PURPOSES else "ex_tax"
    kind, _, number = subject.partition(":")
    match kind:
        case "line":
            gross = row.purpose is Purpose.GIFT_CERTIFICATE_LIABILITY
            return f"products[{number}].total_{'inc_tax' if gross else side}{_units(draft, subject)}"
        case "fee":
            return f"fees[{number}].cost_{side}"
        case "wrapping" if number:
            return f"products[{number}].wrapping_cost_{side}"
        case "tender":
            return f"transactions[{number}].amount"
        case "refund":
            return f"refunds[{number}].payments.amount"
        case _ if (charge := kind.partition("#")[0]) in _CHARGES:
            return f"{_CHARGES[charge]}_{side}"
        case _ if subject == TAX_SUBJECT:
            return "total_tax"
        case _ if subject in (ORDER_SUBJECT, ""):
            return _of_whole(draft, row)
        case _:
            return subject


def _units(draft: VoucherDraft, subject: str) -> str:
    """` (2 units)`: how many of the line the voucher is about."""
    units = sum(take.units for take in draft.takes if take.subject == subject)
    return f" ({units} unit{'' if abs(units) == 1 else 's'})" if units else ""


def _of_whole(draft: VoucherDraft, row: VoucherRow) -> str:
    """The fact that a voucher is for: what its customer balance, goodwill and rounding come from."""
    number = split_key(draft.key)[1].partition("/")[2]
    if row.purpose is Purpose.ROUNDING:
        return "what is left of the order's amounts after rounding"
    match draft.voucher_kind:
        case VoucherKind.PAYMENT | VoucherKind.VOID:
            return f"transactions[{number}].amount"
        case VoucherKind.SHIPMENT if number.startswith("STATUS"):
            return "status and date_shipped of the order"
        case VoucherKind.SHIPMENT:
            return f"shipments[{number}].items"
        case VoucherKind.REVERSAL:
            return f"shipments[{number.partition('/')[0]}] that is no longer there"
        case VoucherKind.REFUND:
            return f"refunds[{number}].items"
        case VoucherKind.DIGITAL | VoucherKind.GIFT:
            return "products delivered without shipment"
        case VoucherKind.CLOSE:
            return "what payments, shipments and refunds left on the customer balance"
