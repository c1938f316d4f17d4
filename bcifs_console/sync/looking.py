"""One look at one order: load → match → plan → post → outcome. The same for a webhook, a poll, a retry, an operator."""

from dataclasses import dataclass, replace

from bcifs_console.accounting.gates import ignored_because, is_closed
from bcifs_console.accounting.mapping import needs_taxes
from bcifs_console.accounting.plan import plan
from bcifs_console.domain.buyers import Buyer, Known, Unknown, buyer_of
from bcifs_console.domain.codec import decode_customer_order, decode_order, encode
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentKind, Ledger, LedgerDocument
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Plan, PlanWarning, Reason, Verdict
from bcifs_console.domain.states import Claim, OrderFacts, OrderState, Outcome
from bcifs_console.ifs.records import OrderHead
from bcifs_console.store import customers, ledger, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.ledger import DocumentChange, NewDocument
from bcifs_console.sync.calls import JournalledCalls
from bcifs_console.sync.matching import Match, Matching
from bcifs_console.sync.posting import PLANNED, RELEASE, CustomerOrderPosting, Posted
from bcifs_console.sync.redraft import merged, nothing_in_ifs, was_refused
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime


@dataclass(slots=True)
class Progress:
    """What a look has found so far: the outcome of a look that fails half-way still shows it."""

    facts: OrderFacts | None = None
    is_in_ifs: bool = False
    ifs_order_no: str | None = None
    ifs_customer: str | None = None


