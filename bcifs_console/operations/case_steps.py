"""The story of an order as steps in time, each with how long it took. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument, LedgerPart, PartState
from bcifs_console.domain.marks import BY_HAND, said
from bcifs_console.store.views import OrderView
from bcifs_console.store.views.order_case import DeliveryView, JournalView


class StepKind(StrEnum):
    """What kind of thing happened."""

    STORE = "store"  #: in the store: placed, changed
    WEBHOOK = "webhook"  #: the store told us
    PERSON = "person"  #: somebody here did it
    DOCUMENT = "document"  #: a document was written down, or stands in IFS
    CALL = "call"  #: one call to IFS
    OUTCOME = "outcome"  #: how a look ended
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to an order. `took`: until its own end, where it is something that lasts."""

    at: datetime
    kind: StepKind
    what: str
    detail: str = ""
    actor: str = ""
    took: timedelta | None = None
    state: str = ""  #: a state of base.text.STATE_STYLE, where the step has one
    document: str = ""  #: the key of the document it is a step of


_DOCUMENT_WORDS: Final = {
    DocumentKind.CUSTOMER_ORDER: "customer order",
    DocumentKind.CUSTOMER: "customer",
    DocumentKind.VOUCHER: "voucher",
    DocumentKind.ORDER_UPDATE: "change",
}
#: What a step of that event says.
_EVENT_WORDS: Final = {
    "order.sync_asked": "asked to look at it now",
    "order.synced": "synced",
    "order.released": "let go by a new mapping rule",
    "order.retried": "tried again with its group",
    "order.failed": "given up",
    "order.skipped": "left out",
    "order.unskipped": "no longer left out",
    "order.edit_answered": "answered the store's edit",
    "order.booked_by_hand": "booked in IFS by hand",
    "order.booked_by_hand_undone": "not booked by hand after all",
    "order.total_accepted": "accepted the total that IFS shows",
    "order.total_accepted_undone": "took back the accepted total",
    "order.invoice_seen": "IFS shows it as invoiced",
    "order.invoice_gone": "IFS no longer shows it as invoiced",
    "order.invoice_credited": "the invoice was credited",
    "order.invoice_credited_undone": "the invoice was not credited",
    "order.customer_by_rule": "customer chosen by a rule",
    "order.refund_seen": "a refund was seen in the store",
    "decision.create": "decided: create the customer",
    "decision.link": "decided: link to a customer",
    "decision.skip": "decided: leave the buyer's orders out",
    "decision.undone": "decision taken back",
}
_EVENT_STATES: Final = {"order.synced": "synced", "order.failed": "failed", "order.skipped": "skipped"}
_SERVICE: Final = frozenset({"service", "worker", "poller", "watcher"})
#: What of an event's details is worth a line, in this order.
_TELLING: Final = ("choice", "voucher", "total", "reference", "customer", "rule", "refund", "error", "note")


def steps_of(
    order: OrderView,
    deliveries: Iterable[DeliveryView],
    events: Iterable[JournalView],
    documents: Sequence[LedgerDocument],
) -> tuple[Step, ...]:
    """Every step, oldest first; what happened in one moment stands in the order it is done in."""
    found = [*_of_order(order), *map(_of_delivery, deliveries)]
    for document in documents:
        found += _of_document(document)
    found += map(_of_event, events)
    return tuple(sorted(found, key=lambda step: step.at))


def _of_order(order: OrderView) -> Iterator[Step]:
    if order.placed_at is not None:
        yield Step(order.placed_at, StepKind.STORE, "placed in the store", actor="bigcommerce")
    how = f" by {order.found_by}" if order.found_by else ""
    yield Step(order.first_seen_at, StepKind.NOTE, f"first seen here{how}")


def _of_delivery(delivery: DeliveryView) -> Step:
    lag = None if delivery.event_at is None else max(delivery.received_at - delivery.event_at, timedelta(0))
    return Step(
        delivery.received_at,
        StepKind.WEBHOOK,
        f"webhook {delivery.scope.removeprefix('store/')}",
        actor="bigcommerce",
        took=lag,
    )


def _of_event(event: JournalView) -> Step:
    told = [f"{name.replace('_', ' ')} {event.detail[name]}" for name in _TELLING if event.detail.get(name)]
    kind = StepKind.OUTCOME if event.event in _EVENT_STATES else StepKind.NOTE
    if event.actor not in _SERVICE and kind is StepKind.NOTE:
        kind = StepKind.PERSON
    what = _EVENT_WORDS.get(event.event, event.event)
    return Step(event.at, kind, what, " · ".join(told), actor=event.actor, state=_EVENT_STATES.get(event.event, ""))


def _of_document(document: LedgerDocument) -> Iterator[Step]:
    name = f"{_DOCUMENT_WORDS[document.kind]} {short_key(document.key)}"
    key = document.key
    if document.state is DocumentState.NOTHING_TO_POST:
        by_hand, at = said(document, BY_HAND), document.confirmed_at or document.created_at
        what = f"{name} → {by_hand}, by hand" if by_hand else f"{name}: nothing to post"
        yield Step(at, StepKind.DOCUMENT, what, actor="service", state=document.state.value, document=key)
        return
    yield Step(document.created_at, StepKind.DOCUMENT, f"{name} written down", actor="service", document=key)
    for number, part in enumerate(document.parts):
        if part.sent_at is not None:
            yield _of_call(document, part, part.sent_at, _end(document, number))
    if document.confirmed_at is not None:
        took = document.confirmed_at - document.created_at
        what = f"{name} → {document.reference}" if document.reference else f"{name} in IFS"
        yield Step(
            document.confirmed_at, StepKind.DOCUMENT, what, "", "ifs", took, state=document.state.value, document=key
        )
    elif document.state in (DocumentState.FAILED, DocumentState.UNKNOWN):
        last = max((part.sent_at for part in document.parts if part.sent_at), default=document.created_at)
        what = f"{name}: " + ("refused" if document.state is DocumentState.FAILED else "outcome unknown")
        state = document.state.value
        yield Step(last, StepKind.OUTCOME, what, document.error, "ifs", state=state, document=key)


def short_key(key: str) -> str:
    """A document's key without the order's reference, where there is more of it: `SHIP/61`."""
    return key.partition("/")[2] or key


def _of_call(document: LedgerDocument, part: LedgerPart, sent_at: datetime, end: datetime | None) -> Step:
    told = [part.error]
    if part.sends > 1:
        told.append(f"sent {part.sends} times")
    if part.look_ups:
        told.append(f"looked up {part.look_ups} time{'' if part.look_ups == 1 else 's'}")
    what = part.name.replace("_", " ").replace(":", " ")
    return Step(
        sent_at,
        StepKind.CALL,
        f"{what} → {part.reference}" if part.reference else what,
        " · ".join(text for text in told if text),
        actor="ifs",
        took=max(end - sent_at, timedelta(0)) if end is not None and part.state is PartState.CONFIRMED else None,
        state=part.state.value,
        document=document.key,
    )


def _end(document: LedgerDocument, number: int) -> datetime | None:
    """When a call's answer was there: it shares its commit with the next call's start, the last with the document's."""
    later = (part.sent_at for part in document.parts[number + 1 :] if part.sent_at is not None)
    return next(later, document.confirmed_at)
