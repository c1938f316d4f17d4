"""Documents in IFS as lines: what each is, its rows, lines or change, and every call with how long it took. Pure."""

from datetime import datetime, timedelta
from itertools import pairwise

from bcifs_console.console import text
from bcifs_console.console.screens.order_pages import KIND_WORDS, mark_of
from bcifs_console.console.widgets.lines import (
    BAD,
    DIM,
    EMPTY,
    STRONG,
    WARN,
    Lines,
    Piece,
    amount_text,
    facts,
    heading,
    paragraph,
)
from bcifs_console.console.widgets.t_account import of_voucher, t_account_lines
from bcifs_console.console.widgets.text_table import Cell, table_lines
from bcifs_console.console.widgets.timeline import duration_text
from bcifs_console.domain.documents import CustomerOrderDraft, LedgerPart, TaxTreatment
from bcifs_console.domain.money import digits
from bcifs_console.domain.updates import OrderUpdateDraft, UpdateKind
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.operations.case_view import Case, CaseDocument

#: Narrower than this, an order's lines are shown without what was before tax.
_ROOM_FOR_ALL = 64


def out_lines(case: Case, width: int, now: datetime) -> Lines:
    """The Out tab: the documents of the ledger, oldest first."""
    lines: Lines = []
    for document in case.documents:
        if not document.is_planned:
            lines += [*([EMPTY] if lines else []), *document_lines(document, width)]
    planned = len(case.planned)
    if planned:
        told = f"{planned} more would be posted now: p shows them."
        lines += [*([EMPTY] if lines else []), *paragraph(told, width, lead=" + ", style=DIM)]
    return lines or paragraph("Nothing of this order is in IFS, and nothing was begun.", width, style=DIM, indent=1)


def document_lines(document: CaseDocument, width: int, *, order_id: int | None = None) -> Lines:
    """One document whole."""
    mark, _ = mark_of(document)
    lines = [heading(f"{mark} {document.key}", width, KIND_WORDS[document.kind])]
    lines += facts(_facts(document, order_id), width, label=10)
    if document.error:
        lines += paragraph(document.error, width, lead=" ✗ ", style=BAD)
    lines += _body(document, width)
    lines += _calls(document, width)
    return lines


def _facts(document: CaseDocument, order_id: int | None) -> list[tuple[str, Piece]]:
    rows: list[tuple[str, Piece]] = [(" state", text.state(document.state))]
    if document.reference:
        rows.append((" in IFS", document.reference))
    if document.currency:
        rows.append((" amount", f"{amount_text(document.amount, digits(document.currency))} {document.currency}"))
    if document.day is not None:
        rows.append((" dated", f"{document.day:%a} {document.day:%Y-%m-%d}"))
    draft = document.draft
    if isinstance(draft, VoucherDraft):
        rows.append((" for", draft.fact))
    if order_id is not None:
        rows.append((" order", f"{order_id} (o opens it)"))
    if document.batch is not None:
        rows.append((" batch file", str(document.batch)))
    if document.created_at is not None:
        end = document.confirmed_at
        took = f", in IFS {duration_text(end - document.created_at)} later" if end is not None else ""
        rows.append((" written", f"{document.created_at:%Y-%m-%d %H:%M:%S} UTC{took}"))
    return rows


def _body(document: CaseDocument, width: int) -> Lines:
    match document.draft:
        case VoucherDraft() as draft:
            return [EMPTY, *t_account_lines(of_voucher(draft), width)]
        case CustomerOrderDraft() as draft:
            return [EMPTY, *_order_lines(draft, width)]
        case OrderUpdateDraft() as draft:
            return [EMPTY, *_update_lines(draft, width)]
        case _:
            return paragraph("What was sent can no longer be read.", width, style=BAD, indent=1)


def _order_lines(draft: CustomerOrderDraft, width: int) -> Lines:
    places = digits(draft.currency)
    rows: list[list[Cell]] = [
        [
            f"{line.quantity.normalize():f}",
            line.catalog_no,
            line.description,
            amount_text(line.net, places),
            amount_text(line.gross, places),
            _tax(line.tax),
            " ".join([line.account, *(f"{part}:{value}" for part, value in line.code_parts)]).strip(),
        ]
        for line in draft.lines
    ]
    rows += [
        [
            "",
            (charge.charge_type, DIM),
            charge.description or charge.kind.value,
            amount_text(charge.ex_tax, places),
            amount_text(charge.inc_tax, places),
            _tax(charge.tax),
            "",
        ]
        for charge in draft.charges
    ]
    rows.append(["", "", "total", "", (amount_text(draft.total_inc_tax, places), STRONG), "", ""])
    titles: tuple[str, ...] = ("qty>", "part", "what", "net>", "gross>", "tax", "account")
    if width < _ROOM_FOR_ALL:
        titles = ("qty>", "part", "what", "gross>", "account")
        rows = [[*row[:3], row[4], row[6]] for row in rows]
    told = f"customer {draft.customer_id or 'not known yet'} · site {draft.contract} · {draft.currency}"
    return [*paragraph(told, width, style=DIM, indent=1), *table_lines(titles, rows, width)]


def _tax(treatment: TaxTreatment) -> str:
    return "default" if treatment.from_defaults else treatment.code or "none"


def _update_lines(draft: OrderUpdateDraft, width: int) -> Lines:
    match draft.update_kind:
        case UpdateKind.LINE_QUANTITY:
            told = f"Line {draft.line_id}: from {draft.was_quantity:f} to {draft.quantity:f} units."
        case UpdateKind.CANCEL:
            told = "The order is cancelled."
        case UpdateKind.TRACKING:
            notes = (
                " ".join(filter(None, (note.day, note.carrier, note.tracking_number or "no number")))
                for note in draft.tracking
            )
            told = f"Parcels: {'; '.join(notes)}."
    return paragraph(told, width, indent=1)


def _calls(document: CaseDocument, width: int) -> Lines:
    if not document.parts:
        return []
    ends = [after.sent_at for _, after in pairwise(document.parts)]
    rows = [_call(part, end) for part, end in zip(document.parts, [*ends, document.confirmed_at], strict=True)]
    lines = [EMPTY, *table_lines(("call to IFS", "state", "answer", "took>"), rows, width)]
    for part in document.parts:
        told = _trouble(part)
        if told:
            style = BAD if part.state.value == "failed" else WARN
            lines += paragraph(f"{part.name}: {told}", width, lead=" ! ", style=style)
    return lines


def _call(part: LedgerPart, end: datetime | None) -> list[Cell]:
    took: timedelta | None = None
    if part.sent_at is not None and end is not None and part.state.value == "confirmed":
        took = max(end - part.sent_at, timedelta(0))
    return [
        part.name.replace("_", " "),
        text.state(part.state.value).plain,
        part.reference,
        duration_text(took) if took is not None else "",
    ]


def _trouble(part: LedgerPart) -> str:
    """What did not go at once."""
    told = [f"sent {part.sends} times"] if part.sends > 1 else []
    if part.look_ups:
        told.append(f"looked up {part.look_ups} time{'' if part.look_ups == 1 else 's'}")
    return " · ".join(filter(None, (*told, part.error)))
