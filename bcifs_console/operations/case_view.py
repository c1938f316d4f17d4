"""One order whole: as the store showed it last, what stands in IFS, what would be posted, and what is in the way.

Computed from what is stored alone: nothing is called, so it tells as much while IFS is down. What only IFS knows (a
sales part it lacks, a closed period) is known from the last look, and stands among the problems.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.edits import changes, edit_state
from bcifs_console.accounting.explain import Explained, explain
from bcifs_console.accounting.plan import plan
from bcifs_console.domain.buyers import Customer, Known, buyer_of
from bcifs_console.domain.codec import decode_customer_order, decode_order_update, decode_voucher
from bcifs_console.domain.documents import (
    CustomerOrderDraft,
    DocumentKind,
    DocumentState,
    Draft,
    Figures,
    Ledger,
    LedgerDocument,
    LedgerPart,
)
from bcifs_console.domain.marks import told
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Plan
from bcifs_console.domain.rules import Policy
from bcifs_console.domain.states import OrderState, left_out_key, order_subject
from bcifs_console.domain.vouchers import Position, VoucherDraft
from bcifs_console.operations.case_steps import Step, steps_of
from bcifs_console.operations.order_skip import may_be_in_ifs
from bcifs_console.store import connections, customers, ledger, past, rules, views
from bcifs_console.store.views import OrderView, order_case

__all__ = ["PLANNED", "Case", "CaseDocument", "CaseProblem", "Explained", "Step", "case", "document_of"]

#: The state of a document that is not in the ledger: it would be posted now.
PLANNED: Final = "planned"
_STANDS: Final = frozenset({DocumentState.CONFIRMED.value, DocumentState.NOTHING_TO_POST.value})


@dataclass(frozen=True, slots=True)
class CaseDocument:
    """One IFS document: of the ledger, or planned. `draft` is None where it can no longer be read."""

    key: str
    kind: DocumentKind
    state: str  #: a DocumentState, or PLANNED
    amount: Decimal
    currency: str
    draft: Draft | None
    reference: str = ""
    day: date | None = None
    created_at: datetime | None = None
    confirmed_at: datetime | None = None
    error: str = ""
    batch: int | None = None
    parts: tuple[LedgerPart, ...] = ()
    is_fresh: bool = False  #: planned, or nothing of it can have reached IFS

    @property
    def is_planned(self) -> bool:
        return self.state == PLANNED

    @property
    def stands(self) -> bool:
        """Whether it is whole in IFS, or there is nothing of it to be there."""
        return self.state in _STANDS

    @property
    def voucher(self) -> VoucherDraft | None:
        return self.draft if isinstance(self.draft, VoucherDraft) else None


@dataclass(frozen=True, slots=True)
class CaseProblem:
    """One thing in the way, with what to do about it. `since_look`: found by the last look; `is_now`: found again now,
    offline, by the rules in force."""

    reason: str
    message: str
    remedy: str
    subject: str = ""
    figures: Figures | None = None
    since_look: bool = False
    is_now: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One order whole. `read` is None where it was never read, or what was kept can no longer be read."""

    order: OrderView
    read: Order | None
    read_at: datetime | None
    documents: tuple[CaseDocument, ...]  #: of the ledger as they were written down, then the planned ones
    problems: tuple[CaseProblem, ...]
    steps: tuple[Step, ...]
    amounts: tuple[Explained, ...] = ()
    verdict: str = ""
    note: str = ""  #: why it is ignored or skipped
    will_release: bool = False
    position: Position | None = None
    decision_id: int | None = None
    left_out: str | None = None  #: the note with which a person left this order out
    edit: tuple[str, ...] | None = None  #: what the store edited after it was sent; None: nothing, or it is adopted
    edit_answer: str = ""  #: what a person said of that edit: an EditChoice, "" while it is open
    unreadable: tuple[str, ...] = field(default=())  #: documents whose draft can no longer be read
    answers: tuple[str, ...] = ()  #: what a person said of single documents, in sentences

    @property
    def planned(self) -> tuple[CaseDocument, ...]:
        return tuple(document for document in self.documents if document.is_planned)

    @property
    def vouchers(self) -> tuple[CaseDocument, ...]:
        return tuple(document for document in self.documents if document.kind is DocumentKind.VOUCHER)


