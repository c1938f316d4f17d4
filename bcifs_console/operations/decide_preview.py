"""What `decisions create` would make in IFS: every call with exactly what is sent, before anything is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.documents import CustomerDraft
from bcifs_console.ifs.customers import COMMUNICATION, PlannedCall
from bcifs_console.operations.context import Context
from bcifs_console.operations.decide import NoSuchDecision, buyer_in, find_open
from bcifs_console.store import customers
from bcifs_console.store.customers import Decision
from bcifs_console.sync.creating import SEQUENCE, customer_draft
from bcifs_console.sync.lookup import holders_of
from bcifs_console.sync.runtime import Runtime


@dataclass(frozen=True, slots=True)
class CreationPreview:
    """The customer that would be created. Its id is the next free one; only another new customer could take it first.

    `warnings`: what a person should know before.
    """

    decision: Decision
    customer_id: str
    name: str
    template_id: str  #: the customer that is copied, "" where it is made from its parts
    calls: tuple[PlannedCall, ...]
    warnings: tuple[str, ...]


async def preview(context: Context, decision_id: int) -> CreationPreview:
    """What `decide.create` would make now. Reads IFS, sends nothing, stores nothing.

    Raises NoSuchDecision where it is not open or no order of the buyer was kept; IFS errors.
    """
    found = find_open(context, decision_id)
    buyer = context.store.database.read_sync(lambda conn: buyer_in(conn, found))
    if buyer is None:
        raise NoSuchDecision(
            f"No order of decision {decision_id} was kept, so it cannot be shown what would be created.",
            remedy="Sync one of the buyer's orders first: bcifs orders sync ID",
        )
    runtime = context.runtime(found.connection_id)
    try:
        draft = customer_draft(buyer, await _next_id(runtime), context.clock.now())
        warnings = [text async for text in _warnings(runtime, buyer, draft)]
        calls = runtime.ifs.customer_calls(draft)
        template_id = runtime.ifs.profile.customer.creation.template_id
    finally:
        await runtime.aclose()
    return CreationPreview(found, draft.customer_id, draft.name, template_id, calls, tuple(warnings))


async def _next_id(runtime: Runtime) -> str:
    """The next id of our sequence that IFS does not have; none is taken."""
    number = await runtime.database.read(lambda conn: customers.peek_number(conn, runtime.id, SEQUENCE))
    while True:
        customer_id = runtime.policy.customer_id_pattern.format(n=number)
        if await runtime.ifs.customer(customer_id) is None:
            return customer_id
        number += 1


async def _warnings(runtime: Runtime, buyer: Buyer, draft: CustomerDraft) -> AsyncIterator[str]:
    creation = runtime.ifs.profile.customer.creation
    if creation.template_id and await runtime.ifs.customer(creation.template_id) is None:
        yield f"IFS has no customer {creation.template_id}, the template that is to be copied."
    if not draft.address.country_iso2:
        yield "The billing address names no country; IFS wants one."
    if COMMUNICATION not in runtime.ifs.customer_steps(draft):
        yield "No e-mail is put into IFS, so later orders are found by the link kept here alone."
    for customer_id, name in (await holders_of(runtime, buyer.email, fresh=True)).found:
        yield f"IFS has a customer with this e-mail: {customer_id} {name}".rstrip() + "."
