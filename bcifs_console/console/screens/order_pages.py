"""What the head and the tabs of the Order screen say, as lines for a width. Pure: a case in, lines out.

The In tab is in `order_in`, the Out tab in `order_out`.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Final

from rich.cells import cell_len

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.widgets.lines import (
    BAD,
    DIM,
    EMPTY,
    GOOD,
    NEW,
    STRONG,
    WARN,
    Lines,
    Piece,
    aligned,
    amount_text,
    facts,
    fit,
    heading,
    line,
    paragraph,
)
from bcifs_console.console.widgets.t_account import of_accounts, of_voucher, t_account_lines
from bcifs_console.console.widgets.text_table import Cell, table_lines
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.money import ZERO, digits
from bcifs_console.domain.vouchers import Position
from bcifs_console.operations.case_steps import short_key
from bcifs_console.operations.case_view import Case, CaseDocument, CaseProblem, Explained

KIND_WORDS: Final = {
    DocumentKind.CUSTOMER_ORDER: "customer order",
    DocumentKind.CUSTOMER: "customer",
    DocumentKind.VOUCHER: "voucher",
    DocumentKind.ORDER_UPDATE: "order change",
}
_SHORT_WORDS: Final = {**KIND_WORDS, DocumentKind.CUSTOMER_ORDER: "order", DocumentKind.ORDER_UPDATE: "change"}
#: What a person presses, by why an order waits.
_KEYS: Final = {
    "customer": "d goes to the question who the buyer is",
    "mapping": "5 opens the mappings; r looks again when they are right",
    "totals": "r looks again when the store's figures are right; x leaves the order out",
    "status": "r looks again when the store has moved the order on",
    "period": "r tries again when the period is open",
    "conflict": "r looks again when IFS and the store are in line",
    "unknown_outcome": "nothing to press: IFS is asked again by itself",
    "connection": "7 shows what is paused and why",
}
_MARKS: Final = {"planned": ("+", NEW), "confirmed": ("=", GOOD), "nothing_to_post": ("=", DIM)}
_TROUBLE: Final = ("!", WARN)
_UNDER_WAY: Final = ("~", NEW)


def head_lines(case: Case, width: int, now: datetime) -> Lines:
    """Who, what, how much, and the one thing in the way."""
    order = case.order
    state = text.state(order.state, f"{order.state} for {order.reason}".replace("_", " ") if _waits(case) else "")
    total = text.money(order.total, order.currency)
    buyer = safe_text(order.buyer_name or order.email or "-")
    name = f" Order {order.order_id} "
    room = width - cell_len(name) - state.cell_length - cell_len(total) - 4
    where = [
        order.connection,
        f"placed {order.placed_at:%Y-%m-%d %H:%M} UTC" if order.placed_at else "not read yet",
        case.read.status if case.read is not None else "",
        f"IFS order {order.ifs_order_no}" if order.ifs_order_no else "not in IFS",
        f"customer {order.ifs_customer}" if order.ifs_customer else "",
    ]
    lines = [
        line((name, "bold reverse"), " ", state, "  ", fit(buyer, max(0, room)), (total, STRONG), " "),
        line((fit(" " + " · ".join(filter(None, where)), width), DIM)),
    ]
    if case.left_out is not None:
        lines += paragraph(f"Left out: {case.left_out or 'no note'} (x takes it in again)", width, style=WARN, indent=1)
    for problem in case.problems[:1]:
        more = f"  (+{len(case.problems) - 1} more: e)" if len(case.problems) > 1 else ""
        lines.append(line((" ! ", WARN), (fit(problem.message + more, width - 4), WARN)))
    return lines


def _waits(case: Case) -> bool:
    return case.order.state in ("waiting", "due") and bool(case.order.reason)


# -- plan against ledger -----------------------------------------------------------------------------------------------


def plan_lines(case: Case, width: int, now: datetime) -> Lines:
    """What is posted, what would be, what is in the way; then the planned vouchers and the accounts as Ts."""
    read = f"as read {text.ago(now, case.read_at)}" if case.read_at else "never read"
    told = " · ".join(filter(None, (case.order.currency, read)))
    lines = [heading("Plan against ledger", width, told), *_diff(case, width)]
    lines += _legend(case)
    if case.problems:
        lines += [EMPTY, heading("In the way", width)]
        for problem in case.problems:
            lines += problem_lines(problem, width, edited=case.edit is not None)
    if case.edit is not None:
        told = case.edit_answer.replace("_", " ") or "a answers it"
        lines += [EMPTY, heading("Edited in the store after it was sent", width, told)]
        for change in case.edit:
            lines += paragraph(change, width, lead=" ~ ")
    if case.position is not None:
        lines += [
            EMPTY,
            heading("Customer balance", width),
            *_position(case.position, width, is_in_ifs=_is_in_ifs(case)),
        ]
    planned = [document for document in case.planned if document.voucher is not None]
    if planned:
        lines += [EMPTY, heading("Vouchers that would be posted", width, "nothing is posted by looking")]
        for document in planned:
            lines += [EMPTY, *voucher_lines(document, width)]
    vouchers = [document.voucher for document in case.vouchers if document.voucher is not None]
    if vouchers:
        told = "with what would be posted" if planned else "as posted"
        lines += [EMPTY, heading("Accounts of this order", width, told)]
        for name, account in of_accounts(vouchers):
            lines += [EMPTY, line((f" {name}", STRONG)), *t_account_lines(account, width)]
    return lines


def _diff(case: Case, width: int) -> Lines:
    if not case.documents:
        told = case.note or ("Nothing is posted, and nothing would be." if case.read else "r reads the order now.")
        return paragraph(told[:1].upper() + told[1:], width, style=DIM, indent=1)
    rows: list[list[Cell]] = []
    for document in case.documents:
        mark, style = mark_of(document)
        is_money = document.kind is not DocumentKind.ORDER_UPDATE
        state = ("to post", NEW) if document.is_planned else (text.state(document.state).plain, _state_style(document))
        rows.append(
            [
                (mark, style),
                (short_key(document.key), style if document.is_planned else ""),
                _SHORT_WORDS[document.kind],
                amount_text(document.amount, digits(document.currency)) if is_money else "",
                state,
                document.reference,
            ]
        )
    return table_lines(("", "document", "what", "amount>", "state", "in IFS"), rows, width)


def mark_of(document: CaseDocument) -> tuple[str, str]:
    """`=` stands in IFS, `+` would be posted, `~` is under way, `!` needs somebody."""
    if document.state in ("failed", "unknown"):
        return _TROUBLE
    return _MARKS.get(document.state, _UNDER_WAY)


def _state_style(document: CaseDocument) -> str:
    return {"confirmed": GOOD, "failed": BAD, "unknown": WARN, "nothing_to_post": DIM}.get(document.state, NEW)


def _legend(case: Case) -> Lines:
    used = {mark_of(document)[0] for document in case.documents}
    words = (("=", "in IFS", GOOD), ("~", "under way", NEW), ("+", "would be posted", NEW), ("!", "needs you", WARN))
    pieces: list[Piece] = []
    for mark, word, style in words:
        if mark in used:
            pieces += ["   " if pieces else " ", (mark, style), (f" {word}", DIM)]
    return [line(*pieces)] if pieces else []


def _is_in_ifs(case: Case) -> bool:
    """Whether something of the order stands there: else its position is only what would be."""
    own = (document for document in case.documents if document.kind is not DocumentKind.CUSTOMER)
    return any(document.state == "confirmed" for document in own)


def _position(position: Position, width: int, *, is_in_ifs: bool) -> Lines:
    places = digits(position.currency)

    def money(amount: object) -> str:
        return f"{amount} {position.currency}"

    held = amount_text(abs(position.held), places)
    if position.held == ZERO:
        what: Piece = (f"{'even' if is_in_ifs else 'would be even'}: {money(held)}", GOOD)
    elif position.held > ZERO:
        what = (f"{money(held)} {'held' if is_in_ifs else 'would be held'} for goods not yet sent", NEW)
    else:
        what = (f"{money(held)} not paid yet", WARN)
    settled: Piece = ("settled", GOOD) if position.is_settled else ("not settled", DIM)
    rows: list[tuple[str, Piece]] = [
        (" balance", what),
        (" paid", money(amount_text(position.paid, places))),
        (" refunded", money(amount_text(position.refunded, places))),
        (" goods", "all sent or refunded" if position.is_consumed else "some are still to be sent"),
        (" so", settled),
    ]
    if position.before_start:
        rows.append((" before start", money(amount_text(position.before_start, places))))
    return facts(rows, width, label=13)


def voucher_lines(document: CaseDocument, width: int) -> Lines:
    """A voucher's line and its T."""
    draft = document.voucher
    if draft is None:
        return paragraph(f"{document.key} can no longer be read.", width, style=BAD, indent=1)
    mark, style = mark_of(document)
    told = f"{draft.fact} · {draft.day:%Y-%m-%d} · {draft.currency}"
    room = max(0, width - cell_len(told) - 6)
    return [
        line(f" {mark} ", (fit(document.key, room), f"bold {style}" if style else STRONG), "  ", (told, DIM)),
        *t_account_lines(of_voucher(draft), width),
    ]


