"""The IFS side of a comparison: customer orders and vouchers as IFS shows them, made comparable. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain

from bcifs_console.domain import marks
from bcifs_console.domain.documents import LedgerDocument
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.rules import Policy, RevenuePosting, Rules
from bcifs_console.ifs.records import OrderHead
from bcifs_console.ifs.voucher_records import BookedVoucher
from bcifs_console.operations.reconcile_accounts import Accounts, Row, amount_of, entries_of
from bcifs_console.operations.reconcile_facts import KIND_OF
from bcifs_console.operations.reconciling import Booked, BookKind, Reasoned
from bcifs_console.operations.voucher_keys import order_of_reference, parse_key


@dataclass(frozen=True, slots=True)
class Company:
    """The connection as a comparison needs it."""

    connection_id: int
    name: str
    policy: Policy
    rules: Rules
    others: tuple[str, ...] = ()  #: order references of other connections on the same IFS company
    cancelled_states: frozenset[str] = frozenset()

    @property
    def prefix(self) -> str:
        """What every order reference of the connection begins with."""
        return self.policy.order_reference.partition("{order_id}")[0]

    def order_of(self, reference: str) -> int | None:
        return order_of_reference(self.policy.order_reference, reference)

    def is_anothers(self, reference: str) -> bool:
        """Whether a reference is of another connection on the same company, and not of this one."""
        return self.order_of(reference) is None and any(
            order_of_reference(other, reference) is not None for other in self.others
        )

    def is_cancelled(self, head: OrderHead) -> bool:
        return head.state in self.cancelled_states

    def books_twice(self, head: OrderHead) -> bool:
        """Whether IFS invoiced an order whose revenue vouchers book (ACCOUNTING §3)."""
        return self.policy.revenue_posting is RevenuePosting.VOUCHER and marks.is_invoiced_state(head.state)


def orders_named(company: Company, heads: Iterable[OrderHead], vouchers: Iterable[BookedVoucher]) -> set[int]:
    """The orders of ours that IFS speaks of."""
    keys = (parse_key(voucher.key) for voucher in vouchers)
    references = chain((head.reference for head in heads), (key.order_reference for key in keys if key))
    found = (company.order_of(reference) for reference in references)
    return {number for number in found if number is not None}


def cancelled_keys(
    company: Company, heads: Collection[OrderHead], vouchers: Collection[BookedVoucher]
) -> frozenset[str]:
    """References and keys of which IFS has nothing but what was cancelled."""
    found = {head.reference for head in heads if company.is_cancelled(head)}
    found |= {voucher.key for voucher in vouchers if voucher.is_cancelled}
    alive = {head.reference for head in heads if not company.is_cancelled(head)}
    alive |= {voucher.key for voucher in vouchers if not voucher.is_cancelled}
    return frozenset(found - alive)


def states_to_note(company: Company, heads: Iterable[OrderHead], documents: Iterable[LedgerDocument]) -> dict[str, str]:
    """By reference, the state of each order that is invoiced, and of each that was seen so before."""
    seen = {document.key for document in documents if document.part(marks.INVOICED) is not None}
    return {head.reference: head.state for head in heads if company.books_twice(head) or head.reference in seen}


def booked_orders(
    company: Company,
    heads: Iterable[OrderHead],
    wanted: Collection[str],
    known: Collection[int],
    first: date,
    credited: Collection[str] = (),
) -> Iterator[Booked]:
    """The customer orders in `wanted` (references), and those of which nobody knows.

    `known`: orders of ours. One of them that is not wanted is an order of another day. `credited`: references of
    which a person says that the invoice was credited.
    """
    for head in heads:
        order_id = company.order_of(head.reference)
        if order_id is None or company.is_cancelled(head):
            continue
        if head.reference not in wanted and order_id in known:
            continue
        yield Booked(
            key=head.reference,
            kind=BookKind.ORDERS,
            day=head.entered_on or first,
            currency=head.currency,
            amount=head.gross if head.gross is not None else ZERO,
            reference=head.order_no,
            fault=_invoice_fault(order_id, head, credited) if company.books_twice(head) else None,
            order_id=order_id,
        )


def _invoice_fault(order_id: int, head: OrderHead, credited: Collection[str]) -> Reasoned:
    if head.reference in credited:
        return Reasoned(f"Order {head.order_no} was invoiced in IFS; a person says that the invoice was credited.")
    return Reasoned(marks.invoiced_twice(head.order_no), marks.credit_it(order_id), is_good=False)


def booked_vouchers(company: Company, vouchers: Iterable[BookedVoucher], accounts: Accounts) -> Iterator[Booked]:
    """What is booked on our voucher type, but for what is cancelled and what other connections booked there."""
    for voucher in vouchers:
        parsed = parse_key(voucher.key)
        if voucher.is_cancelled or (parsed and company.is_anothers(parsed.order_reference)):
            continue
        order_id = company.order_of(parsed.order_reference) if parsed else None
        kind = parsed.kind if parsed and order_id is not None else None
        rows = [(row.account, row.debit, row.credit) for row in voucher.rows]
        yield Booked(
            key=voucher.key,
            kind=KIND_OF.get(kind, BookKind.OTHER) if kind else BookKind.OTHER,
            day=voucher.day,
            currency=voucher.currency,
            amount=amount_of(kind, rows, accounts),
            reference=voucher.reference,
            entries=entries_of(rows),
            fault=_balance_fault(rows),
            order_id=order_id,
        )


def _balance_fault(rows: Iterable[Row]) -> Reasoned | None:
    off: Decimal = sum((debit - credit for _, debit, credit in rows), ZERO)
    if not off:
        return None
    return Reasoned(f"It is not in balance: debit less credit is {off:f}.", "Correct it in IFS.", is_good=False)
