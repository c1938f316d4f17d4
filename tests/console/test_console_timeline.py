"""The story of an order as steps and as lines; small tables; the ledger's filter."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bcifs_console.base.problems import UsageProblem
from bcifs_console.console.ledger_filter import days, parse
from bcifs_console.console.widgets.text_table import table_lines
from bcifs_console.console.widgets.timeline import duration_text, folded, timeline_lines
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.operations.case_steps import Step, StepKind
from bcifs_console.store.views.ledger_pages import LedgerFilter

AT = datetime(2026, 12, 1, 12, 0, 0, tzinfo=UTC)


def step(seconds: float, kind: StepKind, what: str, **more: object) -> Step:
    return Step(AT + timedelta(seconds=seconds), kind, what, **more)  # type: ignore[arg-type]


STORY = [
    step(0, StepKind.STORE, "placed in the store"),
    step(1.4, StepKind.WEBHOOK, "webhook order/created"),
    step(2, StepKind.DOCUMENT, "customer order BC-5001 written down", document="BC-5001"),
    step(2, StepKind.CALL, "header → C9", document="BC-5001", state="confirmed", took=timedelta(seconds=0.14)),
    step(2.14, StepKind.CALL, "line 17", document="BC-5001", state="confirmed", took=timedelta(seconds=0.2)),
    step(2.34, StepKind.DOCUMENT, "customer order BC-5001 → C9", document="BC-5001", state="confirmed",
         took=timedelta(seconds=0.34)),
    step(90_000, StepKind.CALL, "header", document="BC-5001/PAY/44", state="failed", detail="ORA-20110: no"),
]  # fmt: skip


def lines(width: int, steps: list[Step]) -> list[str]:
    return [line.plain.rstrip() for line in timeline_lines(steps, width)]


def test_every_step_has_its_time_its_gap_and_how_long_it_took() -> None:
    assert lines(70, STORY) == [
        "Tue 1 Dec 2026 ─────────────────────────────────────────────────── UTC",
        "12:00:00        ◆ placed in the store",
        "12:00:01  +1.4s ↓ webhook order/created",
        "12:00:02 +600ms ▪ customer order BC-5001 written down",
        "                  · header → C9                                  140ms",
        "                  · line 17                                      200ms",
        "12:00:02 +200ms ✓ customer order BC-5001 → C9                    340ms",
        "",
        "Wed 2 Dec 2026 ─────────────────────────────────────────────────── UTC",
        "                  ✗ header  ORA-20110: no",
    ]


def test_folded_the_calls_of_what_is_in_ifs_are_only_counted_and_failed_ones_stay() -> None:
    shown = lines(70, folded(STORY))
    assert "12:00:02 +940ms ✓ customer order BC-5001 → C9  2 calls           340ms" in shown
    assert not any("line 17" in line for line in shown)
    assert any("ORA-20110" in line for line in shown)


def test_a_narrow_story_wraps_and_loses_nothing() -> None:
    shown = " ".join(" ".join(lines(44, STORY)).split())
    assert "customer order BC-5001 written down" in shown.replace("  ", " ")
    assert "ORA-20110: no" in shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0004, "0ms"), (0.14, "140ms"), (1.12, "1.1s"), (42.4, "42s"), (200, "3min"), (7_300, "2h"), (200_000, "2d")],
)
def test_durations_are_taken_in_at_a_glance(seconds: float, shown: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == shown


def test_a_table_squeezes_its_text_and_never_its_numbers() -> None:
    rows = [["2", "A rather long name of a thing", "1,204.00"], ["10", "mug", "8.00"]]
    assert [line.plain for line in table_lines(("qty>", "what", "gross>"), rows, 30)] == [
        " qty  what               gross",
        " ─────────────────────────────",
        "   2  A rather long…  1,204.00",
        "  10  mug                 8.00",
    ]
    assert table_lines(("a",), [], 30) == []


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", LedgerFilter()),
        ("5001", LedgerFilter(order_id=5001)),
        ("order:5001 kind:voucher", LedgerFilter(order_id=5001, kinds=(DocumentKind.VOUCHER,))),
        ("kind:order kind:change", LedgerFilter(kinds=(DocumentKind.CUSTOMER_ORDER, DocumentKind.ORDER_UPDATE))),
        ("state:trouble", LedgerFilter(states=(DocumentState.UNKNOWN, DocumentState.FAILED))),
        ("day:2026-11-19", LedgerFilter(first=date(2026, 11, 19), last=date(2026, 11, 19))),
        ("month:2026-02", LedgerFilter(first=date(2026, 2, 1), last=date(2026, 2, 28))),
        ("from:2026-11 to:2026-12-03", LedgerFilter(first=date(2026, 11, 1), last=date(2026, 12, 3))),
        ("BC-5001/PAY", LedgerFilter(text="BC-5001/PAY")),
        ("M-2026-4 kind:Voucher", LedgerFilter(text="M-2026-4", kinds=(DocumentKind.VOUCHER,))),
    ],
)
def test_a_filter_says_which_documents_are_wanted(typed: str, wanted: LedgerFilter) -> None:
    assert parse(typed) == wanted


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("kind:nonsense", "kind:nonsense is not known; there is change, customer"),
        ("state:x", "state:x is not known"),
        ("day:yesterday", "yesterday is no day"),
        ("order:BC-1", "order:BC-1 is no order number"),
        ("one two", "One key or reference at a time; two is the second"),
        ("from:2026-12-03 to:2026-12-01", "to:2026-12-01 lies before from:2026-12-03"),
    ],
)
def test_a_filter_that_cannot_be_meant_names_the_word_that_is_wrong(typed: str, said: str) -> None:
    with pytest.raises(UsageProblem, match=said.split("(")[0]):
        parse(typed)


def test_days_are_a_day_a_month_or_a_stretch() -> None:
    assert days("2026-12") == (date(2026, 12, 1), date(2026, 12, 31))
    assert days("2026-11-30..2026-12-02") == (date(2026, 11, 30), date(2026, 12, 2))
    with pytest.raises(UsageProblem, match="lies before"):
        days("2026-12-02..2026-11-30")
