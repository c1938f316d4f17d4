"""Who is the buyer in IFS: link table → look-up by e-mail → policy; and creating the customer where that is decided.

DESIGN §7. More than one match is always a question. Creating a customer is a document of its own with a lease on the
buyer, so that fifty first orders of one buyer make one customer.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from bcifs_console.domain.buyers import Buyer, Customer, Known, Skipped, Unknown
from bcifs_console.domain.codec import decode_customer, encode
from bcifs_console.domain.documents import CustomerDraft, DocumentKind, DocumentState, LedgerDocument
from bcifs_console.domain.rules import Unmatched
from bcifs_console.domain.states import Claim
from bcifs_console.ifs.errors import Duplicate
from bcifs_console.ifs.records import CustomerMatch
from bcifs_console.store import customers, ledger
from bcifs_console.store.database import Tx
from bcifs_console.store.ledger import DocumentChange, NewDocument
from bcifs_console.sync.calls import JournalledCalls, Step
from bcifs_console.sync.redraft import nothing_in_ifs, was_refused
from bcifs_console.sync.retry import BuyerBusy, CustomerIdTaken
from bcifs_console.sync.runtime import Runtime

TO_BE_CREATED: Final = "(to be created)"
_SEQUENCE: Final = "customer"
_NUMBERS_TRIED: Final = 100


@dataclass(frozen=True, slots=True)
class Match:
    """What matching found, with the candidates a person may choose from where it is a question."""

    customer: Customer
    candidates: tuple[dict[str, Any], ...] = ()


class Matching:
    """Finds, or creates, the IFS customer of a buyer."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def resolve(self, buyer: Buyer, claim: Claim | None) -> Match:
        """The buyer's customer. Raises BuyerBusy while another worker creates it, and IFS errors.

        Without a claim it is a preview: nothing is written, and a customer that would be created is only named.
        """
        runtime, policy = self._runtime, self._runtime.policy
        linked, decision = await runtime.database.read(
            lambda conn: (
                customers.link_of(conn, runtime.id, buyer.key),
                customers.decision_of_buyer(conn, runtime.id, buyer.key),
            )
        )
        if linked is not None:
            return Match(linked)
        if buyer.is_guest and policy.guest_customer:
            return Match(Known(policy.guest_customer, "guest"))
        found = await runtime.ifs.customers_by_email(buyer.email) if buyer.email else []
        # Half-made, a customer of ours may be found by its e-mail already, but IFS takes no order for it before it is
        # complete. The ledger is asked after IFS: what IFS shows was written down before it was sent.
        begun = await runtime.database.read(
            lambda conn: ledger.find(conn, runtime.id, DocumentKind.CUSTOMER, buyer.key)
        )
        if begun is not None and not nothing_in_ifs(begun):
            return Match(await self._create(buyer, claim))
        if len(found) == 1:
            if claim is not None:
                await self._link(buyer, found[0].customer_id, "lookup")
            return Match(Known(found[0].customer_id, "lookup"))
        if decision is not None and decision.action == "create":
            return Match(await self._create(buyer, claim))
        if len(found) > 1:
            return Match(Unknown(tuple(m.customer_id for m in found)), tuple(_candidate(m) for m in found))
        if policy.unmatched is Unmatched.CREATE and buyer.email:
            return Match(await self._create(buyer, claim))
        if policy.unmatched is Unmatched.FIXED:
            return Match(Known(policy.fixed_customer, "fixed"))
        if policy.unmatched is Unmatched.SKIP:
            return Match(Skipped("policy: unmatched buyers are skipped"))
        return Match(Unknown())

    async def _link(self, buyer: Buyer, customer_id: str, source: str) -> None:
        def write(tx: Tx) -> None:
            customers.link(tx, self._runtime.id, buyer.key, customer_id, source=source)
            customers.close_decision(tx, self._runtime.id, buyer.key, "link", customer_id)

        await self._runtime.database.write(write)

    # -- creating ----------------------------------------------------------------------------------------------------

    async def _create(self, buyer: Buyer, claim: Claim | None) -> Known:
        """Create the customer, once, whoever asks; the lease is the buyer's, not the order's."""
        if claim is None:
            return Known(TO_BE_CREATED, "create")
        runtime = self._runtime
        lease = f"buyer:{runtime.id}:{buyer.key}"
        holder = f"{claim.owner}:{claim.order_id}:{claim.fence}"
        duration: timedelta = runtime.timing.lease
        if not await runtime.database.write(lambda tx: customers.take_lease(tx, lease, holder, duration)):
            raise BuyerBusy(buyer.name)
        try:
            # The holder before us may have finished between our look at the link table and our lease.
            linked = await runtime.database.read(lambda conn: customers.link_of(conn, runtime.id, buyer.key))
            if isinstance(linked, Known):
                return linked
            document = await self._document(buyer, claim)
            return await self._carry_out(buyer, claim, document)
        finally:
            await runtime.database.write(lambda tx: customers.drop_lease(tx, lease, holder))

    async def _document(self, buyer: Buyer, claim: Claim) -> LedgerDocument:
        """The ledger's document for this customer, with the id it was given before anything is sent.

        One that IFS refused whole is drawn up anew: its id may be another's by now, and the buyer's data changed.
        """
        runtime = self._runtime
        found = await runtime.database.read(
            lambda conn: ledger.find(conn, runtime.id, DocumentKind.CUSTOMER, buyer.key)
        )
        if found is not None and not (
            was_refused(found) and await runtime.database.write(lambda tx: ledger.withdraw(tx, claim, found.id))
        ):
            return found
        draft = CustomerDraft(
            key=buyer.key,
            customer_id=await self._free_id(),
            name=buyer.company or buyer.name,
            email=buyer.email,
            phone=buyer.address.phone,
            address=buyer.address,
            currency=buyer.currency,
            created_on=runtime.clock.now(),
        )
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
        await runtime.database.write(lambda tx: ledger.intend(tx, new))
        written = await runtime.database.read(
            lambda conn: ledger.find(conn, runtime.id, DocumentKind.CUSTOMER, buyer.key)
        )
        assert written is not None, "it was just written"
        return written

    async def _free_id(self) -> str:
        """The next id of our own sequence that IFS does not have."""
        runtime = self._runtime
        for _ in range(_NUMBERS_TRIED):
            number = await runtime.database.write(lambda tx: customers.next_number(tx, runtime.id, _SEQUENCE))
            customer_id = runtime.policy.customer_id_pattern.format(n=number)
            if await runtime.ifs.customer(customer_id) is None:
                return customer_id
        raise BuyerBusy("a new buyer: IFS has every id of our sequence up to now")

    async def _carry_out(self, buyer: Buyer, claim: Claim, document: LedgerDocument) -> Known:
        draft = decode_customer(document.draft)
        calls = JournalledCalls(self._runtime, claim, document)
        if document.state is not DocumentState.CONFIRMED:
            calls.note(DocumentChange(state=DocumentState.SENT))
            first, *others = self._runtime.ifs.customer_steps(draft)
            try:
                await calls.run(self._step(first, draft))
            except Duplicate as error:
                raise CustomerIdTaken(draft.customer_id) from error
            for name in others:
                await calls.run(self._step(name, draft))
            calls.note(DocumentChange(state=DocumentState.CONFIRMED))
            await calls.flush()

        def write(tx: Tx) -> None:
            customers.link(tx, self._runtime.id, buyer.key, draft.customer_id, source="created")
            customers.close_decision(tx, self._runtime.id, buyer.key, "create", draft.customer_id)

        await self._runtime.database.write(write)
        return Known(draft.customer_id, "created")

    def _step(self, name: str, draft: CustomerDraft) -> Step:
        async def send() -> str:
            return await self._runtime.ifs.customer_step(name, draft)

        async def look_up() -> str | None:
            return draft.customer_id if await self._runtime.ifs.customer_step_done(name, draft) else None

        return Step(name, send, look_up)


def _candidate(match: CustomerMatch) -> dict[str, Any]:
    return {"customer_id": match.customer_id, "name": match.name, "score": 100, "reasons": ["same e-mail"]}
