"""`bcifs orders …`"""

import asyncio
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import money, print_json, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import ConnectionName, Json, Limit, Note, Wait, end_of_wait, installation
from bcifs_console.domain.edits import EditChoice
from bcifs_console.domain.plan import Verdict
from bcifs_console.domain.states import OrderState
from bcifs_console.operations import order_accept, order_due, order_edits, order_skip, orders, voucher_by_hand
from bcifs_console.operations.context import Context
from bcifs_console.operations.working import wait_for
from bcifs_console.store.views import OrderView

app = typer.Typer(
    help="Orders of the store and what became of them in IFS.", no_args_is_help=True, add_completion=False
)
OrderId = Annotated[int, typer.Argument(help="The store's order number.")]


def order_json(order: OrderView) -> dict[str, Any]:
    """One row of `orders list --json` (DESIGN §12)."""
    return {
        "connection": order.connection,
        "order_id": order.order_id,
        "placed_at": order.placed_at,
        "email": order.email or None,
        "ifs_customer": order.ifs_customer or None,
        "total": order.total,
        "currency": order.currency or None,
        "state": order.state,
        "reason": order.reason or None,
        "ifs_order_no": order.ifs_order_no or None,
        "attempts": order.attempts,
        "next_try_at": order.next_try_at,
        "error": order.error or None,
        "remedy": order.remedy or None,
        "problems": list(order.problems),
        "warnings": list(order.warnings),
        "synced_at": order.synced_at,
        "settled": order.settled,
    }


