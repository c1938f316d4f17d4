"""Telling lives of orders into a real store: what the listener, the worker and IFS would have written, at its time.

Nothing is faked in the store's own shapes: deliveries are accepted, orders claimed and finished, documents intended and
recorded by the store's own functions, drafts come from the planner. Only the two systems behind are missing: what they
would have answered is said here.
"""

import asyncio
import heapq
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from bcifs_console.accounting.plan import plan
from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.buyers import Buyer, Customer, Known, Unknown, buyer_of
from bcifs_console.domain.codec import encode
from bcifs_console.domain.documents import (
    CustomerDraft,
    CustomerOrderDraft,
    DocumentKind,
    DocumentState,
    Draft,
    Ledger,
    PartState,
)
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Plan, Reason, Verdict
from bcifs_console.domain.rules import Policy, Rules
from bcifs_console.domain.states import Claim, OrderFacts, OrderState, Outcome, order_subject
from bcifs_console.domain.updates import OrderUpdateDraft
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.store import customers, intake, ledger, queue, rules
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.intake import Delivery
from bcifs_console.store.ledger import DocumentChange, NewDocument, PartChange
from bcifs_console.sync.candidates import KnownCustomer, ranked

#: A story is a generator that yields the moments at which it goes on.
Story = Iterator[datetime]
CREATED: Final = "store/order/created"
UPDATED: Final = "store/order/updated"
SHIPPED: Final = "store/shipment/created"
REFUNDED: Final = "store/order/refund/created"
_A_CALL: Final = timedelta(milliseconds=140)
_OF_A_CUSTOMER: Final = ("info", "address", "communication", "order_info", "invoice_info")
_SERVICE: Final = "service"


@dataclass(frozen=True, slots=True)
class Halt:
    """Something stops a look: at one call of a document, or, without one, before anything is sent."""

    outcome: Outcome
    document: DocumentKind | None = None
    call: str = ""
    state: PartState = PartState.FAILED


def tell(clock: ManualClock, stories: Iterable[Story]) -> None:
    """Let the stories happen, each step at its moment; the clock stands at the last one afterwards."""
    order = itertools.count()
    agenda = [(next(story), next(order), story) for story in stories]
    heapq.heapify(agenda)
    while agenda:
        moment, _, story = heapq.heappop(agenda)
        to(clock, moment)
        following = next(story, None)
        if following is not None:
            heapq.heappush(agenda, (following, next(order), story))


def to(clock: ManualClock, moment: datetime) -> None:
    """Move the clock forward to `moment`; one that is past changes nothing."""
    clock.advance(max(0.0, (moment - clock.now()).total_seconds()))


