"""`bcifs poll` and `bcifs backfill`: what they print, what they end with, and what they refuse."""

import contextlib
import os
import re
import termios
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pyte
import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.cli.backfill import _reading, _working
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.backfill import Request
from bcifs_console.operations.context import Context
from bcifs_console.sync.backfill import Step
from tests.cli.shop import Shop, Terminal
from tests.conftest import NOON
from tests.integration.storefront import order

KEYS = {"connection", "seen", "marked", "calls", "elapsed_s"}


def day(ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}"


def place(shop: Shop, count: int, **more: object) -> list[int]:
    placed: list[int] = shop.control("orders", {"count": count, "kinds": ["plain"], "deliver": False, **more})["orders"]
    return placed


def test_a_backfill_marks_and_prints_what_it_did(shop: Shop, connected: Terminal) -> None:
    placed = place(shop, 3)
    (row,) = connected.json("backfill", "--since", day(2))
    assert set(row) == KEYS
    assert (row["seen"], row["marked"], row["calls"]) == (3, 3, 1)
    assert {each["order_id"]: each["state"] for each in connected.json("orders", "list")} == dict.fromkeys(
        placed, "due"
    )


def test_with_wait_it_does_the_work_and_tells_how_it_ended(shop: Shop, connected: Terminal) -> None:
    placed = place(shop, 3)
    (row,) = connected.json("backfill", "--since", day(2), "--wait", "30")
    assert row["orders"] == {"synced": 3}
    assert all(len(shop.ifs_orders(number)) == 1 for number in placed)
    shop.place(order(buyer=("Nobody", "Known", "nobody.known@example.net")))
    (row,) = connected.json("backfill", "--since", day(2), "--wait", "30", code=1)
    assert (row["marked"], row["orders"]) == (1, {"waiting": 1})


def test_single_orders_also_from_before_the_start(shop: Shop, connected: Terminal) -> None:
    old, other = place(shop, 2, backdate_seconds=90 * 86_400)
    assert connected.json("orders", "plan", old)["note"] == "before start"
    connected("backfill", "--order", old)
    assert [each["key"] for each in connected.json("orders", "plan", old)["documents"]] == [f"BC-{old}"]
    (row,) = connected.json("backfill", "--order", old, "--wait")
    assert row["orders"] == {"synced": 1}
    assert len(shop.ifs_orders(old)) == 1
    assert shop.ifs_orders(other) == []


def test_until_includes_its_day(shop: Shop, connected: Terminal) -> None:
    place(shop, 1)
    (row,) = connected.json("backfill", "--since", day(3), "--until", day(2))
    assert row["seen"] == 0
    (row,) = connected.json("backfill", "--since", day(3), "--until", day(-1))
    assert row["seen"] == 1


def test_a_dry_run_tells_totals_and_what_would_wait(shop: Shop, connected: Terminal) -> None:
    place(shop, 2)
    shop.place(order(buyer=("Nobody", "Known", "nobody.known@example.net")))
    (row,) = connected.json("backfill", "--since", day(2), "--dry-run")
    assert set(row) == KEYS | {"orders", "sums", "waiting"}
    assert (row["seen"], row["marked"], row["orders"]) == (3, 0, {"new": 2, "waiting": 1})
    assert [each["currency"] for each in row["sums"]] == ["USD"]
    assert [(each["reason"], each["orders"]) for each in row["waiting"]] == [("customer", 1)]
    assert connected.json("orders", "list") == []
    said = " ".join(connected("backfill", "--since", day(2), "--dry-run").out.split())
    assert "3 orders, nothing posted" in said
    assert "! 1 customer:" in said


@pytest.mark.parametrize(
    "words",
    [(), ("--until", "2026-01-01"), ("--since", "2026-01-01", "--order", "5"), ("--since", "yesterday")],
)
def test_what_it_does_not_understand(connected: Terminal, words: tuple[str, ...]) -> None:
    connected("backfill", *words, code=2)


def test_a_period_that_ends_before_it_begins(connected: Terminal) -> None:
    assert "ends before it begins" in connected("backfill", "--since", day(1), "--until", day(3), code=2).said


def test_a_poll_waits_when_asked_to(shop: Shop, connected: Terminal) -> None:
    (number,) = place(shop, 1)
    (row,) = connected.json("poll", "--wait", "30")
    assert set(row) == KEYS
    assert row["marked"] == 1
    assert connected.state_of(number) == "synced"
    (row,) = connected.json("poll")
    assert (row["marked"], row["calls"]) == (0, 1), "nothing changed: one call"


# -- progress ----------------------------------------------------------------------------------------------------------


def test_without_a_terminal_progress_is_a_line_every_few_seconds_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("bcifs_console.cli.backfill.time.monotonic", lambda: now)
    request = Request(since=NOON - timedelta(days=10))
    with _reading(request, cast(Context, SimpleNamespace(clock=ManualClock(NOON)))) as told:
        for seconds, seen, day in (
            (4.9, 100, 1.0),
            (5.0, 120, 2.5),
            (9.9, 200, 4.0),
            (10.0, 250, 5.0),
            (40, 1_000, 10),
        ):
            now = 100.0 + seconds
            told(Step(seen, seen, NOON - timedelta(days=10 - day)))
    now = 200.0
    with _working() as settled:
        now = 220.0
        settled({OrderState.SYNCED: 30, OrderState.WAITING: 10, OrderState.DUE: 100, OrderState.WORKING: 20})
        settled({OrderState.SYNCED: 160})
    assert capsys.readouterr().err.splitlines() == [
        "reading: 120 orders, 24.0/s, about 15 s left",
        "reading: 250 orders, 25.0/s, about 10 s left",
        "reading: 1000 orders, 25.0/s, about 0 s left",
        "into IFS: 40 orders, 2.0/s, about 60 s left",
    ]


def test_on_a_terminal_progress_is_a_bar(shop: Shop, connected: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    place(shop, 3)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    drawn, ends = bytearray(), os.openpty()
    termios.tcsetwinsize(ends[1], (36, 120))

    def watch() -> None:
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while piece := os.read(ends[0], 4_096):
                drawn.extend(piece)

    watching = threading.Thread(target=watch)
    watching.start()
    with os.fdopen(ends[1], "w", encoding="utf-8") as terminal:
        ran = connected.beside(terminal)("backfill", "--since", day(2), "--wait", "30")
    watching.join()
    os.close(ends[0])
    assert "marked" in ran.out
    assert b"\x1b[?25l" in drawn, "redrawn in place"
    screen = pyte.Screen(120, 36)
    pyte.ByteStream(screen).feed(bytes(drawn))
    (line,) = [line for line in screen.display if line.startswith("into IFS")]
    assert re.fullmatch(r"into IFS ━{40} 3/3 3 orders, \d+\.\d/s 0:00:00\s*", line), line
