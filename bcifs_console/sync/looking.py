"""One look at one order: load → match → plan → post → outcome. The same for a webhook, a poll, a retry, an operator."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from bcifs_console.accounting.gates import ignored_because, is_closed
from bcifs_console.accounting.plan import plan
from bcifs_console.base.problems import Problem
from bcifs_console.domain.buyers import Buyer, Known, Skipped, Unknown, buyer_of
from bcifs_console.domain.codec import decode_customer_order, decode_order_update, encode
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentKind, DocumentState, Ledger, LedgerDocument
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Plan, PlanWarning, Reason, Verdict
from bcifs_console.domain.states import Claim, OrderFacts, OrderState, Outcome, left_out_key
from bcifs_console.domain.updates import UpdateKind
from bcifs_console.ifs.errors import BusinessRule, MissingMasterData, NotFound
from bcifs_console.store import customers, journal, ledger, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.ledger import NewDocument
from bcifs_console.sync.candidate_reading import suggestions
from bcifs_console.sync.carrying import DONE, Carrying
from bcifs_console.sync.invoices import note_invoice
from bcifs_console.sync.loading import load
from bcifs_console.sync.matching import Match, Matching
from bcifs_console.sync.posting import READ_BACK, RELEASE, CustomerOrderPosting, Posted
from bcifs_console.sync.redraft import is_built_upon, merged, nothing_in_ifs, was_refused, written
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.updating import lowered_quantities

#: Each round does what the one before made possible (an order, its changes, its release, its vouchers); a plan that
#: still wants more after so many would never end.
_ROUNDS = 6


@dataclass(slots=True)
class Progress:
    """What a look has found so far: the outcome of a look that fails half-way still shows it."""

    facts: OrderFacts | None = None
    is_in_ifs: bool = False
    ifs_order_no: str | None = None
    ifs_customer: str | None = None
    known_by: str = ""  #: how the customer is known (`Known.source`)


class Look:
    """One look at one order, by the holder of its claim."""

    def __init__(self, runtime: Runtime, claim: Claim) -> None:
        self._runtime = runtime
        self._claim = claim
        self._policy = runtime.policy_for(claim)
        self.progress = Progress()

    async def run(self) -> Outcome:
        """Do what is to be done and say how it ended.

        Raises the typed problems of both clients, Waiting, OutcomeStillUnknown, LeaseLost and StoreUnavailable; what
        they mean for the order is `retry.RetryPolicy`'s business.
        """
        known = await self._ledger()
        idle = _idle(known)
        order = await load(self._runtime, self._claim, known.only(lambda document: document.id not in idle))
        self._note_facts(order)
        held = await self._without(known, idle)
        sent = held.customer_order()
        ignored = "" if sent else ignored_because(order, self._policy)
        if ignored and not order.tenders:
            return self._outcome(OrderState.IGNORED, note=ignored)
        match = Match(Unknown()) if ignored else await self._match(buyer_of(order), sent)
        carrying = Carrying(self._runtime, self._claim, order)
        posted: Posted | None = None
        for _ in range(_ROUNDS):
            found = await self._plan(order, match, held)
            if found.verdict is Verdict.IGNORE:
                return self._outcome(OrderState.IGNORED, note=found.note)
            if found.verdict is Verdict.SKIP:
                return self._outcome(OrderState.SKIPPED, note=found.note)
            if isinstance(match.customer, Unknown) and not ignored:
                await self._ask(buyer_of(order), match)
            if found.blockers:
                break
            did, posted = await self._carry_out(order, found, held, carrying, posted)
            if not did:
                break
            held = await self._ledger()
        else:
            raise Problem(
                f"Order {order.id} still wants more after {_ROUNDS} rounds of documents.",
                remedy=f"This is a fault in this program: report it, with what bcifs orders show {order.id} says.",
            )
        if carrying.order_left is not None and not isinstance(carrying.order_left, Waiting):
            raise carrying.order_left  # it was refused for good: the order failed, with its vouchers posted
        return await self._ended(order, found, held, carrying.open_points, posted)

    # -- steps -------------------------------------------------------------------------------------------------------

    async def _ledger(self) -> Ledger:
        """The order's documents."""
        runtime, claim = self._runtime, self._claim
        found = await runtime.database.read(lambda conn: ledger.of_subject(conn, runtime.id, claim.subject))
        sent = found.customer_order()
        if sent is not None:
            self.progress.is_in_ifs = bool(sent.reference)
            self.progress.ifs_order_no = sent.reference or None
        return found

    async def _without(self, known: Ledger, idle: Collection[int]) -> Ledger:
        """The documents without the `idle` ones: they are drawn up anew. Only now that the order was read: of one that
        is gone from the store they are all that tells of it."""
        gone = {number for number in idle if await self._withdraw(number)}
        return known.only(lambda document: document.id not in gone)

    async def _withdraw(self, document_id: int) -> bool:
        claim = self._claim
        return await self._runtime.database.write(lambda tx: ledger.withdraw(tx, claim, document_id))

    def _note_facts(self, order: Order) -> None:
        buyer = buyer_of(order)
        self.progress.facts = OrderFacts(
            placed_at=order.placed_at,
            modified_at=order.modified_at,
            status_id=order.status_id,
            email=buyer.email,
            buyer_key=buyer.key,
            buyer_name=buyer.name,
            total=order.total_inc_tax,
            currency=order.currency,
        )

    async def _plan(self, order: Order, match: Match, held: Ledger) -> Plan:
        """The plan, with IFS's currency rate where a first voucher in another currency is to be made."""
        runtime = self._runtime
        seen_at = runtime.clock.now()
        found = plan(order, match.customer, runtime.rules, self._policy, held, seen_at=seen_at)
        if found.vouchers and found.vouchers[0].rate is None:
            rate = await runtime.rates.of(runtime.ifs, order.currency, found.vouchers[0].day, self._policy.minor_units)
            if rate is not None:
                return plan(order, match.customer, runtime.rules, self._policy, held, seen_at=seen_at, rate=rate)
        return found

    async def _carry_out(
        self, order: Order, found: Plan, held: Ledger, carrying: Carrying, posted: Posted | None
    ) -> tuple[bool, Posted | None]:
        """One round: the customer order, then what changes it, then the vouchers. Whether anything was done."""
        sent = held.customer_order()
        did, posted = await self._carry_out_order(order, found, held, carrying, posted)
        if found.documents:
            return did, posted  # the vouchers are planned on what now stands in the ledger
        if sent is not None and not _stands(sent) and posted is None:
            return did, posted  # nothing is booked for an order that is not whole in IFS
        order_no = posted.order_no if posted is not None else sent.reference if sent is not None else ""
        did |= await carrying.resume(held, order_no)
        did |= await carrying.updates(found.updates, order_no)
        did |= await carrying.vouchers(found.vouchers)
        return did, posted

    async def _carry_out_order(
        self, order: Order, found: Plan, held: Ledger, carrying: Carrying, posted: Posted | None
    ) -> tuple[bool, Posted | None]:
        """The customer order, as far as it is to go. Once it is whole in IFS, what keeps it from being released keeps
        back nothing else."""
        sent = held.customer_order()
        if carrying.order_left is not None or not _may_go_on(order, found, held):
            return False, posted
        did = sent is None or sent.state is not DocumentState.CONFIRMED or self._is_to_release(found, sent)
        if not did and posted is not None:
            return False, posted
        try:
            return did, await self._post(order, found, held)
        except (Waiting, BusinessRule, MissingMasterData, NotFound) as problem:
            now = (await self._ledger()).customer_order()
            if now is None or not _stands(now):
                raise
            carrying.order_left = problem
            return sent is None, posted

    def _is_to_release(self, found: Plan, sent: LedgerDocument) -> bool:
        action = self._runtime.ifs.profile.order.release_action
        return found.release and bool(action) and not sent.is_confirmed(RELEASE)

    async def _match(self, buyer: Buyer, sent: LedgerDocument | None) -> Match:
        """The buyer's customer; of an order that was sent, the customer it was sent for."""
        if sent is not None:
            match = Match(_sent_for(sent))
        else:
            match = await self._left_out() or await Matching(self._runtime).resolve(buyer, self._claim)
        if isinstance(match.customer, Known):
            self.progress.ifs_customer = match.customer.customer_id or None
            self.progress.known_by = match.customer.source
        return match

    async def _left_out(self) -> Match | None:
        """What a person said of this very order, whoever its buyer is; None where nobody did."""
        runtime, key = self._runtime, left_out_key(self._claim.order_id)
        linked = await runtime.database.read(lambda conn: customers.link_of(conn, runtime.id, key))
        return Match(linked) if isinstance(linked, Skipped) else None

    async def _ask(self, buyer: Buyer, match: Match) -> None:
        unknown = match.customer
        several = isinstance(unknown, Unknown) and len(unknown.matches) > 1
        question = "several IFS customers have this e-mail" if several else "IFS does not know this buyer"
        runtime = self._runtime
        found = await suggestions(runtime, buyer, match.holders)
        await runtime.database.write(lambda tx: customers.ask(tx, runtime.id, buyer, question, found))

    async def _post(self, order: Order, found: Plan, held: Ledger) -> Posted:
        runtime = self._runtime
        sent = held.customer_order()
        if sent is None:
            draft = found.documents[0]
            await self._check_sales_parts(draft)
            document = await self._intend(draft, found.warnings)
        else:
            document = sent
            draft = decode_customer_order(sent.draft)
            if was_refused(sent):
                draft = await self._redraft(order, draft, sent)
        lowered = lowered_quantities(held)
        posting = CustomerOrderPosting(runtime, self._claim, document, draft, lowered)
        posted = await posting.carry_out(release=found.release)
        self.progress.ifs_order_no = posted.order_no
        return posted

    async def _check_sales_parts(self, draft: CustomerOrderDraft) -> None:
        """Refuse before anything is sent where IFS has no such sales part: a half order helps nobody."""
        wanted = {line.catalog_no for line in draft.lines}
        missing = await self._runtime.parts.missing(self._runtime.ifs, draft.contract, wanted)
        if not missing:
            return
        blockers = tuple(
            Blocker(
                Reason.MAPPING,
                f"IFS has no sales part {part} at site {draft.contract}.",
                f"Create sales part {part} in IFS, or map the SKU to another part with a sales_part rule; if it is "
                f"there, allow the service user site {draft.contract}. Then run: bcifs orders sync.",
                subject=f"sales_part {part}",
            )
            for part in sorted(missing)
        )
        raise Waiting(Reason.MAPPING, blockers)

    async def _intend(self, draft: CustomerOrderDraft, warnings: tuple[PlanWarning, ...]) -> LedgerDocument:
        runtime, claim = self._runtime, self._claim
        new = NewDocument(
            connection_id=runtime.id,
            subject=claim.subject,
            key=draft.key,
            kind=DocumentKind.CUSTOMER_ORDER,
            fact_hash=draft.fact_hash,
            amount=draft.total_inc_tax,
            currency=draft.currency,
            draft=encode(draft),
            warnings=queue.warnings_json(warnings),
        )

        def write(tx: Tx) -> LedgerDocument:
            queue.extend(tx, claim, runtime.timing.lease)
            self._say_whose_rule(tx, draft.customer_id)
            return ledger.intend(tx, new)

        return await runtime.database.write(write)

    def _say_whose_rule(self, tx: Tx, customer_id: str) -> None:
        """The order's story says so where a customer rule, not the buyer, decided whose order it is."""
        if self.progress.known_by.startswith("rule "):
            journal.write(
                tx,
                "order.customer_by_rule",
                actor="service",
                subject=self._claim.subject,
                connection_id=self._runtime.id,
                customer=customer_id,
                rule=self.progress.known_by.removeprefix("rule "),
                look=self._claim.look,
            )

    async def _redraft(self, order: Order, old: CustomerOrderDraft, sent: LedgerDocument) -> CustomerOrderDraft:
        """The draft with today's mapping for the parts IFS refused, where the money stays as frozen."""
        again = plan(order, Known(old.customer_id, "sent"), self._runtime.rules, self._policy, Ledger())
        new = merged(old, again.documents[0], sent) if again.documents else None
        return old if new is None else await written(self._runtime, self._claim, sent, new)

    # -- outcomes ----------------------------------------------------------------------------------------------------

    async def _ended(
        self, order: Order, found: Plan, held: Ledger, left: list[Blocker], posted: Posted | None
    ) -> Outcome:
        sent = held.customer_order()
        open_points = (*found.conflicts, *found.blockers, *left, *found.pending)
        if is_closed(order) and sent is not None and sent.reference and await self._is_cancelled(held, found):
            open_points = (*left, *found.pending)
            if not open_points:
                return replace(
                    self._outcome(OrderState.SKIPPED, note="cancelled in the store and in IFS"),
                    warnings=found.warnings,
                    settled=None if found.position is None else found.position.is_settled,
                )
        if open_points:
            return self._waiting(found, open_points)
        return self._synced(found, posted)

    async def _is_cancelled(self, held: Ledger, found: Plan) -> bool:
        """Whether the IFS order is cancelled: by us, or, where a conflict asked for it, by a person."""
        sent = held.customer_order()
        assert sent is not None, "only orders that were sent can be cancelled"
        if any(_is_cancel(document) for document in held.of_kind(DocumentKind.ORDER_UPDATE)):
            return True
        if not found.conflicts:
            return False
        head = await self._runtime.ifs.order(sent.reference)
        await note_invoice(self._runtime, head)
        return head.state in self._runtime.ifs.profile.order.cancelled_states

    def _outcome(self, state: OrderState, *, note: str = "") -> Outcome:
        return Outcome(state, error=note, facts=self.progress.facts, ifs_customer=self.progress.ifs_customer)

    def _waiting(self, found: Plan, blockers: tuple[Blocker, ...]) -> Outcome:
        first = blockers[0]
        return Outcome(
            OrderState.WAITING,
            reason=first.reason,
            error=first.message,
            remedy=first.remedy,
            cause=f"{first.reason.value}:{first.subject}",
            blockers=tuple(dict.fromkeys(blockers)),
            warnings=found.warnings,
            facts=self.progress.facts,
            ifs_customer=self.progress.ifs_customer,
            ifs_order_no=self.progress.ifs_order_no,
            settled=None if found.position is None else False,  # a person, or IFS, still owes an answer
        )

    def _synced(self, found: Plan, posted: Posted | None) -> Outcome:
        warnings = found.warnings if posted is None else found.warnings + posted.warnings
        return Outcome(
            OrderState.SYNCED,
            warnings=tuple(dict.fromkeys(warnings)),
            facts=self.progress.facts,
            ifs_customer=self.progress.ifs_customer,
            ifs_order_no=self.progress.ifs_order_no,
            settled=None if found.position is None else found.position.is_settled,
        )