@dataclass
class Teller:
    """One connection of the scene: its store of orders, its policy, and the customers its IFS has."""

    database: Database
    clock: ManualClock
    connection_id: int
    store_hash: str
    policy: Policy
    ifs_customers: Sequence[KnownCustomer]
    first_order_no: int
    _order_nos: dict[int, str] = field(default_factory=dict)
    _vouchers: dict[str, str] = field(default_factory=dict)

    # -- stories -----------------------------------------------------------------------------------------------------

    def life(self, first: Order, *later: tuple[datetime, str, Order], halt: Halt | None = None) -> Story:
        """An order is placed and heard of; at each later moment an event tells of what has changed. `halt` holds for
        the last look."""
        chapters = [(first.placed_at + timedelta(seconds=1.4), CREATED, first), *later]
        for number, (moment, scope, order) in enumerate(chapters, 1):
            yield moment
            self.hear(order.id, scope)
            yield moment + timedelta(seconds=0.3)
            self.look(order, halt if number == len(chapters) else None)

    def told(self, order_id: int, at: datetime, scope: str = CREATED) -> Story:
        """An event came in, and nobody has looked yet."""
        yield at
        self.hear(order_id, scope)

    def decided(self, order: Order, action: str, customer_id: str, note: str = "") -> Story:
        """A buyer nobody knew, and a person's answer a quarter of an hour later."""
        yield from self.life(order)
        buyer = buyer_of(order)
        yield order.placed_at + timedelta(minutes=16)
        asked = self.database.read_sync(lambda conn: customers.decision_of_buyer(conn, self.connection_id, buyer.key))
        assert asked is not None, "nobody asked"
        draft = CustomerDraft(
            buyer.key, customer_id, buyer.name, buyer.email, buyer.address.phone, buyer.address, "", self.clock.now()
        )
        made = encode(draft) if action == "create" else ""
        self.database.write_sync(
            lambda tx: customers.decide(tx, asked, action, actor="dana", customer_id=customer_id, note=note, draft=made)
        )
        if made:
            self._create(draft, made)
        self.look(order)

    def _create(self, draft: CustomerDraft, text: str) -> None:
        new = NewDocument(
            self.connection_id, f"buyer:{draft.key}", draft.key, DocumentKind.CUSTOMER, "", ZERO, "", text,
            reference=draft.customer_id,
        )  # fmt: skip
        calls = [PartChange(name, place, PartState.CONFIRMED) for place, name in enumerate(_OF_A_CUSTOMER, 1)]

        def write(tx: Tx) -> None:
            document_id = ledger.intend(tx, new).id
            ledger.record(tx, None, document_id, calls, DocumentChange(DocumentState.CONFIRMED, draft.customer_id))
            customers.link(tx, self.connection_id, draft.key, draft.customer_id, source="created")

        self.database.write_sync(write)

    def held(self, order: Order, owner: str) -> Story:
        """An order that is being worked on at the end of the story."""
        yield order.placed_at + timedelta(seconds=1.4)
        self.hear(order.id, CREATED)
        yield order.placed_at + timedelta(seconds=1.7)
        claim = self._claim(order.id, owner)
        self._read(claim, order)

    # -- what happens ------------------------------------------------------------------------------------------------

    def hear(self, order_id: int, scope: str) -> None:
        """A signed webhook is accepted."""
        at = self.clock.now()
        event = {"scope": scope, "data": {"type": "order", "id": order_id}, "producer": f"stores/{self.store_hash}"}
        made = Delivery(
            self.connection_id, f"{order_id}:{scope}:{at.isoformat()}", scope, order_id, at, json.dumps(event)
        )

        async def accepted() -> None:
            await intake.accept(self.database, made)

        with ThreadPoolExecutor(1) as apart:  # where a loop runs already, this one needs a thread of its own
            apart.submit(asyncio.run, accepted()).result()

    def look(self, order: Order, halt: Halt | None = None) -> None:
        """One look at an order, from the claim to its end."""
        claim = self._claim(order.id, "worker:scene")
        self._read(claim, order)
        customer = self._customer(buyer_of(order))
        answer = self._plan(order, customer)
        if halt is not None and halt.document is None:
            self._finish(claim, order, customer, halt.outcome)
            return
        while answer.documents or answer.vouchers or answer.updates:
            if not self._post(order, answer, halt):
                assert halt is not None, "only a halt stops a document"
                self._finish(claim, order, customer, halt.outcome)
                return
            answer = self._plan(order, customer)
        if answer.verdict is Verdict.WAIT and any(b.reason is Reason.CUSTOMER for b in answer.blockers):
            self._ask(buyer_of(order))
        self._finish(claim, order, customer, self._ended(answer))

    # -- steps of a look ---------------------------------------------------------------------------------------------

    def _claim(self, order_id: int, owner: str) -> Claim:
        only = [(self.connection_id, order_id)]
        lease = timedelta(seconds=90)
        (claim,) = self.database.write_sync(lambda tx: queue.claim(tx, owner, limit=1, lease=lease, only=only))
        return claim

    def _read(self, claim: Claim, order: Order) -> None:
        text = encode(order)
        self.database.write_sync(lambda tx: queue.save_snapshot(tx, claim, text, tx.now))
        self.clock.advance(0.2)

    def _customer(self, buyer: Buyer) -> Customer:
        known = self.database.read_sync(lambda conn: customers.link_of(conn, self.connection_id, buyer.key))
        if known is not None:
            return known
        found = [one for one in self.ifs_customers if buyer.email and buyer.email in one.emails]
        if len(found) != 1:
            return Unknown(tuple(one.customer_id for one in found))
        customer_id = found[0].customer_id
        self.database.write_sync(
            lambda tx: customers.link(tx, self.connection_id, buyer.key, customer_id, source="lookup")
        )
        return Known(customer_id, "lookup")

    def _ask(self, buyer: Buyer) -> None:
        holders = [one.customer_id for one in self.ifs_customers if buyer.email and buyer.email in one.emails]
        found = tuple(one.as_json for one in ranked(buyer, self.ifs_customers, always=holders))
        question = "several IFS customers have this e-mail" if holders else "IFS does not know this buyer"
        self.database.write_sync(lambda tx: customers.ask(tx, self.connection_id, buyer, question, found))

    def _plan(self, order: Order, customer: Customer) -> Plan:
        subject = order_subject(order.id)

        def read(conn: Connection) -> tuple[Rules, Ledger]:
            return rules.in_force(conn, self.connection_id), ledger.of_subject(conn, self.connection_id, subject)

        in_force, held = self.database.read_sync(read)
        return plan(order, customer, in_force, self.policy, held, seen_at=self.clock.now())

    def _post(self, order: Order, answer: Plan, halt: Halt | None) -> bool:
        """Post what is planned; False where IFS stopped it."""
        drafts: list[Draft] = [*answer.documents, *answer.vouchers, *answer.updates]
        for draft in drafts:
            kind = _kind_of(draft)
            stop = halt if halt is not None and halt.document is kind else None
            is_whole = self._write(order.id, kind, draft, _calls_of(draft, release=answer.release), stop)
            if not is_whole:
                return False
        return True

    def _write(self, order_id: int, kind: DocumentKind, draft: Draft, calls: list[str], stop: Halt | None) -> bool:
        began = self.clock.now()
        if stop is not None:
            calls = calls[: calls.index(stop.call) + 1]
        is_empty = isinstance(draft, VoucherDraft) and not draft.rows

        def write(tx: Tx) -> bool:
            document_id = ledger.intend(tx, self._new(order_id, kind, draft)).id
            if is_empty:
                ledger.record(tx, None, document_id, [], DocumentChange(state=DocumentState.NOTHING_TO_POST))
                return True
            for ordinal, name in enumerate(calls, 1):
                sent = replace(tx, now=began + (ordinal - 1) * _A_CALL)
                deadline = sent.now + timedelta(seconds=30)
                ledger.record(
                    sent, None, document_id, [PartChange(name, ordinal, PartState.SENT, deadline_at=deadline)]
                )
                if stop is not None and name == stop.call:
                    return _stopped(sent, document_id, ordinal, stop)
                done = PartChange(name, ordinal, PartState.CONFIRMED, self._answer(order_id, draft, name, ordinal))
                ledger.record(replace(tx, now=sent.now + _A_CALL), None, document_id, [done])
            whole = DocumentChange(DocumentState.CONFIRMED, self._reference(order_id, draft), etag='W/"1"', error="")
            ledger.record(replace(tx, now=began + len(calls) * _A_CALL), None, document_id, [], whole)
            return True

        is_whole = self.database.write_sync(write)
        self.clock.advance(len(calls) * _A_CALL.total_seconds())
        return is_whole

    def _new(self, order_id: int, kind: DocumentKind, draft: Draft) -> NewDocument:
        assert isinstance(draft, CustomerOrderDraft | VoucherDraft | OrderUpdateDraft)
        currency, amount = draft.currency, ZERO
        if isinstance(draft, CustomerOrderDraft):
            amount = draft.total_inc_tax
        elif isinstance(draft, VoucherDraft):
            amount = draft.amount
        return NewDocument(
            connection_id=self.connection_id,
            subject=order_subject(order_id),
            key=draft.key,
            kind=kind,
            fact_hash=draft.fact_hash,
            amount=amount,
            currency=currency,
            draft=encode(draft),
            day=draft.day if isinstance(draft, VoucherDraft) else None,
        )

    def _answer(self, order_id: int, draft: Draft, call: str, ordinal: int) -> str:
        """What IFS answered one call with."""
        if call == "header":
            return self._reference(order_id, draft)
        return "" if call in ("read_back", "release") else str(ordinal - 1)

    def _reference(self, order_id: int, draft: Draft) -> str:
        if isinstance(draft, VoucherDraft):
            return self._vouchers.setdefault(draft.key, f"M-2026-{len(self._vouchers) + 1017}")
        return self._order_nos.setdefault(order_id, f"C{self.first_order_no + len(self._order_nos)}")

    # -- how it ended ------------------------------------------------------------------------------------------------

    @staticmethod
    def _ended(answer: Plan) -> Outcome:
        settled = None if answer.position is None else answer.position.is_settled
        if answer.verdict is Verdict.IGNORE:
            return Outcome(OrderState.IGNORED, error=answer.note)
        if answer.verdict is Verdict.SKIP:
            return Outcome(OrderState.SKIPPED, error=answer.note)
        open_points = (*answer.conflicts, *answer.blockers, *answer.pending)
        if open_points:
            return waits(*open_points, warnings=answer.warnings, settled=None if settled is None else False)
        return Outcome(OrderState.SYNCED, warnings=answer.warnings, settled=settled)

    def _finish(self, claim: Claim, order: Order, customer: Customer, outcome: Outcome) -> None:
        buyer = buyer_of(order)
        facts = OrderFacts(
            placed_at=order.placed_at,
            modified_at=order.modified_at,
            status_id=order.status_id,
            email=buyer.email,
            buyer_key=buyer.key,
            buyer_name=buyer.name,
            total=order.total_inc_tax,
            currency=order.currency,
        )
        whole = replace(
            outcome,
            facts=facts,
            ifs_customer=customer.customer_id if isinstance(customer, Known) else None,
            ifs_order_no=self._order_nos.get(order.id),
        )
        self.database.write_sync(lambda tx: queue.finish(tx, claim, whole, actor=_SERVICE))


