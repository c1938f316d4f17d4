"""The ledger for people and for other programs: listed, and exported for a tool that verifies it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.domain.codec import decode_voucher
from bcifs_console.domain.documents import DocumentKind, LedgerDocument
from bcifs_console.domain.states import order_of
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.operations.beancount import Transaction, beancount_text
from bcifs_console.operations.context import Context
from bcifs_console.operations.files import csv_text, write_whole
from bcifs_console.store import books, connections

T = TypeVar("T")
_CSV_HEADINGS: Final = (
    "connection",
    "day",
    "order_id",
    "document",
    "voucher_kind",
    "ifs_reference",
    "fact",
    "purpose",
    "account",
    "code_parts",
    "debit",
    "credit",
    "currency",
    "tax_code",
    "text",
)


class UnreadableDocument(Problem):
    """A document of the ledger is not as this program writes them."""

    kind = ProblemKind.CONFIGURATION


class ExportFormat(StrEnum):
    BEANCOUNT = "beancount"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One document of the ledger. `voucher` is there for vouchers alone."""

    connection: str
    order_id: int | None
    key: str
    kind: str
    state: str
    amount: Decimal
    currency: str
    ifs_reference: str
    confirmed_at: datetime | None
    day: date | None
    voucher: VoucherDraft | None

    @property
    def rows(self) -> tuple[VoucherRow, ...]:
        return self.voucher.rows if self.voucher else ()


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    file: str
    format: str
    connection: str
    vouchers: int
    rows: int


def listing(
    context: Context,
    *,
    connection: str | None,
    order_id: int | None = None,
    first: date | None = None,
    last: date | None = None,
    kind: DocumentKind | None = None,
    limit: int | None = None,
) -> list[LedgerEntry]:
    """Documents of one connection, or of all, written down last first; days both included.

    Raises NoSuchConnection, UsageProblem on days in the wrong order, UnreadableDocument.
    """
    check_days(first, last)
    only = None if connection is None else context.connection_id(connection)
    kinds = tuple(DocumentKind) if kind is None else (kind,)

    def read(conn: Connection) -> list[LedgerEntry]:
        names = connections.all_names(conn)
        wanted = names if only is None else [only]
        found = books.documents(conn, wanted, kinds=kinds, order_id=order_id, first=first, last=last, limit=limit)
        return [_entry(document, names[document.connection_id]) for document in found]

    return context.store.database.read_sync(read)


def check_days(first: date | None, last: date | None) -> None:
    """Raise UsageProblem where the last day lies before the first."""
    if first is not None and last is not None and last < first:
        raise UsageProblem(f"--to {last} lies before --from {first}.", remedy="Give the earlier day first.")


def _entry(document: LedgerDocument, connection: str) -> LedgerEntry:
    return LedgerEntry(
        connection=connection,
        order_id=order_of(document.subject),
        key=document.key,
        kind=document.kind.value,
        state=document.state.value,
        amount=document.amount,
        currency=document.currency,
        ifs_reference=document.reference,
        confirmed_at=document.confirmed_at,
        day=document.day,
        voucher=voucher_of(document) if document.kind is DocumentKind.VOUCHER else None,
    )


def voucher_of(document: LedgerDocument) -> VoucherDraft:
    """The voucher as it was posted. Raises UnreadableDocument."""
    return read_draft(document, decode_voucher)


def read_draft(document: LedgerDocument, decode: Callable[[str], T]) -> T:
    """The document as it was drawn up. Raises UnreadableDocument."""
    try:
        return decode(document.draft)
    except ValueError as error:
        raise UnreadableDocument(
            f"Document {document.key} of the ledger cannot be read: {str(error).splitlines()[0]}.",
            remedy="Run: bcifs db check; if the database is sound, report this with the log.",
        ) from None


def export(
    context: Context,
    path: Path,
    form: ExportFormat,
    *,
    connection: str | None,
    first: date | None = None,
    last: date | None = None,
) -> Exported:
    """Write the vouchers that stand in IFS, by voucher date, over `path`, whole.

    One connection at a time: accounts of different companies may share a number. Raises NoSuchConnection, UsageProblem,
    UnreadableDocument, and ConfigurationProblem on what the format cannot hold.
    """
    check_days(first, last)
    connection_id = context.connection_id(connection)

    def read(conn: Connection) -> list[Transaction]:
        name = connections.all_names(conn)[connection_id]
        return [
            _transaction(document, name)
            for document in books.vouchers_by_day(conn, connection_id, first=first, last=last)
        ]

    transactions = context.store.database.read_sync(read)
    name = connection or context.store.database.read_sync(lambda conn: connections.all_names(conn)[connection_id])
    if form is ExportFormat.BEANCOUNT:
        text = beancount_text(f"bcifs {name}", transactions)
    else:
        text = csv_text(_CSV_HEADINGS, [line for transaction in transactions for line in _csv_rows(transaction)])
    write_whole(path, text)
    rows = sum(len(transaction.draft.rows) for transaction in transactions)
    return Exported(str(path), form.value, name, len(transactions), rows)


def _transaction(document: LedgerDocument, connection: str) -> Transaction:
    draft = voucher_of(document)
    return Transaction(connection, document.day or draft.day, document.reference, draft)


def _csv_rows(transaction: Transaction) -> list[tuple[object, ...]]:
    draft = transaction.draft
    return [
        (
            transaction.connection,
            transaction.day,
            draft.order_id,
            draft.key,
            draft.voucher_kind.value,
            transaction.reference,
            draft.fact,
            row.purpose.value,
            row.account,
            " ".join(f"{part}={value}" for part, value in row.code_parts),
            row.debit,
            row.credit,
            draft.currency,
            row.tax_code,
            row.text,
        )
        for row in draft.rows
    ]