def _sent_for(sent: LedgerDocument) -> Known:
    """The customer it was sent for; nobody where the draft can no longer be read, which the plan says."""
    try:
        return Known(decode_customer_order(sent.draft).customer_id, "sent")
    except ValueError:
        return Known("", "sent")


def _idle(known: Ledger) -> frozenset[int]:
    """Documents of which surely nothing reached IFS, and on which nothing was reckoned that did."""
    return frozenset(
        document.id
        for document in known.documents
        if document.state not in DONE and nothing_in_ifs(document) and not is_built_upon(document, known)
    )


def _may_go_on(order: Order, found: Plan, held: Ledger) -> bool:
    """Whether the customer order may be sent, completed or released.

    Not where a person must decide; but one that is half in IFS is completed as it was frozen although the store edited
    it meanwhile: an edit changes nothing that is posted, and payments wait for the whole (ACCOUNTING §1).
    """
    sent = held.customer_order()
    if not found.conflicts:
        return sent is not None or bool(found.documents)
    is_cancelled = is_closed(order) or any(map(_is_a_cancellation, held.of_kind(DocumentKind.ORDER_UPDATE)))
    return sent is not None and not _stands(sent) and not is_cancelled


def _stands(sent: LedgerDocument) -> bool:
    """Whether all of the customer order is in IFS, read back and agreed."""
    return sent.state is DocumentState.CONFIRMED or sent.is_confirmed(READ_BACK)


def _is_cancel(document: LedgerDocument) -> bool:
    return document.state is DocumentState.CONFIRMED and _is_a_cancellation(document)


def _is_a_cancellation(document: LedgerDocument) -> bool:
    return decode_order_update(document.draft).update_kind is UpdateKind.CANCEL
