"""Creating the IFS customer of a buyer: one document of its own, under a lease on the buyer (DESIGN §7).

Fifty first orders of one buyer make one customer: whoever holds the lease creates it, the others come back. The lease
is proven and run on with every commit between two calls, so a creation may take longer than a lease lasts.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bcifs_console.domain.buyers import Buyer, Known
from bcifs_console.domain.codec import decode_customer, encode
from bcifs_console.domain.documents import CustomerDraft, DocumentKind, DocumentState, LedgerDocument
from bcifs_console.domain.states import Claim
from bcifs_console.ifs.errors import Duplicate
from bcifs_console.store import customers, directory, ledger, lookups
from bcifs_console.store.customers import Decision
from bcifs_console.store.database import Tx
from bcifs_console.store.directory import Entry
from bcifs_console.store.ledger import DocumentChange, NewDocument
from bcifs_console.sync.calls import JournalledCalls, Step
from bcifs_console.sync.lookup import Holders, holders_of
from bcifs_console.sync.redraft import was_refused
from bcifs_console.sync.retry import BuyerBusy, CustomerIdTaken
from bcifs_console.sync.runtime import Runtime

SEQUENCE: Final = "customer"
_NUMBERS_TRIED: Final = 100


def customer_draft(buyer: Buyer, customer_id: str, now: datetime) -> CustomerDraft:
    """The customer that the buyer becomes."""
    return CustomerDraft(
        key=buyer.key,
        customer_id=customer_id,
        name=buyer.company or buyer.name,
        email=buyer.email,
        phone=buyer.address.phone,
        address=buyer.address,
        currency=buyer.currency,
        created_on=now,
    )


class Creating:
    """Creates the customer of one buyer for the holder of a claim on one of the buyer's orders."""

    def __init__(self, runtime: Runtime, claim: Claim, buyer: Buyer, decision: Decision | None) -> None:
        self._runtime = runtime
        self._claim = claim
        self._buyer = buyer
        self._decided = decision if decision is not None and decision.action == "create" else None
        # By e-mail where there is one: a guest who registers while his first order is sent is still one person.
        self._lease: Final = f"buyer:{runtime.id}:" + (f"email:{buyer.email}" if buyer.email else buyer.key)
        self._holder: Final = f"{claim.owner}:{claim.order_id}:{claim.fence}"

    async def run(self) -> Known | Holders:
        """The customer, created now or by another order meanwhile; or whom IFS knows by now for this e-mail.

        Raises BuyerBusy while another order's look creates it, or took over; CustomerIdTaken; IFS errors.
        """
        duration: timedelta = self._runtime.timing.lease
        if not await self._runtime.database.write(
            lambda tx: customers.take_lease(tx, self._lease, self._holder, duration)
        ):
            raise BuyerBusy(self._buyer.name)
        try:
            return await self._run()
        finally:
            await self._runtime.database.write(lambda tx: customers.drop_lease(tx, self._lease, self._holder))

    async def _run(self) -> Known | Holders:
        runtime, buyer = self._runtime, self._buyer
        # The holder before us may have finished between our look at the link table and our lease.
        linked = await runtime.database.read(lambda conn: customers.link_of(conn, runtime.id, buyer.key))
        if isinstance(linked, Known):
            return linked
        document = await self._begun()
        if document is None:
            # So may one with the same e-mail and another key; or IFS knows the buyer since we asked.
            holders = await holders_of(runtime, buyer.email, fresh=True)
            if len(holders.found) == 1 or (holders.found and self._decided is None):
                return holders
            document = await self._intend()
        return await self._carry_out(document)

    def _prove(self, tx: Tx) -> None:
        """Run on with the lease, in the commit at hand. Raises BuyerBusy where another look has taken it over."""
        if not customers.extend_lease(tx, self._lease, self._holder, self._runtime.timing.lease):
            raise BuyerBusy(self._buyer.name)

    async def _find(self) -> LedgerDocument | None:
        runtime, key = self._runtime, self._buyer.key
        return await runtime.database.read(lambda conn: ledger.find(conn, runtime.id, DocumentKind.CUSTOMER, key))

    async def _begun(self) -> LedgerDocument | None:
        """The ledger's document for this customer. One that IFS refused whole is drawn up anew: its id may be another's
        by now, and the buyer's data changed."""
        found = await self._find()
        if found is None or not was_refused(found):
            return found
        claim, number = self._claim, found.id

        def write(tx: Tx) -> bool:
            self._prove(tx)
            return ledger.withdraw(tx, claim, number)

        return None if await self._runtime.database.write(write) else await self._find()

    async def _intend(self) -> LedgerDocument:
        """The document with the id the customer is given, written down before anything is sent.

        What a person was shown before deciding is what is created.
        """
        runtime, buyer = self._runtime, self._buyer
        customer_id = await self._free_id()
        if self._decided is not None and self._decided.draft:
            draft = replace(decode_customer(self._decided.draft), customer_id=customer_id)
        else:
            draft = customer_draft(buyer, customer_id, runtime.clock.now())
        new = NewDocument(
            connection_id=runtime.id,
            subject=f"buyer:{buyer.key}",
            key=buyer.key,
            kind=DocumentKind.CUSTOMER,
            fact_hash="",
            amount=Decimal(0),
            currency=draft.currency,
            draft=encode(draft),
            reference=draft.customer_id,
        )

        def write(tx: Tx) -> LedgerDocument:
            self._prove(tx)
            return ledger.intend(tx, new)

        return await runtime.database.write(write)

    async def _free_id(self) -> str:
        """The next id of our own sequence that IFS does not have."""
        runtime, customer_id = self._runtime, ""
        for _ in range(_NUMBERS_TRIED):
            number = await runtime.database.write(lambda tx: customers.next_number(tx, runtime.id, SEQUENCE))
            customer_id = runtime.policy.customer_id_pattern.format(n=number)
            if await runtime.ifs.customer(customer_id) is None:
                return customer_id
        raise CustomerIdTaken(customer_id)

    async def _carry_out(self, document: LedgerDocument) -> Known:
        runtime, buyer = self._runtime, self._buyer
        draft = decode_customer(document.draft)
        calls = JournalledCalls(runtime, self._claim, document, guard=self._prove)
        if document.state is not DocumentState.CONFIRMED:
            calls.note(DocumentChange(state=DocumentState.SENT))
            first, *others = runtime.ifs.customer_steps(draft)
            try:
                await calls.run(self._step(first, draft))
            except Duplicate as error:
                raise CustomerIdTaken(draft.customer_id) from error
            for name in others:
                await calls.run(self._step(name, draft))
            calls.note(DocumentChange(state=DocumentState.CONFIRMED))
            await calls.flush()
        decided = self._decided
        entry = Entry(draft.customer_id, draft.name, (draft.email,), (draft.phone,))

        def write(tx: Tx) -> None:
            customers.link(tx, runtime.id, buyer.key, draft.customer_id, source="created")
            customers.close_decision(tx, runtime.id, buyer.key, "create", draft.customer_id)
            lookups.forget(tx, runtime.id, draft.email)
            directory.put_made(tx, runtime.id, entry)
            if decided is not None:
                keys = directory.keys_of_buyer(buyer)
                directory.tie(tx, runtime.id, draft.customer_id, keys, customers.origin_of(decided.id))

        await runtime.database.write(write)
        return Known(draft.customer_id, "created")

    def _step(self, name: str, draft: CustomerDraft) -> Step:
        ifs = self._runtime.ifs

        async def send() -> str:
            return await ifs.customer_step(name, draft)

        async def look_up() -> str | None:
            return draft.customer_id if await ifs.customer_step_done(name, draft) else None

        return Step(name, send, look_up)