def waits(first: Blocker, *others: Blocker, cause: str = "", **more: object) -> Outcome:
    """The outcome of a look that ends in waiting, as the worker writes it."""
    return replace(
        Outcome(
            OrderState.WAITING,
            reason=first.reason,
            error=first.message,
            remedy=first.remedy,
            cause=cause or f"{first.reason.value}:{first.subject}",
            blockers=(first, *others),
        ),
        **more,  # type: ignore[arg-type]  # fields of Outcome
    )


def _stopped(tx: Tx, document_id: int, ordinal: int, stop: Halt) -> bool:
    """Write how the call that IFS stopped went. Always False: the document is not whole."""
    part = PartChange(stop.call, ordinal, stop.state, error=stop.outcome.error)
    change = DocumentChange(DocumentState.SENT)
    ledger.record(replace(tx, now=tx.now + _A_CALL), None, document_id, [part], change)
    return False


def _kind_of(draft: Draft) -> DocumentKind:
    if isinstance(draft, VoucherDraft):
        return DocumentKind.VOUCHER
    return DocumentKind.ORDER_UPDATE if isinstance(draft, OrderUpdateDraft) else DocumentKind.CUSTOMER_ORDER


def _calls_of(draft: Draft, *, release: bool) -> list[str]:
    """The calls that bring a document into IFS, by the names the ledger has for them."""
    if isinstance(draft, VoucherDraft):
        return ["header", *(f"row:{number}" for number in range(1, len(draft.rows) + 1)), "confirm", "read_back"]
    if isinstance(draft, OrderUpdateDraft):
        return ["apply"]
    assert isinstance(draft, CustomerOrderDraft)
    lines = [
        f"{call}:{line.key}"
        for line in draft.lines
        for call in (("line", "pre_posting") if line.account else ("line",))
    ]
    charges = [f"charge:{charge.key}" for charge in draft.charges]
    return ["header", "address", *lines, *charges, "read_back", *(["release"] if release else [])]
