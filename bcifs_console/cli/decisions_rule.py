"""`bcifs decisions rule` and `directory`: answers for many buyers, and the index that IFS customers are found in."""

import asyncio
import sys
from typing import Annotated, Any, Final

import typer

from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import print_json, table
from bcifs_console.cli.shared import ConnectionName, Json, Note, installation
from bcifs_console.domain.rules import Condition, ConditionField
from bcifs_console.operations import decide, decide_rule, directory
from bcifs_console.operations.context import Context
from bcifs_console.operations.decide_rule import MadeRule, Wanted
from bcifs_console.operations.directory import DirectoryStatus
from bcifs_console.operations.mapping_text import rule_words
from bcifs_console.store.directory import Crawl

#: Past orders named for people; --json has them all.
_SHOWN: Final = 20


def rule(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="The IFS customer whom such buyers become.")],
    like: Annotated[
        int | None, typer.Option("--like", metavar="ID", help="For buyers like this decision's, unless said otherwise.")
    ] = None,
    guest: Annotated[bool | None, typer.Option("--guest/--registered", help="Guests only, or none.")] = None,
    channel: Annotated[list[int] | None, typer.Option("--channel", help="Orders of this channel of the store.")] = None,
    email_domain: Annotated[list[str] | None, typer.Option("--email-domain", help="As example.com; * is wild.")] = None,
    country: Annotated[list[str] | None, typer.Option("--country", help="Goods that go there, as US.")] = None,
    currency: Annotated[list[str] | None, typer.Option("--currency", help="Orders in this currency.")] = None,
    position: Annotated[
        int | None, typer.Option("--position", min=1, help="Its place among the customer rules; by itself the last.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would cover and save nothing.")] = False,
    note: Note = "",
    connection: ConnectionName = None,
    as_json: Json = False,
) -> None:
    """Make a rule of an answer: every buyer of a kind becomes one IFS customer. Shows the past orders it covers.

    Waiting orders that it covers are let go by the service: one first, the rest when it got through.
    """
    conditions = _conditions(guest, channel, email_domain, country, currency)
    with installation(ctx) as context:
        connection_id, found = _whom(context, like, conditions, connection)
        wanted = Wanted(customer, found, position)
        made = asyncio.run(decide_rule.make(context, connection_id, wanted, note, dry_run=dry_run))
    if as_json:
        print_json(_rule_json(made))
    else:
        _print_rule(made)


def _conditions(
    guest: bool | None,
    channel: list[int] | None,
    email_domain: list[str] | None,
    country: list[str] | None,
    currency: list[str] | None,
) -> tuple[Condition, ...]:
    given = (
        (ConditionField.GUEST, () if guest is None else (str(guest).lower(),)),
        (ConditionField.CHANNEL, tuple(map(str, channel or ()))),
        (ConditionField.EMAIL_DOMAIN, tuple(email_domain or ())),
        (ConditionField.COUNTRY, tuple(country or ())),
        (ConditionField.CURRENCY, tuple(currency or ())),
    )
    return tuple(Condition(field, patterns) for field, patterns in given if patterns)


def _whom(
    context: Context, like: int | None, given: tuple[Condition, ...], connection: str | None
) -> tuple[int, tuple[Condition, ...]]:
    """The connection, and whom the rule is for: as given, else buyers like the decision's."""
    if given:
        return _connection_of(context, like, connection), given
    if like is None:
        raise UsageProblem(
            "Nobody is named whom the rule is for.",
            remedy="Give --like ID, or conditions: --guest, --channel, --email-domain, --country, --currency.",
        )
    return decide_rule.conditions_for(context, like)


def _connection_of(context: Context, like: int | None, connection: str | None) -> int:
    if like is None:
        return context.connection_id(connection)
    return decide.find(context, like).connection_id


def _rule_json(made: MadeRule) -> dict[str, Any]:
    return {
        "rule": made.rule.label if made.is_saved else None,
        "position": made.rule.position,
        "when": {condition.field.value: list(condition.patterns) for condition in made.rule.conditions},
        "customer_id": made.rule.result,
        "saved": made.is_saved,
        "covered": [
            {
                "order_id": each.order_id,
                "placed_at": each.placed_at,
                "email": each.email or None,
                "name": each.name,
                "customer_id": each.customer_id or None,
            }
            for each in made.covered
        ],
        "released": list(made.released),
        "warnings": list(made.warnings),
    }


def _print_rule(made: MadeRule) -> None:
    shown = [(each.order_id, each.placed_at, each.name, each.email, each.customer_id) for each in made.covered[:_SHOWN]]
    table(
        ("order>", "placed", "buyer", "e-mail", "booked on"),
        shown,
        empty="No past order is covered by it.",
        title=f"{len(made.covered)} past orders are covered" if shown else "",
    )
    for warning in made.warnings:
        typer.echo(f"! {safe_text(warning)}")
    said = safe_text(rule_words(made.rule))
    if not made.is_saved:
        typer.echo(f"Nothing saved (--dry-run): {said}; {len(made.released)} waiting orders would be let go.")
    else:
        typer.echo(f"✓ Saved {made.rule.label}: {said}; {len(made.released)} waiting orders are let go, one first.")


def read_directory(
    ctx: typer.Context,
    read: Annotated[
        bool, typer.Option("--read", help="Read it now, or go on where an earlier reading stopped.")
    ] = False,
    connection: ConnectionName = None,
    as_json: Json = False,
) -> None:
    """How far the directory of IFS's customers is read; by itself the service reads it where the profile wants one."""
    with installation(ctx) as context:
        if read:
            asyncio.run(directory.refresh(context, connection, _show_progress))
        found = directory.status(context, connection)
    if as_json:
        print_json(_directory_json(found))
    else:
        typer.echo(_directory_words(found))


def _show_progress(crawl: Crawl) -> None:
    """On stderr, over the line before where that is a terminal."""
    known = f" of about {crawl.customers}" if crawl.customers else ""
    end = "\r" if sys.stderr.isatty() and crawl.ended_at is None else "\n"
    sys.stderr.write(f"{crawl.seen}{known} customers read{end}")


def _directory_json(found: DirectoryStatus) -> dict[str, Any]:
    crawl = found.crawl
    return {
        "connection": found.connection,
        "kept": found.is_kept,
        "reading": crawl is not None and crawl.ended_at is None,
        "seen": crawl.seen if crawl is not None else None,
        "started_at": crawl.started_at if crawl is not None else None,
        "customers": crawl.customers if crawl is not None and crawl.is_usable else None,
        "completed_at": crawl.completed_at if crawl is not None else None,
    }


def _directory_words(found: DirectoryStatus) -> str:
    crawl, name = found.crawl, safe_text(found.connection)
    if crawl is None:
        wanted = "the service reads it soon" if found.is_kept else "its profile wants none"
        return f"{name}: no directory of customers was read; {wanted}."
    at = crawl.completed_at
    whole = f"{crawl.customers} customers, read to the end {at:%Y-%m-%d %H:%M} UTC" if at is not None else ""
    under_way = f"being read, {crawl.seen} customers so far" if crawl.ended_at is None else ""
    return f"{name}: {'; '.join(filter(None, (whole, under_way)))}."
