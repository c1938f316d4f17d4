"""`bcifs decisions …`"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bcifs_console.base.problems import Problem
from bcifs_console.base.text import safe_text
from bcifs_console.cli import decisions_rule
from bcifs_console.cli.output import print_json, state_text, table
from bcifs_console.cli.shared import ConnectionName, Json, Note, Wait, end_of_wait, installation
from bcifs_console.domain.buyers import Buyer
from bcifs_console.operations import decide
from bcifs_console.operations.context import Context
from bcifs_console.operations.decide import Decided, DecisionDetail

if TYPE_CHECKING:
    from bcifs_console.operations.decide_preview import CreationPreview
    from bcifs_console.operations.working import Waited

app = typer.Typer(help="Buyers whom a person must decide about.", no_args_is_help=True, add_completion=False)
app.command("rule")(decisions_rule.rule)
app.command("directory")(decisions_rule.read_directory)
#: DESIGN §12; `show` has more of each.
_CANDIDATE: Final = ("customer_id", "name", "score", "reasons")
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
                    "candidates": [{name: each[name] for name in _CANDIDATE} for each in row.decision.candidates],
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


@app.command("show")
def show(
    ctx: typer.Context,
    decision_id: DecisionId,
    refresh: Annotated[bool, typer.Option("--refresh", help="Look for candidates anew, in IFS too.")] = False,
    as_json: Json = False,
) -> None:
    """One question: the buyer, the candidates with the reasons for them, and exactly what `create` would send."""
    with installation(ctx) as context:
        if refresh:
            asyncio.run(decide.gather_candidates(context, decision_id))
        detail = decide.show(context, decision_id)
        made = None if detail.decision.action else _preview(context, decision_id)
    if as_json:
        print_json(_detail_json(detail, made))
    else:
        _print_detail(detail, made)


def _preview(context: Context, decision_id: int) -> "CreationPreview | None":
    """What `create` would make, None (said on stderr) where IFS cannot be asked: the rest is shown all the same."""
    # Both clients come with it: listing does not pay for their import.
    from bcifs_console.operations.decide_preview import preview

    try:
        return asyncio.run(preview(context, decision_id))
    except Problem as problem:
        typer.echo(f"! What `create` would make cannot be shown: {safe_text(str(problem))}", err=True)
        return None


def _detail_json(detail: DecisionDetail, made: "CreationPreview | None") -> dict[str, Any]:
    found = detail.decision
    return {
        "id": found.id,
        "connection": detail.connection,
        "email": found.email or None,
        "name": found.name,
        "question": found.question,
        "since": found.asked_at,
        "action": found.action or None,
        "customer_id": found.customer_id or None,
        "note": found.note or None,
        "actor": found.actor or None,
        "decided_at": found.decided_at,
        "orders": list(detail.orders),
        "waiting": list(detail.waiting),
        "buyer": dict(_facts(detail.buyer)) if detail.buyer is not None else None,
        "candidates": list(found.candidates),
        "create": _preview_json(made) if made is not None else None,
    }


def _preview_json(made: "CreationPreview") -> dict[str, Any]:
    return {
        "customer_id": made.customer_id,
        "name": made.name,
        "template_id": made.template_id or None,
        "calls": [{"step": call.step, "path": call.path, "body": call.body} for call in made.calls],
        "warnings": list(made.warnings),
    }


def _facts(buyer: Buyer) -> tuple[tuple[str, str | None], ...]:
    """What the newest order tells of the buyer, named as `--json` names it."""
    address = buyer.address
    street = ", ".join(filter(None, (address.street_1, address.street_2)))
    city = " ".join(filter(None, (address.city, address.state, address.zip, address.country_iso2)))
    facts = (
        ("name", address.name),
        ("company", buyer.company),
        ("email", buyer.email),
        ("phone", address.phone),
        ("street", street),
        ("city", city),
        ("currency", buyer.currency),
        ("channel", str(buyer.channel_id)),
        ("registered_as", "" if buyer.is_guest else buyer.key.removeprefix("customer:")),
    )
    return tuple((name, value or None) for name, value in facts)


def _print_detail(detail: DecisionDetail, made: "CreationPreview | None") -> None:
    found = detail.decision
    orders = ", ".join(map(str, detail.waiting or detail.orders)) or "none"
    typer.echo(f"{found.id}  {safe_text(found.name)}: {safe_text(found.question)}. Orders: {orders}")
    if found.action:
        typer.echo(f"Answered by {safe_text(found.actor)}: {found.action} {safe_text(found.customer_id)}".rstrip())
    if found.note:
        typer.echo(f"Note: {safe_text(found.note)}")
    if detail.buyer is not None:
        rows = [(name.replace("_", " "), value) for name, value in _facts(detail.buyer) if value]
        table(("buyer", ""), rows, empty="")
    table(
        ("customer", "name", "score>", "why"),
        [(c["customer_id"], c["name"], c["score"], ", ".join(c["reasons"])) for c in found.candidates],
        empty="No customer of IFS looks like this buyer.",
    )
    if made is not None:
        _print_preview(made)


def _print_preview(made: "CreationPreview") -> None:
    how = f", a copy of {safe_text(made.template_id)}" if made.template_id else ""
    table(
        ("step", "what is sent"),
        [(call.step.replace("_", " "), _body_words(call.body)) for call in made.calls],
        empty="",
        title=f"`create` would make IFS customer {made.customer_id} {made.name}{how}",
    )
    for warning in made.warnings:
        typer.echo(f"! {safe_text(warning)}")


def _body_words(body: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in body.items())


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


@app.command("note")
def note_on(
    ctx: typer.Context,
    decision_id: DecisionId,
    text: Annotated[str, typer.Argument(help="What the next one should know; empty takes a note away.")],
    as_json: Json = False,
) -> None:
    """Leave a note on an open question."""
    with installation(ctx) as context:
        decide.remark(context, decision_id, text)
    if as_json:
        print_json({"id": decision_id, "note": text.strip() or None})
    else:
        typer.echo("✓ Noted." if text.strip() else "✓ The note is taken away.")


@app.command("unskip")
def unskip(
    ctx: typer.Context, decision_id: DecisionId, note: Note = "", wait: Wait = None, as_json: Json = False
) -> None:
    """Take a buyer in again who was left out: the question is open, the orders are looked at again."""
    with installation(ctx) as context:
        _finish(context, decide.unskip(context, decision_id, note), wait, as_json=as_json)


@app.command("undo")
def undo(
    ctx: typer.Context, decision_id: DecisionId, note: Note = "", wait: Wait = None, as_json: Json = False
) -> None:
    """Take an answer back while nothing was sent because of it: the question is open again."""
    with installation(ctx) as context:
        _finish(context, decide.undo(context, decision_id, note), wait, as_json=as_json)


def _said(decided: Decided) -> str:
    """What the answer means, in words."""
    who, number = safe_text(decided.decision.name), len(decided.orders)
    orders = "1 order" if number == 1 else f"{number} orders"
    if decided.action == decide.UNDO:
        return f"The question about {who} is open again; {orders} looked at again."
    if decided.action == "skip":
        return f"{orders} of {who} left out, and this buyer's later ones."
    customer = f"IFS customer {safe_text(decided.customer_id)}" if decided.customer_id else "a new IFS customer"
    return f"{who} becomes {customer}; {orders} looked at again."


def _finish(context: Context, decided: Decided, wait: float | None, *, as_json: bool) -> None:
    waited: Waited | None = None
    if wait is not None:
        # The worker comes with it: listing does not pay for its import.
        from bcifs_console.operations.working import wait_for

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
    if waited is not None:
        end_of_wait(waited)
