"""`bcifs mapping …`"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from bcifs_console.accounting.mapping_faults import Finding
from bcifs_console.accounting.replay import AccountChange, Compared, Effect
from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import money, print_json, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import ConnectionName, Json, installation
from bcifs_console.domain.rules import MappingRule
from bcifs_console.operations import explain, mapping, mapping_check, time_machine
from bcifs_console.operations.connect import settings_of
from bcifs_console.operations.context import Context
from bcifs_console.operations.mapping_check import Checked
from bcifs_console.operations.mapping_text import rule_words
from bcifs_console.operations.time_machine import Tried
from bcifs_console.store.mapping_releases import MappingRelease

app = typer.Typer(
    help="Mapping rules: which account, tax code, sales part … an order gets.",
    no_args_is_help=True,
    add_completion=False,
)
File = Annotated[Path, typer.Argument(help="A mapping file, as config/mapping.example.toml.")]
Since = Annotated[str, typer.Option("--since", metavar="DAY", help="Orders placed from this day on, as 2026-11-01.")]
#: Orders named one by one for people; --json has them all.
_SHOWN: Final = 20


@app.command("export")
def export(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, the terminal.")] = None,
    connection: ConnectionName = None,
    as_json: Json = False,
) -> None:
    """Write the rules in force as a mapping file."""
    with installation(ctx) as context:
        if file is not None:
            written = mapping.export_to(context, connection, file)
            if as_json:
                print_json({"file": str(file), "rules": written})
            else:
                typer.echo(f"✓ {written} rules in {safe_text(str(file))}")
            return
        if as_json:
            print_json([mapping.rule_json(rule) for rule in mapping.in_force(context, connection)[1].rules])
        else:
            typer.echo(mapping.export(context, connection), nl=False)


@app.command("import")
def import_file(
    ctx: typer.Context,
    file: File,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the rules.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference and save nothing.")] = False,
    connection: ConnectionName = None,
    as_json: Json = False,
) -> None:
    """Put a mapping file in force, whole or, where anything is wrong with it, not at all.

    Orders that waited for what it says are looked at again by the service: one first, the rest when it got through.
    """
    with installation(ctx) as context:
        done = mapping.import_file(context, connection, file, reason=reason, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "connection": done.connection,
                "saved": done.is_saved,
                "changes": [{"change": _SIGNS[each.sign], **mapping.rule_json(each.rule)} for each in done.changes],
                "findings": [finding_json(finding) for finding in done.findings],
                "notes": list(done.notes),
            }
        )
        return
    for each in done.changes:
        typer.echo(safe_text(f"{each.sign} {_place(each.rule)}  {rule_words(each.rule)}"))
    _print_findings(done.findings)
    for note in done.notes:
        typer.echo(f"~ {safe_text(note)}")
    typer.echo(_ended(done))


_SIGNS: Final = {"+": "added", "-": "removed"}


def _ended(done: mapping.Imported) -> str:
    if not done.changes:
        return "✓ The file says what is in force; nothing changed."
    purposes = ", ".join(done.purposes)
    if done.is_saved:
        return f"✓ Saved: {purposes}. Orders that waited for it are looked at again, one first."
    return f"Nothing saved (--dry-run). Would change: {purposes}."


def _place(rule: MappingRule) -> str:
    return rule.label if rule.id else f"{rule.purpose}#{rule.position}"


def finding_json(finding: Finding) -> dict[str, Any]:
    """A rule that never decides anything, as `--json` shows it."""
    return {
        "kind": finding.kind.value,
        "rule": _place(finding.rule),
        "by": [_place(rule) for rule in finding.by],
        "message": finding.message,
    }


def _print_findings(found: tuple[Finding, ...]) -> None:
    for finding in found:
        typer.echo(f"! {finding.kind}: {safe_text(finding.message)}.")


@app.command("check")
def check(ctx: typer.Context, connection: ConnectionName = None, as_json: Json = False) -> None:
    """Does IFS have what the rules lead to, and what do stored orders lack. Exit 1 where something needs a person."""
    with installation(ctx) as context:
        found = asyncio.run(mapping_check.check(context, connection))
    if as_json:
        print_json(_check_json(found))
    else:
        _print_check(found)
    if not found.is_good:
        raise typer.Exit(EXIT_PROBLEM)


def _check_json(found: Checked) -> dict[str, Any]:
    return {
        "connection": found.connection,
        "targets": [
            {
                "kind": target.kind,
                "value": target.value,
                "verdict": target.standing.value,
                "rules": list(target.rules),
                "detail": target.detail or None,
                "remedy": target.remedy or None,
            }
            for target in found.targets
        ],
        "findings": [finding_json(finding) for finding in found.findings],
        "unmapped": [
            {
                "subject": each.subject,
                "message": each.message,
                "orders": each.orders,
                "example": each.example,
                "remedy": each.remedy,
            }
            for each in found.unmapped
        ],
        "orders": found.orders,
        "release": _release_json(found.release),
    }


def _release_json(release: MappingRelease | None) -> dict[str, Any] | None:
    if release is None:
        return None
    return {
        "state": release.state.value,
        "canary": release.canary,
        "waiting": len(release.orders),
        "saved_at": release.saved_at,
        "note": release.note or None,
    }


def _print_check(found: Checked) -> None:
    table(
        ("what", "value", "in IFS", "rules", "detail"),
        [(t.kind.replace("_", " "), t.value, state_text(t.standing), _some(t.rules), t.detail) for t in found.targets],
        empty="No rule leads anywhere yet.",
    )
    _print_findings(found.findings)
    table(
        ("orders>", "what no rule covers", "remedy"),
        [(each.orders, each.message, each.remedy) for each in found.unmapped],
        empty=f"Every amount of {found.orders} stored orders is covered.",
        title=f"Of {found.orders} stored orders" if found.unmapped else "",
    )
    if found.release is not None:
        waiting = len(found.release.orders)
        note = found.release.note or f"Order {found.release.canary or 'one'} goes first, {waiting} wait for it."
        typer.echo(f"! Release {found.release.state}: {safe_text(note)}")


def _some(texts: tuple[str, ...]) -> str:
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")


@app.command("explain")
def explain_order(
    ctx: typer.Context,
    order_id: Annotated[int, typer.Argument(help="The store's order number.")],
    connection: ConnectionName = None,
    as_json: Json = False,
) -> None:
    """Where each amount of an order's documents comes from, and which rule put it there. Calls nothing."""
    with installation(ctx) as context:
        found = explain.explanation(context, order_id, connection=connection)
    if as_json:
        print_json(
            [
                {
                    "amount": each.amount,
                    "currency": each.currency,
                    "store_field": each.store_field,
                    "rule": each.rule,
                    "ifs_field": each.ifs_field,
                    "document": each.document,
                }
                for each in found.amounts
            ]
        )
    else:
        _print_explanation(found)
    for said in found.answers:
        typer.echo(f"~ {safe_text(said)}", err=True)
    for said in (*found.blockers, *(f"{key} can no longer be read." for key in found.unreadable)):
        typer.echo(f"! {safe_text(said)}", err=True)


