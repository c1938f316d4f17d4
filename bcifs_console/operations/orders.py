"""Orders: list, show, plan (a preview that posts nothing), sync."""

from dataclasses import asdict, dataclass
from typing import Any

from bcifs_console.accounting.gates import ignored_because
from bcifs_console.accounting.mapping import needs_taxes
from bcifs_console.accounting.plan import plan
from bcifs_console.domain.buyers import Known, buyer_of
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentKind, TaxTreatment
from bcifs_console.domain.plan import Plan
from bcifs_console.domain.states import left_out_key, order_subject
from bcifs_console.domain.updates import OrderUpdateDraft
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.operations.context import Context
from bcifs_console.operations.order_faults import NoSuchOrder
from bcifs_console.store import backfills, customers, ledger, queue, views
from bcifs_console.store.views import DocumentView, OrderView, TimelineView
from bcifs_console.sync.loading import with_movements
from bcifs_console.sync.matching import Match, Matching


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """One order with its ledger and its story."""

    order: OrderView
    documents: tuple[DocumentView, ...]
    timeline: tuple[TimelineView, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be posted for an order, and what stops it."""

    order_id: int
    verdict: str
    note: str
    documents: tuple[dict[str, Any], ...]
    blockers: tuple[dict[str, Any], ...]
    warnings: tuple[dict[str, Any], ...]


def listing(context: Context, *, connection: str | None, state: str | None, limit: int | None) -> list[OrderView]:
    """The orders, newest first."""
    connection_id = context.connection_id(connection) if connection is not None else None
    return context.store.database.read_sync(
        lambda conn: views.orders(conn, connection_id=connection_id, state=state, limit=limit)
    )


def show(context: Context, order_id: int, *, connection: str | None) -> OrderDetail:
    """One order. Raises NoSuchOrder."""
    connection_id = context.connection_id(connection)

    def read(conn: Any) -> OrderDetail | None:
        found = views.orders_by_id(conn, connection_id, [order_id])
        if not found:
            return None
        return OrderDetail(
            found[0],
            tuple(views.documents(conn, connection_id, order_id)),
            tuple(views.timeline(conn, connection_id, order_id)),
        )

    detail = context.store.database.read_sync(read)
    if detail is None:
        raise NoSuchOrder(order_id)
    return detail


async def preview(context: Context, order_id: int, *, connection: str | None) -> Preview:
    """Read the order from the store and say what would be posted. Posts nothing, stores nothing.

    Raises the errors of both clients.
    """
    runtime = context.runtime(context.connection_id(connection))
    try:
        order = await runtime.store.order(order_id, with_taxes=needs_taxes(runtime.rules))
        held, is_named = await runtime.database.read(
            lambda conn: (
                ledger.of_subject(conn, runtime.id, order_subject(order_id)),
                backfills.has_named(conn, runtime.id, order_id),
            )
        )
        policy = runtime.policy.for_named() if is_named else runtime.policy
        order = await with_movements(runtime, order, held, policy)
        match = Match(Known(""))
        if held.customer_order() is None and not ignored_because(order, policy):
            key = left_out_key(order_id)  # a person may have left this very order out
            own = await runtime.database.read(lambda conn: customers.link_of(conn, runtime.id, key))
            match = Match(own) if own is not None else await Matching(runtime).resolve(buyer_of(order), None)
        found = plan(order, match.customer, runtime.rules, policy, held, seen_at=context.clock.now())
    finally:
        await runtime.aclose()
    return _preview(order_id, found)


def _preview(order_id: int, found: Plan) -> Preview:
    return Preview(
        order_id=order_id,
        verdict=found.verdict.value,
        note=found.note,
        documents=(
            *(draft_json(draft, release=found.release) for draft in found.documents),
            *(update_json(draft) for draft in found.updates),
            *(voucher_json(draft) for draft in found.vouchers),
        ),
        blockers=tuple(queue.blocker_json(blocker) for blocker in found.stops),
        warnings=tuple(asdict(w) for w in found.warnings),
    )


def draft_json(draft: CustomerOrderDraft, *, release: bool) -> dict[str, Any]:
    """A customer order draft for people and scripts."""
    return {
        "kind": draft.kind.value,
        "key": draft.key,
        "customer": draft.customer_id,
        "site": draft.contract,
        "currency": draft.currency,
        "total": draft.total_inc_tax,
        "release": release,
        "lines": [
            {
                "sales_part": line.catalog_no,
                "description": line.description,
                "quantity": line.quantity,
                "unit_price_ex_tax": line.unit_price_ex_tax,
                "unit_price_inc_tax": line.unit_price_inc_tax,
                "net": line.net,
                "gross": line.gross,
                "tax": _tax(line.tax),
                "account": line.account,
                "code_parts": dict(line.code_parts),
            }
            for line in draft.lines
        ],
        "charges": [
            {
                "charge_type": charge.charge_type,
                "kind": charge.kind.value,
                "ex_tax": charge.ex_tax,
                "inc_tax": charge.inc_tax,
                "tax": _tax(charge.tax),
            }
            for charge in draft.charges
        ],
    }


def voucher_json(draft: VoucherDraft) -> dict[str, Any]:
    """A voucher draft for people and scripts."""
    return {
        "kind": DocumentKind.VOUCHER.value,
        "voucher_kind": draft.voucher_kind.value,
        "key": draft.key,
        "day": draft.day,
        "currency": draft.currency,
        "amount": draft.amount,
        "rows": [
            {
                "account": row.account,
                "purpose": row.purpose.value,
                "code_parts": dict(row.code_parts),
                "debit": row.debit,
                "credit": row.credit,
                "text": row.text,
                "rule": row.rule,
            }
            for row in draft.rows
        ],
    }


def update_json(draft: OrderUpdateDraft) -> dict[str, Any]:
    """A change of the IFS order for people and scripts."""
    return {
        "kind": DocumentKind.ORDER_UPDATE.value,
        "update_kind": draft.update_kind.value,
        "key": draft.key,
        "line_id": draft.line_id or None,
        "quantity": draft.quantity if draft.line_id else None,
        "was_quantity": draft.was_quantity if draft.line_id else None,
        "tracking": [note.tracking_number for note in draft.tracking],
    }


def _tax(treatment: TaxTreatment) -> str:
    if treatment.from_defaults:
        return "default"
    return f"code:{treatment.code}" if treatment.code else "none"