class Look:
    """One look at one order, by the holder of its claim."""

    def __init__(self, runtime: Runtime, claim: Claim) -> None:
        self._runtime = runtime
        self._claim = claim
        self.progress = Progress()

    async def run(self) -> Outcome:
        """Do what is to be done and say how it ended.

        Raises the typed problems of both clients, Waiting, OutcomeStillUnknown, LeaseLost and StoreUnavailable; what
        they mean for the order is `retry.RetryPolicy`'s business.
        """
        held = await self._ledger()
        order = await self._load(held)
        sent = held.customer_order()
        if sent is None and (why := ignored_because(order, self._runtime.policy)):
            return self._outcome(OrderState.IGNORED, note=why)
        buyer = buyer_of(order)
        match = await self._match(buyer, sent)
        found = plan(order, match.customer, self._runtime.rules, self._runtime.policy, held)
        if found.verdict is Verdict.IGNORE:
            return self._outcome(OrderState.IGNORED, note=found.note)
        if found.verdict is Verdict.SKIP:
            return self._outcome(OrderState.SKIPPED, note=found.note)
        if isinstance(match.customer, Unknown):
            await self._ask(buyer, match)
        if found.conflicts and sent is not None and sent.reference:
            head = await self._runtime.ifs.order(sent.reference)
            if is_closed(order) and head.state in self._runtime.ifs.profile.order.cancelled_states:
                return self._outcome(OrderState.SKIPPED, note="cancelled in the store and in IFS")
            if await self._note_release_by_hand(sent, head):
                held = await self._ledger()
                sent = held.customer_order()
                found = plan(order, match.customer, self._runtime.rules, self._runtime.policy, held)
        if found.blockers or found.conflicts:
            return self._waiting(found)
        posted = await self._post(order, found, sent)
        return self._synced(found, posted)

    # -- steps -------------------------------------------------------------------------------------------------------

    async def _ledger(self) -> Ledger:
        """The order's documents; one of which surely nothing reached IFS is withdrawn and will be drawn up anew."""
        runtime, claim = self._runtime, self._claim
        found = await runtime.database.read(lambda conn: ledger.of_subject(conn, runtime.id, claim.subject))
        sent = found.customer_order()
        if sent is None:
            return found
        if nothing_in_ifs(sent) and await runtime.database.write(lambda tx: ledger.withdraw(tx, claim, sent.id)):
            return Ledger(tuple(d for d in found.documents if d.id != sent.id))
        self.progress.is_in_ifs = bool(sent.reference)
        self.progress.ifs_order_no = sent.reference or None
        return found

    async def _load(self, held: Ledger) -> Order:
        """Read the order from the store and keep it. Its priced basis is frozen once it was sent: no taxes then."""
        runtime, claim = self._runtime, self._claim
        first = held.customer_order() is None
        read_at = runtime.clock.now()
        order = await runtime.store.order(
            claim.order_id, with_taxes=first and needs_taxes(runtime.rules), with_coupons=first
        )
        if not first:
            order = await self._with_what_was_read_once(order)
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
        text = encode(order)
        await runtime.database.write(lambda tx: queue.save_snapshot(tx, claim, text, read_at))
        return order

    async def _with_what_was_read_once(self, order: Order) -> Order:
        """The order with the taxes and coupons of its first reading: the store may forget them (ACCOUNTING §1)."""
        runtime, claim = self._runtime, self._claim
        text = await runtime.database.read(lambda conn: queue.snapshot(conn, runtime.id, claim.order_id))
        if text is None:
            return order
        before = decode_order(text)
        return replace(order, taxes=before.taxes, coupons=before.coupons)

    async def _match(self, buyer: Buyer, sent: LedgerDocument | None) -> Match:
        """The buyer's customer; of an order that was sent, the customer it was sent for."""
        if sent is not None:
            match = Match(Known(decode_customer_order(sent.draft).customer_id, "sent"))
        else:
            match = await Matching(self._runtime).resolve(buyer, self._claim)
        if isinstance(match.customer, Known):
            self.progress.ifs_customer = match.customer.customer_id
        return match

    async def _note_release_by_hand(self, sent: LedgerDocument, head: OrderHead) -> bool:
        """Write down that somebody released the order in IFS, as the remedy of a conflict asks; whether it is news."""
        cancelled = self._runtime.ifs.profile.order.cancelled_states
        if head.state == PLANNED or head.state in cancelled or sent.is_confirmed(RELEASE):
            return False
        calls = JournalledCalls(self._runtime, self._claim, sent)
        calls.mark(RELEASE)
        calls.note(DocumentChange(etag=head.etag))
        await calls.flush()
        return True

    async def _ask(self, buyer: Buyer, match: Match) -> None:
        unknown = match.customer
        several = isinstance(unknown, Unknown) and len(unknown.matches) > 1
        question = "several IFS customers have this e-mail" if several else "IFS does not know this buyer"
        runtime = self._runtime
        await runtime.database.write(lambda tx: customers.ask(tx, runtime.id, buyer, question, match.candidates))

    async def _post(self, order: Order, found: Plan, sent: LedgerDocument | None) -> Posted:
        runtime = self._runtime
        if sent is None:
            draft = found.documents[0]
            await self._check_sales_parts(draft)
            document = await self._intend(draft, found.warnings)
        else:
            document = sent
            draft = decode_customer_order(sent.draft)
            if was_refused(sent):
                draft = await self._redraft(order, draft, sent)
        posted = await CustomerOrderPosting(runtime, self._claim, document, draft).carry_out(release=found.release)
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
            ledger.intend(tx, new)
            found = ledger.find(tx.conn, runtime.id, new.kind, new.key)
            assert found is not None, "it was just written"
            return found

        return await runtime.database.write(write)

    async def _redraft(self, order: Order, old: CustomerOrderDraft, sent: LedgerDocument) -> CustomerOrderDraft:
        """The draft with today's mapping for the parts IFS refused, where the money stays as frozen."""
        runtime, claim = self._runtime, self._claim
        again = plan(order, Known(old.customer_id, "sent"), runtime.rules, runtime.policy, Ledger())
        new = merged(old, again.documents[0], sent) if again.documents else None
        if new is None:
            return old
        text = encode(new)

        def write(tx: Tx) -> None:
            queue.extend(tx, claim, runtime.timing.lease)
            ledger.replace_draft(tx, sent.id, text)

        await runtime.database.write(write)
        return new

    # -- outcomes ----------------------------------------------------------------------------------------------------

    def _outcome(self, state: OrderState, *, note: str = "") -> Outcome:
        return Outcome(state, error=note, facts=self.progress.facts, ifs_customer=self.progress.ifs_customer)

    def _waiting(self, found: Plan) -> Outcome:
        blockers = found.conflicts + found.blockers
        first = blockers[0]
        return Outcome(
            OrderState.WAITING,
            reason=first.reason,
            error=first.message,
            remedy=first.remedy,
            cause=f"{first.reason.value}:{first.subject}",
            blockers=blockers,
            warnings=found.warnings,
            facts=self.progress.facts,
            ifs_customer=self.progress.ifs_customer,
        )

    def _synced(self, found: Plan, posted: Posted) -> Outcome:
        return Outcome(
            OrderState.SYNCED,
            warnings=tuple(dict.fromkeys(found.warnings + posted.warnings)),
            facts=self.progress.facts,
            ifs_customer=self.progress.ifs_customer,
            ifs_order_no=posted.order_no,
        )
