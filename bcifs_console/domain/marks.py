"""Marks on a document: what a person said of it, or what IFS was seen to make of it, beside the calls that made it.

A mark is a part of its document (`LedgerPart`) that is confirmed without ever being sent; its reference says what it
says. Whoever looks at a document's calls finds it among them: a document with a mark is never taken for one of which
nothing happened.
"""

from decimal import Decimal
from typing import Final

from bcifs_console.domain.documents import DocumentKind, LedgerDocument

#: Of a voucher: a person booked it in IFS and it is never posted; the reference is theirs.
BY_HAND: Final = "by_hand"
#: Of a customer order: a person takes the total that IFS shows as it is; the reference is that total.
ACCEPTED: Final = "accepted"
#: Of a customer order: IFS was seen to have invoiced it; the reference is the state it was in, or CREDITED.
INVOICED: Final = "invoiced"
#: A person says that the invoice was credited.
CREDITED: Final = "credited"
NAMES: Final = (BY_HAND, ACCEPTED, INVOICED)


def said(document: LedgerDocument, name: str) -> str:
    """What the mark says, "" where the document does not bear it."""
    part = document.part(name)
    return part.reference if part is not None else ""


def accepted_total(document: LedgerDocument) -> Decimal | None:
    """The total of a customer order that a person accepted as IFS shows it."""
    accepted = said(document, ACCEPTED)
    return Decimal(accepted) if accepted else None


def is_invoiced_state(state: str) -> bool:
    """Whether IFS shows an order in this state once it is invoiced (facts §5: Invoiced, shown Invoiced/Closed)."""
    return state.casefold().startswith("invoiced")


def is_invoiced(document: LedgerDocument) -> bool:
    """Whether IFS was seen to have invoiced the customer order, and nobody said that the invoice was credited."""
    return said(document, INVOICED) not in ("", CREDITED)


def invoiced_twice(order_no: str) -> str:
    """What an invoice means for an order whose revenue vouchers book (ACCOUNTING §3)."""
    return f"Order {order_no} was invoiced in IFS: its revenue is booked twice."


def credit_it(order_id: int) -> str:
    """What to do about it."""
    return (
        "Credit the invoice in IFS, and see to it that this order type is never invoiced; then say so: "
        f'bcifs orders accept {order_id} --note "credited by CR-17"'
    )


def told(document: LedgerDocument) -> str:
    """What a person answered about the document, in a sentence; "" where nobody did."""
    name = document.reference or document.key
    by_hand, accepted = said(document, BY_HAND), said(document, ACCEPTED)
    if by_hand:
        return f"{document.key} was booked in IFS by hand: {by_hand}."
    if accepted:
        return f"IFS shows {accepted} {document.currency} for {name}, not {document.amount:f}; a person accepted that."
    if document.kind is DocumentKind.CUSTOMER_ORDER and said(document, INVOICED) == CREDITED:
        return f"IFS invoiced {name}; a person says that the invoice was credited."
    return ""
