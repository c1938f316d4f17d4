"""What Overview, Jobs and Log say, without a screen: tiles, bars, needs, health, rows of the journal."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from bcifs_console.base.text import UNSAFE
from bcifs_console.console.activity_words import KINDS, LEVELS, about, rest_of, said, shown, target, wanted
from bcifs_console.console.needs import Need, needs_of
from bcifs_console.console.screens.overview import figures_of
from bcifs_console.console.widgets.job_details import connection_lines, job_lines, problem_lines
from bcifs_console.console.widgets.job_rows import problem_cells, progress, queue_cells, release_cells, wanted_text
from bcifs_console.console.widgets.log_rows import entry_cells, entry_lines
from bcifs_console.console.widgets.need_rows import need_cells, need_lines
from bcifs_console.console.widgets.rate_line import bars, rate_words
from bcifs_console.console.widgets.tile import Figure, one_line
from bcifs_console.console.widgets.vital_signs import vital_lines, vital_rows
from bcifs_console.domain.states import Side
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store.group_retries import Group
from bcifs_console.store.health import Breaker
from bcifs_console.store.pauses import Pause
from bcifs_console.store.views.activity import Entry
from bcifs_console.store.views.jobs import BackfillView, Backlog, Job, Jobs, Quota, Release
from bcifs_console.store.views.overview import (
    ConnectionHealth,
    OpenQuestions,
    Overview,
    Process,
    Pulse,
    RedDay,
)
from bcifs_console.store.views.problems import ProblemGroup

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
UP = (Process("listener", True, NOW, NOW, 8080), Process("worker", True, NOW, NOW))
OF_US = {"connection_id": 1}
QUIET = Pulse(0, 0, 0, 0, 0, 0, None)


def connection(name: str = "acme-us", number: int = 1, **more: object) -> ConnectionHealth:
    well = ConnectionHealth(number, name, {}, None, {Side.BIGCOMMERCE: NOW}, WebhookState.HEALTHY, NOW, "", True, NOW)
    return replace(well, **more)  # type: ignore[arg-type] # fields of ConnectionHealth


def overview(**more: object) -> Overview:
    return replace(Overview(NOW, QUIET, UP, (connection(),)), **more)  # type: ignore[arg-type] # fields of Overview


def group(kind: str, cause: str, orders: int, connection_id: int = 1) -> ProblemGroup:
    return ProblemGroup(Group(connection_id, kind, cause), "acme-us", orders, NOW, 5001, f"about {cause}", "Do it.")


BROKEN = Breaker(1, Side.IFS, True, "401", "Set it.", 1, NOW - timedelta(minutes=5), NOW + timedelta(seconds=30))


def words(found: list[Need]) -> list[tuple[str, str, int | None]]:
    return [(need.word, need.section, need.orders) for need in found]


# -- needs -----------------------------------------------------------------------------------------------------------


def test_where_all_is_well_nothing_is_needed() -> None:
    assert needs_of(overview()) == []


def test_what_stops_everything_comes_first_then_decisions_then_the_largest_group() -> None:
    found = needs_of(
        overview(
            processes=(Process("listener", False), UP[1]),
            connections=(connection(paused={Side.IFS: BROKEN}),),
            questions=(OpenQuestions(1, "acme-us", ("Ann Lee",), NOW),),
            groups=(group("mapping", "m:A", 7), group("customer", "customer:", 2), group("failed", "ifs", 1)),
            red_days=(RedDay(1, "acme-us", date(2026, 11, 3), ("payments",), False),),
        )
    )
    assert words(found) == [
        ("down", "jobs", None),
        ("paused", "jobs", None),
        ("decide", "decisions", 2),
        ("map", "mappings", 7),
        ("failed", "jobs", 1),
        ("books", "ledger", None),
    ]


def test_orders_of_undecided_buyers_are_told_once_with_the_questions() -> None:
    asked = OpenQuestions(1, "acme-us", ("A", "B", "C", "D", "E"), NOW)
    (need,) = needs_of(overview(questions=(asked,), groups=(group("customer", "customer:", 9),)))
    assert need.text == "Who are these 5 buyers in IFS? A, B, C and 2 more"
    assert (need.orders, need.focus) == (9, {"connection_id": 1})


def test_orders_that_wait_for_a_customer_without_a_question_are_told_of_themselves() -> None:
    assert words(needs_of(overview(groups=(group("customer", "customer:", 9),)))) == [("decide", "jobs", 9)]


def test_a_stopped_retry_leads_to_what_goes_one_first() -> None:
    release = Release(1, "acme-us", "Retry", 5001, 8, True, "Order 5001 did not get through.", "dana", NOW)
    (need,) = needs_of(overview(stopped=(release,)))
    assert (need.word, need.orders, need.focus) == ("stopped", 8, {"page": "releases"})


@pytest.mark.parametrize("state", [WebhookState.DEGRADED, WebhookState.SILENT, WebhookState.DEACTIVATED])
def test_sick_webhooks_are_needed_to_look_at(state: WebhookState) -> None:
    (need,) = needs_of(overview(connections=(connection(webhooks=state, webhooks_cause="why"),)))
    assert (need.word, need.state, need.text, need.section) == ("webhooks", state.value, "why", "webhooks")


def test_webhooks_that_nobody_looked_at_yet_need_nobody() -> None:
    assert needs_of(overview(connections=(connection(webhooks=WebhookState.UNKNOWN),))) == []


def test_a_mapping_group_leads_to_the_mapping_with_its_cause() -> None:
    (need,) = needs_of(overview(groups=(group("mapping", "mapping:SKU-7", 3),)))
    assert need.focus == {"connection_id": 1, "cause": "mapping:SKU-7"}


# -- tiles and bars --------------------------------------------------------------------------------------------------


def test_the_tiles_say_what_share_is_in_ifs_and_how_old_the_oldest_is() -> None:
    pulse = Pulse(200, 150, 3, 2, 4, 1, NOW - timedelta(hours=3))
    figures = figures_of(overview(pulse=pulse))
    assert [(each.value, each.note) for each in figures] == [
        ("200", "5 under way"),
        ("150", "75 % of them"),
        ("4", "no buyer to decide"),
        ("1", "press 7 to try again"),
        ("3 h", "placed 01 Dec 09:00"),
    ]
    assert one_line(figures).plain == "200 received  ·  150 in IFS  ·  4 ! waiting  ·  1 ✗ failed  ·  3 h oldest"


def test_the_tiles_of_a_first_day_are_calm() -> None:
    figures = figures_of(overview())
    assert [each.note for each in figures] == [
        "0 under way",
        "none received",
        "no buyer to decide",
        "none given up",
        "nothing waits",
    ]
    assert figures[4] == Figure("Oldest waiting", "–", "nothing waits", "$text-muted", "oldest")


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 130))
def test_bars_fill_the_room_and_no_count_is_drawn_as_nothing(counts: list[int], height: int, width: int) -> None:
    rows = bars(counts, height, width)
    assert [len(row) for row in rows] == [width] * height
    assert any(counts) == any(cell != " " for cell in rows[-1])
    if width >= len(counts):
        drawn = [rows[-1][cell] != " " for cell in range(width)]
        assert drawn == [counts[cell * len(counts) // width] > 0 for cell in range(width)]


def test_the_highest_count_reaches_the_top_and_stands_on_the_ground() -> None:
    assert bars([0, 1, 4, 2], 2, 4) == ["  █ ", " ▄██"]


def test_the_words_beside_the_bars() -> None:
    assert rate_words([0, 3, 1]) == "4 in the hour, at most 3 a minute, 1 in this one"
    assert rate_words([0, 0]) == "none in the hour"


@pytest.mark.parametrize(("done", "total", "filled"), [(0, 0, 0), (3, 4, 3), (4, 4, 4), (1, 1_000, 0)])
def test_progress_fills_as_much_of_the_bar_as_is_done(done: int, total: int, filled: int) -> None:
    drawn = progress(done, total, cells=4)
    assert drawn.plain == f"━━━━ {done:,}/{total:,}"
    assert [span.end - span.start for span in drawn.spans if span.style == "$primary"] == [filled]


# -- health ----------------------------------------------------------------------------------------------------------


def text_of(lines: list[Content]) -> str:
    return "\n".join(line.plain.rstrip() for line in lines)


def test_health_tells_the_cause_its_age_and_the_next_try() -> None:
    sick = connection(
        paused={Side.IFS: BROKEN},
        by_hand=Pause(1, "dana", "stock-taking", NOW - timedelta(hours=2)),
        webhooks=WebhookState.SILENT,
        webhooks_cause="Nothing arrives.",
    )
    told = text_of(vital_lines(overview(connections=(sick,)), NOW, 60, stale_after=timedelta(minutes=5)))
    for words_ in ("✗ paused", "5 min", "401", "tried again in 30 s", "✗ silent", "Nothing arrives.", "by dana: stock"):
        assert words_ in told
    assert "✓ up :8080" in told


def test_both_systems_tell_how_long_ago_they_answered_or_that_they_were_not_asked() -> None:
    well = connection(answered={Side.BIGCOMMERCE: NOW - timedelta(seconds=12)})
    told = text_of(vital_lines(overview(connections=(well,)), NOW, 60, stale_after=timedelta(minutes=5))).splitlines()
    assert next(line.split() for line in told if "BigCommerce" in line) == ["BigCommerce", "✓", "ok", "12", "s", "ago"]
    assert next(line.split() for line in told if "IFS" in line) == ["IFS", "·", "not", "asked", "yet"]


def test_webhooks_that_were_not_looked_at_lately_are_unknown_not_well() -> None:
    old = connection(webhooks_looked_at=NOW - timedelta(minutes=6))
    told = text_of(vital_lines(overview(connections=(old,)), NOW, 60, stale_after=timedelta(minutes=5)))
    assert "! unknown" in told
    assert "healthy" not in told


def test_in_a_narrow_terminal_what_is_well_is_a_name_and_lines_break_between_signs() -> None:
    sick = connection("acme-eu", 2, paused={Side.IFS: BROKEN})
    lines = vital_rows(overview(connections=(connection(), sick)), 44)
    assert text_of(lines) == "✓ listener   ✓ worker   ✓ acme-us\n✗ acme-eu IFS paused"


def test_the_strip_of_jobs_shows_quota_pause_and_cause() -> None:
    found = Jobs(
        at=NOW,
        backlog=Backlog(0, 0, 0, 0),
        working=(),
        due=(),
        planned=(),
        releases=(),
        backfills=(),
        breakers=(BROKEN,),
        pauses=(Pause(1, "dana", "stock-taking", NOW - timedelta(hours=2)),),
        quotas=(Quota(1, "acme-us", 15, 150),),
        connections={"acme-us": 1},
    )
    told = text_of(connection_lines(found, NOW, 160))
    assert "15/150" in told
    assert "! paused by dana, 2 h: stock-taking" in told
    assert "IFS since 5 min: 401 Tried again in 30 s." in told


@pytest.mark.parametrize(
    ("since", "until", "named", "expected"),
    [
        (None, None, 12, "12 by number"),
        (NOW, None, 0, "01 Dec 2026 to now"),
        (None, NOW, 0, "the first to 01 Dec 2026"),
    ],
)
def test_what_a_backfill_wants(since: datetime | None, until: datetime | None, named: int, expected: str) -> None:
    view = BackfillView(1, "acme-us", since, until, named, 0, 0, {}, NOW, None)
    assert wanted_text(view) == expected


# -- the journal -----------------------------------------------------------------------------------------------------


def entry(event: str, subject: str = "order:5001", **detail: object) -> Entry:
    return Entry(1, NOW, "service", 1, "acme-us", subject, event, detail)


@pytest.mark.parametrize(
    ("found", "state", "sentence"),
    [
        (entry("order.synced", ifs_order="C10"), ("synced", "synced"), "in IFS as C10"),
        (entry("order.failed", error="No answer."), ("failed", "failed"), "No answer."),
        (
            entry("decision.link", customer="C7", orders=[1, 2], note="same person"),
            ("ok", "decided"),
            "customer C7, 2 orders released: same person",
        ),
        (
            entry("webhooks.state", before="healthy", after="silent", cause="Nothing arrives."),
            ("silent", "silent"),
            "healthy → silent: Nothing arrives.",
        ),
        (
            entry("problems.retried", canary=5001, waiting=8, cause="ifs:transient"),
            ("working", "one first"),
            "order 5001 goes first, 8 behind it (ifs:transient)",
        ),
        (
            entry("problems.released", canary=5001, orders=8),
            ("ok", "let go"),
            "order 5001 got through; 8 orders let go",
        ),
        (
            entry("mapping.changed", version=3, rules=7, reason="new SKU"),
            ("ok", "changed"),
            "version 3, 7 rules: new SKU",
        ),
        (
            entry("backfill.started", since="2026-09-24 16:00", until=None, orders=[]),
            ("working", "started"),
            "orders placed from 2026-09-24 to now",
        ),
        (entry("worker.paused", note="stock"), ("waiting", "paused"), "no order is taken up: stock"),
        (entry("connection.set", key="policy.x", before="a", after=""), ("ignored", "set"), "a → nothing"),
        (entry("never.heard_of", one=1, two=[{"a": "b", "c": 2}]), ("ignored", "heard of"), "one 1; two 1 b, 2"),
    ],
)
def test_what_a_row_of_the_journal_says(found: Entry, state: tuple[str, str], sentence: str) -> None:
    assert shown(found) == state
    assert said(found) == sentence


@pytest.mark.parametrize(
    ("subject", "event", "name", "leads"),
    [
        ("order:5001", "order.synced", "order 5001", 5001),
        (
            "buyer:customer:7",
            "decision.link",
            "buyer 7",
            ("decisions", {"connection_id": 1, "buyer_key": "customer:7"}),
        ),
        ("mapping:tax", "mapping.changed", "mapping tax", ("mappings", OF_US | {"purpose": "tax"})),
        ("mapping", "mapping.canary", "mapping", ("mappings", OF_US)),
        ("connection:acme-us", "webhooks.state", "webhooks", ("webhooks", OF_US)),
        ("connection:acme-us", "connection.set", "acme-us", None),
        ("breaker:ifs", "breaker.opened", "IFS", ("jobs", {})),
        ("problem:failed:ifs:transient", "problems.retried", "failed", ("jobs", {"page": "releases"})),
        ("backfill:2", "backfill.read", "backfill 2", ("jobs", {"page": "backfills"})),
    ],
)
def test_what_a_row_is_about_and_leads_to(subject: str, event: str, name: str, leads: object) -> None:
    found = entry(event, subject)
    assert about(found) == name
    assert target(found) == leads


def test_no_detail_is_left_out() -> None:
    found = entry("order.x", error="why", before="a", deep={"inner": {"most": 1}}, empty=[], numbers=[1, 2])
    assert rest_of(found) == [("deep inner most", "1"), ("numbers", "1, 2")]


def test_levels_and_kinds_narrow_each_other() -> None:
    assert wanted(0, "every kind", None, "") == wanted(0, "nonsense", None, "")
    assert wanted(0, "orders", 2, "x").events == ("order.",)
    trouble = LEVELS.index("trouble")
    assert wanted(trouble, "orders", None, "").events == ("order.failed",)
    assert "order.failed" in wanted(trouble, "every kind", None, "").events
    for kind in KINDS:
        assert wanted(trouble, kind, None, "").events != (), "nothing at all must not mean everything"
    assert "order.synced" in wanted(1, "every kind", None, "").but


HOSTILE = "\x1b]52;c;cm0=\x07 [/b] \u202e \x9b2J"


def test_no_outside_text_reaches_a_cell_raw() -> None:
    """Whatever a store, IFS or a person wrote: escapes and direction marks are made visible, markup stays text."""
    sick = connection(
        HOSTILE, paused={Side.IFS: replace(BROKEN, cause=HOSTILE)}, by_hand=Pause(1, HOSTILE, HOSTILE, NOW)
    )
    problem = replace(group("mapping", HOSTILE, 3), error=HOSTILE, remedy=HOSTILE, connection=HOSTILE)
    stopped = Release(1, HOSTILE, HOSTILE, 5001, 2, True, HOSTILE, HOSTILE, NOW, problem.group)
    job = Job(1, HOSTILE, 5001, "due", NOW, 1, False, HOSTILE, HOSTILE, HOSTILE)
    found = overview(connections=(sick,), groups=(problem,), stopped=(stopped,))
    told = entry("order.failed", f"buyer:{HOSTILE}", error=HOSTILE, more=HOSTILE)
    (need, *_) = needs_of(found)
    contents = [
        *need_cells(need, NOW),
        *need_lines(need, 60),
        *vital_lines(found, NOW, 60, stale_after=timedelta(minutes=5)),
        *vital_rows(found, 60),
        *problem_cells(problem, NOW, is_retried=False),
        *problem_lines(problem, NOW, 60, retry=stopped),
        *release_cells(stopped, NOW),
        *queue_cells(job, NOW),
        *job_lines(job, NOW, 60),
        *entry_cells(told),
        *entry_lines(told, NOW, 60),
    ]
    shown_ = "".join(content.plain for content in contents)
    assert UNSAFE.search(shown_) is None
    assert "[/b]" in shown_