@app.command("list")
def list_orders(
    ctx: typer.Context,
    state: Annotated[OrderState | None, typer.Option("--state", help="Only orders in this state.")] = None,
    connection: ConnectionName = None,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """The orders, newest first."""
    with installation(ctx) as context:
        rows = orders.listing(context, connection=connection, state=state.value if state else None, limit=limit)
    if as_json:
        print_json([order_json(row) for row in rows])
        return
    _print(rows)


def _print(rows: list[OrderView] | tuple[OrderView, ...]) -> None:
    table(
        ("order>", "placed", "buyer", "total>", "state", "IFS order", "customer", "why"),
        [
            (
                row.order_id,
                row.placed_at,
                row.email or row.buyer_name,
                money(row.total, row.currency),
                state_text(row.state),
                row.ifs_order_no,
                row.ifs_customer,
                row.error,
            )
            for row in rows
        ],
        empty="No orders yet. They come by webhook (bcifs webhooks register) and by poll (bcifs poll).",
    )


@app.command("show")
def show(ctx: typer.Context, order_id: OrderId, connection: ConnectionName = None, as_json: Json = False) -> None:
    """One order: its state and why, its documents in IFS, its story."""
    with installation(ctx) as context:
        detail = orders.show(context, order_id, connection=connection)
    if as_json:
        print_json(
            order_json(detail.order)
            | {"documents": [asdict(d) for d in detail.documents], "timeline": [asdict(t) for t in detail.timeline]}
        )
        return
    _print([detail.order])
    for problem in detail.order.problems:
        typer.echo(f"! {safe_text(problem['message'])}\n  → {safe_text(problem['remedy'])}")
    if detail.order.error and not detail.order.problems:
        typer.echo(f"! {safe_text(detail.order.error)}\n  → {safe_text(detail.order.remedy)}")
    for warning in detail.order.warnings:
        typer.echo(f"~ {safe_text(warning['message'])}")
    for document in detail.documents:
        table(
            ("call", "state", "reference", "error"),
            [(p["part"], p["state"], p["reference"], p["error"]) for p in document.parts],
            empty="",
            title=f"{document.key} · {document.kind} · {document.state} · {document.ifs_reference}",
        )
    table(
        ("when", "what", "by"),
        [(t.at, " ".join((t.event, t.detail.get("scope", ""))), t.actor) for t in detail.timeline],
        empty="Nothing happened yet.",
    )


@app.command("plan")
def plan(ctx: typer.Context, order_id: OrderId, connection: ConnectionName = None, as_json: Json = False) -> None:
    """What would be posted for an order, and what stops it. Posts nothing. Exit 1 where something stops it."""
    with installation(ctx) as context:
        found = asyncio.run(orders.preview(context, order_id, connection=connection))
    if as_json:
        print_json(asdict(found))
    else:
        _print_plan(found)
    if found.blockers:
        raise typer.Exit(EXIT_PROBLEM)


def _print_plan(found: orders.Preview) -> None:
    is_done = found.verdict == Verdict.POST.value and not found.documents and not found.blockers
    said = "nothing more to post" if is_done else found.verdict
    typer.echo(f"order {found.order_id}: {said}" + (f" ({safe_text(found.note)})" if found.note else ""))
    shown = {"customer_order": _print_order, "voucher": _print_voucher, "order_update": _print_update}
    for document in found.documents:
        shown[document["kind"]](document)
    for blocker in found.blockers:
        typer.echo(f"! {safe_text(blocker['message'])}\n  → {safe_text(blocker['remedy'])}")
    for warning in found.warnings:
        typer.echo(f"~ {safe_text(warning['message'])}")


def _print_order(document: dict[str, Any]) -> None:
    table(
        ("qty>", "sales part", "net>", "gross>", "tax", "account"),
        [(r["quantity"], r["sales_part"], r["net"], r["gross"], r["tax"], r["account"]) for r in document["lines"]]
        + [("", r["charge_type"], r["ex_tax"], r["inc_tax"], r["tax"], "") for r in document["charges"]],
        empty="",
        title=f"{document['key']} for customer {document['customer']}: {document['total']} {document['currency']}",
    )


def _print_voucher(document: dict[str, Any]) -> None:
    table(
        ("account", "for", "debit>", "credit>"),
        [(r["account"], r["purpose"].replace("_", " "), r["debit"] or "", r["credit"] or "") for r in document["rows"]],
        empty="nothing to post",
        title=f"{document['key']} on {document['day']}: {document['amount']} {document['currency']}",
    )


def _print_update(document: dict[str, Any]) -> None:
    what = {
        "LINE": f"line {document['line_id']} from {document['was_quantity']} to {document['quantity']}",
        "TRACKING": f"tracking {', '.join(filter(None, document['tracking'])) or 'without numbers'}",
        "CANCEL": "the order is cancelled",
    }[document["update_kind"]]
    typer.echo(safe_text(f"{document['key']}: {what}"))


@app.command("sync")
def sync(
    ctx: typer.Context,
    order_ids: Annotated[list[int], typer.Argument(help="The store's order numbers.")],
    connection: ConnectionName = None,
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """Look at these orders now. With --wait: exit 1 where one then waits or failed."""
    with installation(ctx) as context:
        connection_id = order_due.sync(context, order_ids, connection=connection)
        _finish(context, connection_id, order_ids, wait, said="marked", as_json=as_json)


@app.command("skip")
def skip(
    ctx: typer.Context,
    order_id: OrderId,
    note: Note = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the order in again.")] = False,
    connection: ConnectionName = None,
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """Leave this order out, whoever its buyer is; needs --note. Not where IFS may have something of it."""
    with installation(ctx) as context:
        connection_id = context.connection_id(connection)
        if undo:
            order_skip.unskip(context, connection_id, order_id)
        else:
            order_skip.skip(context, connection_id, order_id, note)
        said = "taken in again" if undo else "skipped"
        _finish(context, connection_id, [order_id], wait, said=said, as_json=as_json)


class _Choice(StrEnum):
    KEEP = "keep"
    ADOPT = "adopt"
    BY_HAND = "by-hand"


@app.command("edited")
def edited(
    ctx: typer.Context,
    order_id: OrderId,
    choice: Annotated[
        _Choice,
        typer.Argument(
            help="keep: go on as it was sent. adopt: the books go on by the order as it is now, the IFS order is "
            "changed by hand. by-hand: a person books the difference."
        ),
    ],
    reference: Annotated[str, typer.Option("--reference", help="Where it is booked, with by-hand.")] = "",
    note: Note = "",
    connection: ConnectionName = None,
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """How an order goes on that was edited in the store after it was sent to IFS."""
    chosen = EditChoice(choice.value.replace("-", "_"))
    with installation(ctx) as context:
        found = order_edits.answer(context, order_id, chosen, connection=connection, reference=reference, note=note)
        if not as_json:
            for change in found.changes:
                typer.echo(f"~ {safe_text(change)}")
        _finish(context, found.connection_id, [order_id], wait, said=choice.value, as_json=as_json)


@app.command("booked")
def booked(
    ctx: typer.Context,
    order_id: OrderId,
    key: Annotated[str, typer.Argument(help="The voucher's key, as BC-5001/PAY/44 or PAY/44.")],
    reference: Annotated[str, typer.Option("--reference", help="Where it is booked in IFS.")] = "",
    note: Note = "",
    undo: Annotated[bool, typer.Option("--undo", help="It was not: it is posted from here again.")] = False,
    connection: ConnectionName = None,
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """Say that a voucher was booked in IFS by hand, as one whose period stays closed: it is never posted from here.

    Only where IFS has nothing of it from here.
    """
    with installation(ctx) as context:
        if undo:
            found = voucher_by_hand.taken_back(context, order_id, key, connection=connection, note=note)
        else:
            found = voucher_by_hand.booked(context, order_id, key, reference, connection=connection, note=note)
        if not as_json:
            typer.echo(safe_text(f"~ {found.key} → {found.reference or 'to be posted from here'}"))
        said = "to be posted" if undo else "booked by hand"
        _finish(context, found.connection_id, [order_id], wait, said=said, as_json=as_json)


@app.command("accept")
def accept(
    ctx: typer.Context,
    order_id: OrderId,
    note: Note = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take it back; not once the order was released on it.")] = False,
    connection: ConnectionName = None,
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """Accept the total that IFS shows where another is expected, or say that an IFS invoice was credited; needs --note.

    Another total than the one accepted is another question.
    """
    with installation(ctx) as context:
        answer = order_accept.taken_back if undo else order_accept.accept
        found = answer(context, order_id, note, connection=connection)
        if not as_json:
            typer.echo(safe_text(f"~ {found.what}"))
        said = "taken back" if undo else "accepted"
        _finish(context, found.connection_id, [order_id], wait, said=said, as_json=as_json)


def _finish(
    context: Context, connection_id: int, order_ids: list[int], wait: float | None, *, said: str, as_json: bool
) -> None:
    """Print what was marked or, with --wait, what became of it. Exit 1 where an order then waits or failed."""
    if wait is None:
        if as_json:
            print_json([{"order_id": order_id, "action": said} for order_id in order_ids])
        elif said == "marked":
            typer.echo(f"✓ {len(order_ids)} marked due.")
        else:
            typer.echo(f"✓ order {order_ids[0]}: {said}; it is looked at again.")
        return
    waited = asyncio.run(wait_for(context, connection_id, order_ids, wait))
    if as_json:
        print_json([order_json(row) for row in waited.orders])
    else:
        _print(waited.orders)
    end_of_wait(waited)
