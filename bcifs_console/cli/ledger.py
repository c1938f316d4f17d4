"""`bcifs ledger …`"""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import money, print_json, state_text, table
from bcifs_console.cli.shared import ConnectionName, Json, Limit, installation
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.operations import books
from bcifs_console.operations.books import ExportFormat, LedgerEntry

app = typer.Typer(
    help="Our record of what stands in IFS: customer orders, vouchers and their rows.",
    no_args_is_help=True,
    add_completion=False,
)
_DATE = ["%Y-%m-%d"]
From = Annotated[datetime | None, typer.Option("--from", formats=_DATE, help="First voucher date.")]
To = Annotated[datetime | None, typer.Option("--to", formats=_DATE, help="Last voucher date.")]


def day_of(given: datetime | None) -> date | None:
    """The day an option names."""
    return None if given is None else given.date()


def entry_json(entry: LedgerEntry) -> dict[str, Any]:
    """One row of `ledger list --json` (DESIGN §12)."""
    shown: dict[str, Any] = {
        "connection": entry.connection,
        "order_id": entry.order_id,
        "key": entry.key,
        "kind": entry.kind,
        "state": entry.state,
        "amount": entry.amount,
        "currency": entry.currency or None,
        "ifs_reference": entry.ifs_reference or None,
        "confirmed_at": entry.confirmed_at,
    }
    if entry.voucher is not None:
        shown["voucher_kind"] = entry.voucher.voucher_kind.value
        shown["rows"] = [
            {
                "account": row.account,
                "code_parts": dict(row.code_parts),
                "debit": row.debit,
                "credit": row.credit,
                "text": row.text,
            }
            for row in entry.rows
        ]
    return shown


@app.command("list")
def list_documents(
    ctx: typer.Context,
    order: Annotated[int | None, typer.Option("--order", help="Only documents of this order.")] = None,
    first: From = None,
    last: To = None,
    kind: Annotated[DocumentKind | None, typer.Option("--kind", help="Only documents of this kind.")] = None,
    limit: Limit = None,
    connection: ConnectionName = None,
    with_rows: Annotated[bool, typer.Option("--rows", help="Show each voucher as a T-account.")] = False,
    as_json: Json = False,
) -> None:
    """The documents that exist in IFS or may exist, written down last first. --from and --to go by voucher date."""
    with installation(ctx) as context:
        entries = books.listing(
            context,
            connection=connection,
            order_id=order,
            first=day_of(first),
            last=day_of(last),
            kind=kind,
            limit=limit,
        )
    if as_json:
        print_json([entry_json(entry) for entry in entries])
    elif with_rows:
        _print_t_accounts(entries)
    else:
        _print(entries)


def _print(entries: list[LedgerEntry]) -> None:
    table(
        ("day", "order>", "document", "kind", "amount>", "state", "IFS"),
        [
            (
                entry.day,
                entry.order_id,
                entry.key,
                entry.voucher.voucher_kind.value if entry.voucher else entry.kind,
                money(entry.amount, entry.currency),
                state_text(entry.state),
                entry.ifs_reference,
            )
            for entry in entries
        ],
        empty="Nothing stands in IFS yet.",
    )


def _print_t_accounts(entries: list[LedgerEntry]) -> None:
    vouchers = [entry for entry in entries if entry.voucher is not None]
    if not vouchers:
        _print([])
    for entry in vouchers:
        debits = [(row.account, row.text, row.debit) for row in entry.rows if row.debit]
        credits = [(row.account, row.text, row.credit) for row in entry.rows if row.credit]
        sides = [(*_side(debits, line), "│", *_side(credits, line)) for line in range(max(len(debits), len(credits)))]
        total = sum((amount for *_, amount in debits), Decimal(0)), sum((amount for *_, amount in credits), Decimal(0))
        table(
            ("debit", "", "amount>", "│", "credit", "", "amount>"),
            [*sides, ("", "", f"{total[0]:,f}", "│", "", "", f"{total[1]:,f}")] if sides else [],
            empty=f"{entry.key}: nothing to post.",
            title=f"{entry.key} · {entry.day or ''} · {entry.currency} · {entry.state} · {entry.ifs_reference}",
        )


def _side(rows: list[tuple[str, str, Decimal]], line: int) -> tuple[str, str, str]:
    if line >= len(rows):
        return "", "", ""
    account, text, amount = rows[line]
    return account, text, f"{amount:,f}"


@app.command("export")
def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Written anew, whole.")],
    form: Annotated[ExportFormat, typer.Option("--format", help="For bean-check, or for a spreadsheet.")],
    first: From = None,
    last: To = None,
    connection: ConnectionName = None,
    as_json: Json = False,
) -> None:
    """Write the vouchers that stand in IFS to a file: one beancount transaction each, or one CSV line a row."""
    with installation(ctx) as context:
        done = books.export(context, file, form, connection=connection, first=day_of(first), last=day_of(last))
    if as_json:
        print_json(
            {
                "file": done.file,
                "format": done.format,
                "connection": done.connection,
                "vouchers": done.vouchers,
                "rows": done.rows,
            }
        )
        return
    typer.echo(f"✓ {done.vouchers} vouchers of {safe_text(done.connection)} in {safe_text(done.file)}.")
    if form is ExportFormat.BEANCOUNT:
        typer.echo(f"  verify: bean-check {safe_text(done.file)}")
