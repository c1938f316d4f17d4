"""`mapping explain`: where every amount of an order's documents comes from and why it is where it is (promise 5)."""

from dataclasses import dataclass

from sqlalchemy import Connection

from bcifs_console.accounting.explain import Explained, explain
from bcifs_console.accounting.plan import plan
from bcifs_console.domain.buyers import Known
from bcifs_console.domain.codec import (
    decode_customer_order,
    decode_order,
    decode_order_update,
    decode_voucher,
)
from bcifs_console.domain.documents import DocumentKind, Draft, Ledger, LedgerDocument
from bcifs_console.domain.rules import Policy, Rules
from bcifs_console.domain.states import order_subject
from bcifs_console.operations.context import Context
from bcifs_console.operations.orders import NoSuchOrder
from bcifs_console.store import connections, ledger, past, rules
from bcifs_console.store.past import KeptOrder


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every amount of every document of one order. `planned`: keys of those that are not in the ledger yet."""

    order_id: int
    amounts: tuple[Explained, ...]
    planned: frozenset[str]
    blockers: tuple[str, ...]  #: what keeps further documents back
    unreadable: tuple[str, ...]  #: documents whose draft can no longer be read


def explanation(context: Context, order_id: int, *, connection: str | None) -> Explanation:
    """Explain what stands in the ledger as it was frozen, and what is still to come as the order was last read.

    Nothing is called. Raises NoSuchOrder for an order that was never read.
    """
    connection_id = context.connection_id(connection)

    def read(conn: Connection) -> tuple[Ledger, list[KeptOrder], Rules, Policy]:
        return (
            ledger.of_subject(conn, connection_id, order_subject(order_id)),
            past.of_orders(conn, connection_id, [order_id]),
            rules.in_force(conn, connection_id),
            connections.settings_of(conn, connection_id).policy,
        )

    held, kept, in_force, policy = context.store.database.read_sync(read)
    if not kept:
        raise NoSuchOrder(
            f"Order {order_id} was never read here.",
            remedy=f"If the store has it, run: bcifs orders sync {order_id} --wait",
        )
    drafts, unreadable = _drafts(held)
    coming, blockers = _coming(kept[0], held, in_force, policy)
    known = {document.key for document in held.documents}
    new = [draft for draft in coming if draft.key not in known]
    return Explanation(
        order_id=order_id,
        amounts=tuple(each for draft in (*drafts, *new) for each in explain(draft)),
        planned=frozenset(draft.key for draft in new),
        blockers=blockers,
        unreadable=unreadable,
    )


def _drafts(held: Ledger) -> tuple[list[Draft], tuple[str, ...]]:
    """The frozen drafts of the ledger, the customer order first; and the keys of those that cannot be read."""
    found: list[Draft] = []
    unreadable = []
    for document in sorted(held.documents, key=lambda each: (each.kind is not DocumentKind.CUSTOMER_ORDER, each.id)):
        try:
            found.append(_decoded(document))
        except ValueError:
            unreadable.append(document.key)
    return found, tuple(unreadable)


def _decoded(document: LedgerDocument) -> Draft:
    match document.kind:
        case DocumentKind.CUSTOMER_ORDER:
            return decode_customer_order(document.draft)
        case DocumentKind.VOUCHER:
            return decode_voucher(document.draft)
        case _:
            return decode_order_update(document.draft)


def _coming(kept: KeptOrder, held: Ledger, in_force: Rules, policy: Policy) -> tuple[list[Draft], tuple[str, ...]]:
    """The documents that are still to come, by the order as it was last read, and what stands in their way."""
    order = decode_order(kept.snapshot)
    applied = policy.for_named() if kept.is_named else policy
    # Whoever the customer is: the amounts are the same, and who it is is asked elsewhere.
    found = plan(order, Known(kept.customer_id), in_force, applied, held, seen_at=kept.fetched_at)
    said = tuple(dict.fromkeys(blocker.message for blocker in (*found.conflicts, *found.blockers, *found.pending)))
    return [*found.documents, *found.updates, *found.vouchers], said