def case(conn: Connection, *, connection_id: int, order_id: int) -> Case | None:
    """The order whole, None where it was never seen here."""
    found = views.orders_by_id(conn, connection_id, [order_id])
    if not found:
        return None
    order = found[0]
    held = ledger.of_subject(conn, connection_id, order_subject(order_id))
    stored = tuple(document_of(document) for document in held.documents)
    in_force = rules.in_force(conn, connection_id)
    policy = connections.settings_of(conn, connection_id).policy
    read, read_at, answer = None, None, None
    kept = past.of_orders(conn, connection_id, [order_id])
    if kept:
        read, read_at = kept[0].order(), kept[0].fetched_at
    if read is not None and read_at is not None:
        customer = _customer(conn, connection_id, read, order.ifs_customer)
        applied = policy.for_named() if kept[0].is_named else policy
        answer = plan(read, customer, in_force, applied, held, seen_at=read_at)
    planned = () if answer is None else _planned(answer, {document.key for document in held.documents})
    documents = (*stored, *planned)
    edit, said = (None, "") if read is None else _edit(read, held, policy)
    buyer_key = "" if read is None else buyer_of(read).key
    return Case(
        order=order,
        read=read,
        read_at=read_at,
        documents=documents,
        problems=_problems(order, answer),
        steps=steps_of(
            order,
            order_case.deliveries(conn, connection_id, order_id),
            order_case.journal_of(conn, connection_id, order_id, buyer_key),
            held.documents,
        ),
        amounts=tuple(each for document in documents if document.draft for each in explain(document.draft)),
        verdict="" if answer is None else answer.verdict.value,
        note="" if answer is None else answer.note,
        will_release=answer is not None and answer.release,
        position=None if answer is None else answer.position,
        decision_id=order_case.decision_of(conn, connection_id, buyer_key) if buyer_key else None,
        left_out=order_case.left_out(conn, connection_id, order_id),
        edit=edit,
        edit_answer=said,
        unreadable=tuple(document.key for document in stored if document.draft is None),
        answers=tuple(filter(None, map(told, held.documents))),
    )


def _edit(order: Order, held: Ledger, policy: Policy) -> tuple[tuple[str, ...] | None, str]:
    """What the store changed after the order was sent, and what a person said to it."""
    sent = held.customer_order()
    draft = None if sent is None else _draft(sent)
    if sent is None or not isinstance(draft, CustomerOrderDraft):
        return None, ""
    found = edit_state(draft.basis, sent.fact_hash, fact_hash(order), held.answers)
    if not found.is_edited:
        return None, ""
    return changes(draft, order, policy.minor_units), "" if found.answer is None else found.answer.choice.value


def document_of(document: LedgerDocument) -> CaseDocument:
    """A document of the ledger with its draft."""
    return CaseDocument(
        key=document.key,
        kind=document.kind,
        state=document.state.value,
        amount=document.amount,
        currency=document.currency,
        draft=_draft(document),
        reference=document.reference,
        day=document.day,
        created_at=document.created_at,
        confirmed_at=document.confirmed_at,
        error=document.error,
        batch=document.batch,
        parts=document.parts,
        is_fresh=not may_be_in_ifs(document),
    )


def _draft(document: LedgerDocument) -> Draft | None:
    try:
        match document.kind:
            case DocumentKind.CUSTOMER_ORDER:
                return decode_customer_order(document.draft)
            case DocumentKind.VOUCHER:
                return decode_voucher(document.draft)
            case DocumentKind.ORDER_UPDATE:
                return decode_order_update(document.draft)
            case _:
                return None
    except ValueError:
        return None


def _customer(conn: Connection, connection_id: int, order: Order, known: str) -> Customer:
    """Whose order it is, as far as that is known here. Where it is not, somebody: the amounts are the same, and who it
    is stands among the problems."""
    for key in (left_out_key(order.id), buyer_of(order).key):
        linked = customers.link_of(conn, connection_id, key)
        if linked is not None:
            return linked
    return Known(known)


def _planned(found: Plan, known: set[str]) -> tuple[CaseDocument, ...]:
    drafts: tuple[Draft, ...] = (*found.documents, *found.updates, *found.vouchers)
    return tuple(_fresh(draft) for draft in drafts if draft.key not in known)


def _fresh(draft: Draft) -> CaseDocument:
    kind, amount, currency, day = DocumentKind.ORDER_UPDATE, ZERO, "", None
    if isinstance(draft, CustomerOrderDraft):
        kind, amount, currency = DocumentKind.CUSTOMER_ORDER, draft.total_inc_tax, draft.currency
    elif isinstance(draft, VoucherDraft):
        kind, amount, currency, day = DocumentKind.VOUCHER, draft.amount, draft.currency, draft.day
    return CaseDocument(draft.key, kind, PLANNED, amount, currency, draft, day=day, is_fresh=True)


def _problems(order: OrderView, answer: Plan | None) -> tuple[CaseProblem, ...]:
    """What the last look found, then what is found now and was not then."""
    now = () if answer is None else answer.stops
    found = {blocker.message: _of_blocker(blocker) for blocker in now}
    problems = [_of_row(row, is_now=str(row.get("message", "")) in found) for row in order.problems]
    if not problems and order.error and order.state in (OrderState.WAITING.value, OrderState.FAILED.value):
        problems = [CaseProblem(order.reason, order.error, order.remedy, since_look=True)]
    known = {problem.message for problem in problems}
    return (*problems, *(problem for message, problem in found.items() if message not in known))


def _of_blocker(blocker: Blocker) -> CaseProblem:
    return CaseProblem(
        blocker.reason.value, blocker.message, blocker.remedy, blocker.subject, blocker.figures, is_now=True
    )


def _of_row(row: dict[str, Any], *, is_now: bool) -> CaseProblem:
    figures = row.get("figures")
    return CaseProblem(
        reason=str(row.get("reason", "")),
        message=str(row.get("message", "")),
        remedy=str(row.get("remedy", "")),
        subject=str(row.get("subject", "")),
        figures=None
        if not figures
        else Figures(
            str(figures["what"]), Decimal(figures["store"]), Decimal(figures["computed"]), str(figures["currency"])
        ),
        since_look=True,
        is_now=is_now,
    )