# -- why and what went wrong -------------------------------------------------------------------------------------------


def why_lines(case: Case, width: int) -> Lines:
    """For each amount its way: the store's field → the mapping rule → the field in IFS."""
    if not case.amounts:
        return paragraph(
            "There is no amount to explain: nothing is posted, and nothing would be until what is in the way is gone.",
            width,
            style=DIM,
            indent=1,
        )
    planned = {document.key for document in case.planned}
    lines = [line((" amount", DIM), ("   store field → mapping rule → field in IFS", DIM))]
    for key, group in groupby(case.amounts, key=lambda each: each.document):
        amounts = list(group)
        told = "would be posted" if key in planned else "in the ledger"
        lines += [EMPTY, heading(key, width, f"{amounts[0].currency} · {told}"), *_ways(amounts, width)]
    if case.unreadable:
        lines += [EMPTY, *paragraph(f"No longer readable: {', '.join(case.unreadable)}.", width, style=BAD, indent=1)]
    return lines


def _ways(amounts: list[Explained], width: int) -> Lines:
    figures = aligned([amount_text(each.amount, digits(each.currency)) for each in amounts])
    wide = max(len(shown) for shown in figures)
    lines: Lines = []
    room = width - wide - 4
    for each, shown in zip(amounts, figures, strict=True):
        rest = f" → {each.rule} → {each.ifs_field}"
        own = cell_len(safe_text(each.store_field))
        if own + cell_len(safe_text(rest)) <= room:
            lines.append(
                line(
                    f" {shown}  ",
                    safe_text(each.store_field),
                    (" → ", DIM),
                    (safe_text(each.rule), NEW),
                    (" → ", DIM),
                    safe_text(each.ifs_field),
                )
            )
            continue
        lines.append(line(f" {shown}  ", fit(each.store_field, min(own, room))))
        below = room - 2 - cell_len(safe_text(each.rule)) - 3
        lines.append(
            line(
                " " * (wide + 3),
                ("→ ", DIM),
                (safe_text(each.rule), NEW),
                (" → ", DIM),
                fit(each.ifs_field, max(8, below)).rstrip(),
            )
        )
    return lines


