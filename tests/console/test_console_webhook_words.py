"""How the Webhooks screen words things: the ratio, the clocks, rows, one delivery; outside text is harmless."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bcifs_console.bigcommerce.delivery_terms import GIVES_UP_AFTER, RATIO_LINE
from bcifs_console.console.widgets.webhook_health import BAR_CELLS, health_lines, ratio_bar
from bcifs_console.console.widgets.webhook_rows import (
    connection_strip,
    covers,
    delivery_cells,
    delivery_lines,
    hook_cells,
)
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.operations.webhook_overview import HookLine, Refusals, Trouble, WebhookOverview
from bcifs_console.operations.webhook_summary import AckTimes
from bcifs_console.store.views.webhooks import DeliveryView
from bcifs_console.sync.diagnosis import Acks

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WELL = WebhookOverview(
    connection_id=1,
    name="acme-us",
    registered=True,
    state=WebhookState.HEALTHY,
    troubles=(),
    since=NOW - 3 * HOUR,
    action="",
    looked_at=NOW - timedelta(seconds=20),
    window=Acks(130, 2),
    day=Acks(9_000, 10),
    failing_since=None,
    gives_up_at=None,
    refusals=(),
    accepted=9_000,
    duplicates=12,
    missed=0,
    heard=400,
    hooks=(),
)
HOOK = HookLine(
    scope="store/order/created",
    hook_id=17,
    destination="https://hooks.example.com/x",
    state=WebhookState.HEALTHY,
    cause="",
    since=NOW - 2 * HOUR,
    action="secret_renewed",
    last_delivery_at=NOW - timedelta(seconds=9),
    idle_off_at=NOW + timedelta(days=90, minutes=-1),
    last_hour=1_204,
)
DELIVERY = DeliveryView(
    id=5,
    connection_id=1,
    connection="acme-us",
    scope="store/order/created",
    order_id=5_001,
    event_at=NOW - timedelta(seconds=3),
    received_at=NOW - timedelta(seconds=1),
    order_state="waiting",
    order_reason="mapping",
    body='{"scope": "store/order/created", "data": {"id": 5001, "note": "planted"}}',
)


def lines(found: WebhookOverview, **how: str) -> list[str]:
    return health_lines(found, NOW, 100, **how).plain.splitlines()  # type: ignore[arg-type]


# -- the ratio ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "before", "after"), [(None, 0, 0), (0.0, 0, 0), (0.5, 15, 0), (0.9, 27, 0)])
def test_the_bar_up_to_the_line(ratio: float | None, before: int, after: int) -> None:
    bar = ratio_bar(ratio, "green").plain
    assert len(bar) == BAR_CELLS
    line = bar.index("┃")
    assert line == int(BAR_CELLS * RATIO_LINE)
    assert (bar[:line].count("━"), bar[line:].count("━")) == (before, after)


def test_a_full_bar() -> None:
    assert set(ratio_bar(1.0, "green").plain) == {"━", "┃"}


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (Acks(130, 2), "98.5 % of 132"),
        (Acks(99_999, 1), "99.9 % of 100,000"),
        (Acks(132, 0), "100 % of 132"),
        (Acks(80, 20), "80 % of 100 · under 90 % BigCommerce blocks us"),
        (Acks(5, 5), "50 % of 10 · counts from 100 on"),
        (Acks(), "no delivery within two minutes"),
    ],
)
def test_the_ratio_in_words(window: Acks, said: str) -> None:
    (found,) = [line for line in lines(replace(WELL, window=window)) if line.startswith("2 minutes")]
    assert found.endswith(said)


# -- the panel ---------------------------------------------------------------------------------------------------------


def test_all_is_well() -> None:
    said = lines(WELL)
    assert said[0] == "✓ healthy   for 3 h   looked at 20 s ago"
    assert said[-4:] == [
        "Answers    none within five minutes",
        "48 hours   not running: nothing fails",
        "Missed     0 % · 0 of 400 changes   accepted 9,000 · repeated 12",
        "Refused    none",
    ]


def test_how_fast_the_listener_answers() -> None:
    assert "Answers    p50 2.4 ms · p99 1,012.0 ms   8,120 in five minutes" in lines(
        replace(WELL, ack=AckTimes(2.4, 1_012.0, 8_120))
    )


def test_what_is_wrong_with_its_remedies_and_the_clock() -> None:
    since = NOW - timedelta(hours=31, minutes=5)
    troubles = (Trouble("Two are off.", "Repair them."), Trouble("One is late."))
    ill = replace(WELL, state=WebhookState.DEACTIVATED, troubles=troubles, action="reactivated 2 webhooks")
    ill = replace(ill, failing_since=since, gives_up_at=since + GIVES_UP_AFTER, missed=1, heard=2_999)
    said = lines(ill, hint="press r to repair")
    assert said[0].endswith("press r to repair")
    assert said[1:4] == ["Two are off.", "→ Repair them.", "One is late."]
    assert "Last done  reactivated 2 webhooks" in said
    assert "48 hours   deliveries have failed for 31 h · given up in 16 h" in said
    assert any(line.startswith("Missed     0.1 % · 1 of 3,000 changes") for line in said)  # never 0 % where some are
    assert lines(ill, hint="press r to repair", busy="repairing …")[0].endswith("repairing …")


def test_what_was_put_right_reads_as_over() -> None:
    over = Trouble("Is switched off at the store: 1 of 10 webhooks.", mended_at=NOW - timedelta(seconds=11))
    said = lines(replace(WELL, since=over.mended_at, troubles=(over,), action="reactivated 1 webhook"))
    assert said[0].startswith("✓ healthy   for 11 s")
    assert said[1:3] == [
        "✓ Put right 11 s ago. What was wrong: is switched off at the store: 1 of 10 webhooks.",
        "Last done  reactivated 1 webhook",
    ]


def test_a_low_terminal_shows_the_worst_only() -> None:
    troubles = (Trouble("First."), Trouble("Second."), Trouble("Third."))
    said = health_lines(replace(WELL, troubles=troubles), NOW, 78, short=True).plain.splitlines()
    assert said[1:3] == ["First.", "… and 2 more; bcifs status tells all"]
    assert "" not in said


def test_given_up() -> None:
    since = NOW - 50 * HOUR
    said = lines(replace(WELL, failing_since=since, gives_up_at=since + GIVES_UP_AFTER))
    assert "48 hours   deliveries have failed for 50 h · given up by BigCommerce" in said


def test_refusals_by_kind() -> None:
    refusals = (Refusals("wrong_signature", 16, 23), Refusals("late", 2, 0), Refusals("expired", 0, 1_204))
    said = lines(replace(WELL, refusals=refusals))
    assert said[-1] == ("Refused    wrong signature 16 in 10 min, 23 in all · late 2 in 10 min · expired 1,204 in all")


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_hook() -> None:
    cells = [cell.plain for cell in hook_cells(HOOK, NOW)]
    assert cells == ["order/created", "✓ healthy", "2 h", "9 s ago", "1,204", "in 89 d", "secret renewed"]
    gone = replace(
        HOOK, hook_id=None, state=WebhookState.DEACTIVATED, cause="Is gone", last_delivery_at=None, idle_off_at=None
    )
    cells = [cell.plain for cell in hook_cells(gone, NOW)]
    assert cells[1:] == ["✗ deactivated", "2 h", "never", "1,204", "–", "Is gone"]
    lossy = replace(HOOK, last_hour=0, missed=2, heard=1_029)
    assert [cell.plain for cell in hook_cells(lossy, NOW)][4:] == ["–", "in 89 d", "missed 2 of 1,031 in a day"]


@pytest.mark.parametrize(
    ("hook", "scope", "is_covered"),
    [
        ("store/order/created", "store/order/created", True),
        ("store/order/*", "store/order/refund/created", True),
        ("store/order/*", "store/shipment/created", False),
        ("store/order/created", "store/order/updated", False),
    ],
)
def test_which_events_a_hook_delivers(hook: str, scope: str, is_covered: bool) -> None:
    assert covers(hook, scope) is is_covered


def test_a_delivery() -> None:
    cells = [cell.plain for cell in delivery_cells(DELIVERY, NOW)]
    assert cells[1:] == ["order/created", "5001", "2.0 s", "! waiting", "mapping"]
    late = replace(DELIVERY, event_at=NOW - 3 * HOUR, order_id=None, order_state="")
    assert [cell.plain for cell in delivery_cells(late, NOW)][2:5] == ["–", "2 h", "no order"]
    assert [cell.plain for cell in delivery_cells(replace(DELIVERY, order_state=""), NOW)][4] == "not known"


def test_one_delivery_in_full_hides_what_may_be_secret() -> None:
    said = delivery_lines(DELIVERY).plain
    assert '"id": 5001' in said
    assert "planted" not in said
    assert "5001 ! waiting mapping" in said


def test_outside_text_is_harmless() -> None:
    weapon = "\x1b]52;c;cm0gLXJm\x07[/b]\x9b31m\u202e"
    scoped = replace(DELIVERY, scope=weapon, order_reason=weapon, body='{"message": "\\u001b]52;x\\u009b"}')
    parts = [
        *delivery_cells(scoped, NOW),
        delivery_lines(scoped),
        *hook_cells(replace(HOOK, scope=weapon, cause=weapon), NOW),
        health_lines(replace(WELL, troubles=(Trouble(weapon, weapon),), action=weapon), NOW, 100),
        connection_strip([replace(WELL, name=weapon)], 1, 100),
    ]
    for part in parts:
        assert not set(part.plain) & {"\x1b", "\x07", "\x9b", "\u202e"}


# -- the strip of connections ------------------------------------------------------------------------------------------


def test_the_strip_shows_every_connection_or_counts_them() -> None:
    every = [replace(WELL, connection_id=number, name=f"shop-{number}") for number in range(1, 21)]
    every[4] = replace(every[4], state=WebhookState.BLOCKED)
    assert connection_strip(every[:2], 2, 118).plain == "  shop-1 ✓ healthy    ▸ shop-2 ✓ healthy    [ ] another"
    assert connection_strip(every, 3, 118).plain == (
        "▸ shop-3 ✓ healthy    3 of 20 · 1 not healthy · [ ] go through them"
    )
