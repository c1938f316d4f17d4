"""`bcifs decisions …`"""

import asyncio
from typing import Annotated

import typer

from bcifs_console.cli.output import print_json, safe_text, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import ConnectionName, Json, Note, Wait, installation
from bcifs_console.operations import decide
from bcifs_console.operations.context import Context
from bcifs_console.operations.decide import Decided
from bcifs_console.operations.working import Waited, wait_for

app = typer.Typer(help="Buyers whom a person must decide about.", no_args_is_help=True, add_completion=False)
DecisionId = Annotated[int, typer.Argument(help="The decision's number, from `decisions list`.")]


@app.command("list")
def list_decisions(ctx: typer.Context, connection: ConnectionName = None, as_json: Json = False) -> None:
    """The open questions, oldest first."""
    with installation(ctx) as context:
        rows = decide.listing(context, connection)
    if as_json:
        print_json(
            [
                {
                    "id": row.decision.id,
                    "connection": row.connection,
                    "email": row.decision.email or None,
                    "name": row.decision.name,
                    "question": row.decision.question,
                    "orders": list(row.orders),
                    "since": row.decision.asked_at,
                    "candidates": list(row.decision.candidates),
                }
                for row in rows
            ]
        )
        return
    table(
        ("id>", "buyer", "e-mail", "why", "orders", "candidates"),
        [
            (
                row.decision.id,
                row.decision.name,
                row.decision.email,
                row.decision.question,
                ", ".join(map(str, row.orders)),
                ", ".join(f"{c['customer_id']} {c['name']}" for c in row.decision.candidates),
            )
            for row in rows
        ],
        empty="Nobody waits for a decision.",
    )


@app.command("create")
def create(
    ctx: typer.Context, decision_id: DecisionId, note: Note = "", wait: Wait = None, as_json: Json = False
) -> None:
    """Make a new IFS customer of this buyer."""
    with installation(ctx) as context:
        _finish(context, decide.create(context, decision_id, note), wait, as_json=as_json)


@app.command("link")
def link(
    ctx: typer.Context,
    decision_id: DecisionId,
    customer: Annotated[str, typer.Argument(help="The IFS customer id.")],
    note: Note = "",
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """This buyer is an existing IFS customer."""
    with installation(ctx) as context:
        decided = asyncio.run(decide.link(context, decision_id, customer, note))
        _finish(context, decided, wait, as_json=as_json)


@app.command("skip")
def skip(
    ctx: typer.Context, decision_id: DecisionId, note: Note = "", wait: Wait = None, as_json: Json = False
) -> None:
    """Leave this buyer's orders out."""
    with installation(ctx) as context:
        _finish(context, decide.skip(context, decision_id, note), wait, as_json=as_json)


def _said(decided: Decided) -> str:
    """What the answer means, in words."""
    who, number = safe_text(decided.decision.name), len(decided.orders)
    orders = "1 order" if number == 1 else f"{number} orders"
    if decided.action == "skip":
        return f"{orders} of {who} left out, and this buyer's later ones."
    customer = f"IFS customer {safe_text(decided.customer_id)}" if decided.customer_id else "a new IFS customer"
    return f"{who} becomes {customer}; {orders} looked at again."


def _finish(context: Context, decided: Decided, wait: float | None, *, as_json: bool) -> None:
    waited: Waited | None = None
    if wait is not None:
        waited = asyncio.run(wait_for(context, decided.decision.connection_id, decided.orders, wait))
    if as_json:
        print_json(
            {
                "id": decided.decision.id,
                "action": decided.action,
                "customer_id": decided.customer_id or None,
                "orders": list(decided.orders),
                "states": {str(o.order_id): o.state for o in waited.orders} if waited else None,
            }
        )
    else:
        typer.echo(f"✓ {_said(decided)}")
        if waited:
            rows = [(o.order_id, state_text(o.state), o.ifs_order_no, o.ifs_customer, o.error) for o in waited.orders]
            table(("order>", "state", "IFS order", "customer", "why"), rows, empty="")
    if waited is not None and not waited.is_good:
        raise typer.Exit(EXIT_PROBLEM)