def errors_lines(case: Case, width: int, now: datetime) -> Lines:
    """Every problem with its remedy and its key, what failed on the way, and warnings."""
    order = case.order
    lines: Lines = []
    if case.problems:
        lines.append(heading("In the way", width, f"{len(case.problems)}"))
        for problem in case.problems:
            lines += [*problem_lines(problem, width, edited=case.edit is not None), EMPTY]
    rows: list[tuple[str, Piece]] = []
    if order.attempts:
        rows.append((" attempts", f"{order.attempts}"))
    if order.next_try_at is not None and order.state == "due":
        when = text.age(now, order.next_try_at)
        rows.append((" next try", when if when.startswith("in ") else "now"))
    if order.cause:
        rows.append((" cause", order.cause))
    if rows:
        lines += [heading("Trying", width), *facts(rows, width, label=13), EMPTY]
    calls = _failed_calls(case.documents)
    if calls:
        lines += [heading("Calls that failed", width), *table_lines(("document", "call", "state", "why"), calls, width)]
        lines.append(EMPTY)
    if order.warnings:
        lines.append(heading("Warnings", width, "they stop nothing"))
        for warning in order.warnings:
            lines += paragraph(str(warning.get("message", "")), width, lead=" ~ ", style=WARN)
    return lines or paragraph("Nothing is wrong with this order.", width, style=DIM, indent=1)


def problem_lines(problem: CaseProblem, width: int, *, edited: bool = False) -> Lines:
    """One problem: what, what to do, and what to press."""
    lines = paragraph(problem.message, width, lead=" ! ", style=WARN)
    if problem.figures is not None:
        found = problem.figures
        places = digits(found.currency)
        shown = aligned([amount_text(each, places) for each in (found.store, found.computed, found.difference)])
        for name, figure in zip(("in the store", "computed", "difference"), shown, strict=True):
            lines.append(
                line("   ", (fit(name, 13), DIM), (figure, BAD if name == "difference" else ""), f" {found.currency}")
            )
    if problem.remedy:
        lines += paragraph(problem.remedy, width, lead="   → ")
    key = _KEYS.get(problem.reason)
    if edited and "edited" in problem.message:
        key = "a answers the edit"
    if key:
        lines += paragraph(key, width, lead="   ▸ ", style=NEW)
    if problem.is_now and not problem.since_look:
        lines += paragraph("found now, by the rules in force; r looks again", width, indent=3, style=DIM)
    return lines


def _failed_calls(documents: Iterable[CaseDocument]) -> list[list[Cell]]:
    return [
        [short_key(document.key), part.name, (part.state.value, BAD), part.error or document.error]
        for document in documents
        for part in document.parts
        if part.state.value in ("failed", "unknown") or part.error
    ]