def _print_explanation(found: explain.Explanation) -> None:
    documents = dict.fromkeys(each.document for each in found.amounts)
    if not documents:
        typer.echo(f"Order {found.order_id} has no documents.")
    for document in documents:
        rows = [each for each in found.amounts if each.document == document]
        table(
            ("amount>", "from", "rule", "to"),
            [(money(each.amount, each.currency), each.store_field, each.rule, each.ifs_field) for each in rows],
            empty="",
            title=f"{document} · planned" if document in found.planned else document,
        )


@app.command("try")
def try_file(
    ctx: typer.Context, file: File, since: Since, connection: ConnectionName = None, as_json: Json = False
) -> None:
    """Replay past orders with the rules of a file: what would have been different. Posts nothing, calls nothing."""
    with installation(ctx) as context:
        started = context.clock.monotonic()
        tried = time_machine.try_file(context, connection, file, since=_moment(context, connection, since))
        elapsed_s = round(context.clock.monotonic() - started, 3)
    if as_json:
        print_json(_tried_json(tried, elapsed_s))
    else:
        _print_tried(tried, elapsed_s)


def _moment(context: Context, connection: str | None, day: str) -> datetime:
    """The beginning of a day in the connection's time zone; a time is taken as it stands."""
    try:
        moment = datetime.fromisoformat(day)
    except ValueError:
        raise UsageProblem(f"--since {day!r} is no day.", remedy="Write it as 2026-11-01.") from None
    zone = ZoneInfo(settings_of(context, context.connection_id(connection)).policy.time_zone)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _tried_json(tried: Tried, elapsed_s: float) -> dict[str, Any]:
    return {
        "connection": tried.connection,
        "since": tried.since,
        "orders": tried.orders,
        **{effect.value: tried.effects[effect] for effect in Effect},
        "accounts": [
            {"account": s.account, "currency": s.currency, "difference": s.amount, "orders": s.orders}
            for s in tried.accounts
        ],
        "changed": [_compared_json(found) for found in tried.changed],
        "unreadable": tried.unreadable,
        "elapsed_s": elapsed_s,
    }


def _compared_json(found: Compared) -> dict[str, Any]:
    return {
        "order_id": found.order_id,
        "verdict": found.effect.value,
        "currency": found.currency,
        "accounts": [{"account": change.account, "difference": change.amount} for change in found.accounts],
        "differences": [
            {"document": d.document, "part": d.part, "before": d.before, "after": d.after, "amount": d.amount}
            for d in found.differences
        ],
        "blockers": [{"subject": b.subject, "message": b.message} for b in found.blockers],
    }


def _print_tried(tried: Tried, elapsed_s: float) -> None:
    counts = ", ".join(f"{tried.effects[v]} {v.replace('_', ' ')}" for v in Effect)
    typer.echo(f"{tried.orders} orders since {tried.since:%Y-%m-%d}: {counts} ({elapsed_s:.1f} s).")
    table(
        ("account", "difference>", "orders>"),
        [(s.account, _signed(s.amount, s.currency), s.orders) for s in tried.accounts],
        empty="No account would hold anything else.",
        title="Debited more (+), credited more (-)" if tried.accounts else "",
    )
    rows = [(f.order_id, f.effect.replace("_", " "), _by_account(f.accounts), _why(f)) for f in tried.changed[:_SHOWN]]
    table(("order>", "verdict", "accounts", "what"), rows, empty="")
    if len(tried.changed) > _SHOWN:
        typer.echo(f"… and {len(tried.changed) - _SHOWN} more orders; --json names them all.")
    for order_id in tried.unreadable:
        typer.echo(f"! The snapshot of order {order_id} can no longer be read.")


def _by_account(changes: tuple[AccountChange, ...]) -> str:
    return ", ".join(f"{change.account} {change.amount:+,f}" for change in changes)


def _signed(amount: Any, currency: str) -> Text:
    return Text(f"{amount:+,f} {currency}")


def _why(found: Compared) -> str:
    if found.blockers:
        return "; ".join(blocker.message for blocker in found.blockers[:2])
    shown = [f"{d.document} {d.part}: {d.before or 'nothing'} → {d.after or 'nothing'}" for d in found.differences[:2]]
    return "; ".join(shown) + (f" (+{len(found.differences) - 2})" if len(found.differences) > 2 else "")
