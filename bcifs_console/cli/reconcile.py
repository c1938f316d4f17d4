"""`bcifs reconcile`"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import errors, print_json, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import ConnectionName, Json, installation
from bcifs_console.operations import reconcile as operation
from bcifs_console.operations.files import write_whole
from bcifs_console.operations.reconcile import Reconciled
from bcifs_console.operations.reconciling import Compared, Difference, What

_DATE = ["%Y-%m-%d"]
_IN_WORDS: Final = {
    What.MISSING: "missing in IFS",
    What.STRAY: "only in IFS",
    What.TWICE: "in IFS more than once",
    What.CURRENCY: "in another currency",
    What.AMOUNT: "of another amount",
    What.ACCOUNTS: "on other accounts",
    What.DAY: "of another day",
    What.FAULT: "wrong in IFS",
}


def reconcile(
    ctx: typer.Context,
    first: Annotated[datetime, typer.Option("--from", formats=_DATE, help="First day, in the connection's zone.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DATE, help="Last day, included.")],
    connection: ConnectionName = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write what was found to this file as well.")] = None,
    as_json: Json = False,
) -> None:
    """Compare the store with IFS day by day: orders, payments, voids, refunds, shipments. Posts nothing.

    Both sides are read afresh. Exit 1 where something differs that nothing explains.
    """
    with installation(ctx) as context:
        found = asyncio.run(operation.reconcile(context, connection=connection, first=first.date(), last=last.date()))
    if csv is not None:
        write_whole(csv, operation.reconciled_csv(found))
    for problem in found.unread:
        errors().print(safe_text(f"✗ Could not be read, so not compared: {problem}"), markup=False, soft_wrap=True)
    if as_json:
        print_json([operation.row_json(found.connection, row) for row in found.rows])
    else:
        _print(found)
    if found.is_red:
        raise typer.Exit(EXIT_PROBLEM)


def _print(found: Reconciled) -> None:
    table(
        ("day", "currency", "kind", "store>", "sum>", "IFS>", "sum>", "verdict"),
        [
            (
                row.day,
                row.currency,
                row.kind.value,
                row.store_count,
                f"{row.store_sum:,f}",
                row.ifs_count,
                f"{row.ifs_sum:,f}",
                state_text(row.verdict.value),
            )
            for row in found.rows
        ],
        empty="Neither side has anything on these days.",
    )
    for row in found.rows:
        _print_differences(row, row.differences)
    for note in found.notes:
        typer.echo(f"· {safe_text(note)}")


def _print_differences(row: Compared, differences: Iterable[Difference]) -> None:
    for difference in differences:
        named = safe_text(difference.key or difference.ifs_reference)
        place = f"{row.day} {row.currency} {row.kind.value}"
        said = f"{named} is {_IN_WORDS[difference.what]}. {safe_text(difference.explanation)}"
        typer.echo(f"{state_text(difference.verdict.value)}  {safe_text(place)}: {said}")
        if difference.remedy:
            typer.echo(f"  → {safe_text(difference.remedy)}")
