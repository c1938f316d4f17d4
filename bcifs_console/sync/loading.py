"""Reading one order from the store, with its tenders, shipments and refunds where there may be some (DESIGN §5).

What a list showed of it a moment ago is not read again (`store.listings`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from bcifs_console.accounting.facts import kind_in
from bcifs_console.accounting.gates import ignored_because
from bcifs_console.accounting.mapping import needs_taxes
from bcifs_console.bigcommerce.wants import Wanted, movements_wanted
from bcifs_console.domain.codec import decode_order, encode
from bcifs_console.domain.documents import DocumentKind, Ledger
from bcifs_console.domain.orders import Order
from bcifs_console.domain.rules import Policy
from bcifs_console.domain.states import Claim
from bcifs_console.domain.vouchers import VoucherKind
from bcifs_console.store import intake, listings, queue
from bcifs_console.sync.runtime import Runtime

_PAID = frozenset({VoucherKind.PAYMENT, VoucherKind.VOID})
_SHIPPED = frozenset({VoucherKind.SHIPMENT, VoucherKind.REVERSAL})

T = TypeVar("T")


async def load(runtime: Runtime, claim: Claim, held: Ledger) -> Order:
    """The order as the store has it now, kept as its snapshot. Raises BigCommerce's errors and StoreProblem."""
    read_at = runtime.clock.now()
    live = not claim.background
    listing, known = await runtime.database.read(
        lambda conn: (
            listings.of_order(conn, runtime.id, claim.order_id, read_at),
            queue.snapshot(conn, runtime.id, claim.order_id),
        )
    )
    before = None if known is None else _as_read_before(known)
    # With a customer order: the store may have forgotten the taxes and coupons of the first reading (ACCOUNTING §1).
    first = before if held.customer_order() is not None else None
    with_coupons = first is None
    with_taxes = first is None and needs_taxes(runtime.rules)
    if listing is None:
        order = await runtime.store.order(claim.order_id, with_taxes=with_taxes, with_coupons=with_coupons, live=live)
    else:
        read_at = listing.fetched_at
        listed = decode_order(listing.snapshot)
        order = await runtime.store.completed(listed, with_taxes=with_taxes, with_coupons=with_coupons, live=live)
    if first is not None:
        order = replace(order, taxes=first.taxes, coupons=first.coupons)
    order = await with_movements(runtime, order, held, runtime.policy_for(claim), live=live)
    text = encode(order)
    await runtime.database.write(lambda tx: queue.save_snapshot(tx, claim, text, read_at))
    runtime.facts.compare(before, order, runtime.clock.now())
    return order


async def with_movements(runtime: Runtime, order: Order, held: Ledger, policy: Policy, *, live: bool = True) -> Order:
    """`order` with what its own state, the ledger and the policy ask for; one call for each kind, side by side.

    Refunds that came with it are not read again.
    """
    refunded, paid = await runtime.database.read(
        lambda conn: (
            bool(order.refunds) or intake.heard_of_refund(conn, runtime.id, order.id),
            intake.heard_of_tender(conn, runtime.id, order.id),
        )
    )
    wanted = movements_to_read(runtime, order, held, policy, heard_of_refund=refunded, heard_of_tender=paid)
    store = runtime.store
    tenders, shipments, refunds = await asyncio.gather(
        _if(wanted.tenders, lambda: store.tenders(order.id, live)),
        _if(wanted.shipments, lambda: store.shipments(order.id, live)),
        _if(wanted.refunds and order.refunds is None, lambda: store.refunds(order.id, live)),
    )
    came = order.refunds if wanted.refunds else None
    return replace(order, tenders=tenders, shipments=shipments, refunds=refunds if came is None else came)


def movements_to_read(
    runtime: Runtime, order: Order, held: Ledger, policy: Policy, *, heard_of_refund: bool, heard_of_tender: bool
) -> Wanted:
    """What there may be, and matters: what stands in the ledger must be read again, it may have vanished."""
    if order.placed_at < policy.start_at:
        return Wanted(tenders=False, shipments=False, refunds=False)
    likely = movements_wanted(order)
    kinds = {kind_in(document.key) for document in held.of_kind(DocumentKind.VOUCHER)}
    counts = held.customer_order() is not None or not ignored_because(order, policy)
    tracks = bool(runtime.ifs.profile.order.tracking)
    books = policy.makes_vouchers
    return Wanted(
        tenders=books and (likely.tenders or heard_of_tender or bool(kinds & _PAID)),
        shipments=counts and (books or tracks) and (likely.shipments or bool(kinds & _SHIPPED)),
        refunds=books and (likely.refunds or heard_of_refund or VoucherKind.REFUND in kinds),
    )


async def _if(wanted: bool, read: Callable[[], Awaitable[tuple[T, ...]]]) -> tuple[T, ...] | None:
    return await read() if wanted else None


def _as_read_before(snapshot: str) -> Order | None:
    """The order as it was read last; None where that was an older version's reading: as if it was never read."""
    try:
        return decode_order(snapshot)
    except ValueError:
        return None
