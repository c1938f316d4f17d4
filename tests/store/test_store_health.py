"""Heartbeats, breakers, cursors and hook records."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from bcifs_console.domain.states import Side
from bcifs_console.store import health
from bcifs_console.store.health import Breaker, Heartbeat, HookRecord
from bcifs_console.store.tables import journal

if TYPE_CHECKING:
    from tests.store.conftest import Bench

SCOPE = "store/order/created"


# -- heartbeats --------------------------------------------------------------------------------------------------------


def living(bench: "Bench") -> list[Heartbeat]:
    return bench.database.read_sync(lambda conn: health.living(conn, bench.clock.now()))


def beat(bench: "Bench", owner: str = "w1", **detail: object) -> None:
    bench.database.write_sync(lambda tx: health.beat(tx, owner, "all", detail))


def test_a_process_lives_while_it_beats(bench: "Bench") -> None:
    started = bench.clock.now()
    beat(bench, port=8080)
    bench.clock.advance(9)
    beat(bench, port=8081)
    bench.clock.advance(9)
    assert living(bench) == [Heartbeat("w1", "all", started, started + timedelta(seconds=9), {"port": 8081})]
    bench.clock.advance(1)
    assert living(bench) == []


def test_a_process_that_left_is_gone_at_once(bench: "Bench") -> None:
    beat(bench, "w1")
    beat(bench, "w2")
    bench.database.write_sync(lambda tx: health.leave(tx, "w1"))
    assert [b.owner for b in living(bench)] == ["w2"]


def test_the_long_dead_are_forgotten_and_the_living_are_not(bench: "Bench") -> None:
    beat(bench, "dead")
    bench.clock.advance(61)
    beat(bench, "alive")
    bench.database.write_sync(health.forget_dead)
    bench.clock.advance(-61)
    assert [b.owner for b in living(bench)] == ["alive"]


# -- breakers ----------------------------------------------------------------------------------------------------------


def breakers(bench: "Bench") -> list[Breaker]:
    return bench.database.read_sync(health.breakers)


def set_breaker(bench: "Bench", side: Side = Side.IFS, *, is_open: bool, cause: str = "", failures: int = 0) -> None:
    probe_at = bench.clock.now() + timedelta(minutes=1) if is_open else None
    bench.database.write_sync(
        lambda tx: health.set_breaker(
            tx, bench.connection_id, side, is_open=is_open, cause=cause, failures=failures, probe_at=probe_at
        )
    )


def journalled(bench: "Bench") -> list[str]:
    events = select(journal.c.event).where(journal.c.subject.like("breaker:%")).order_by(journal.c.id)
    return list(bench.database.read_sync(lambda conn: conn.execute(events).scalars().all()))


def test_a_breaker_stays_open_since_it_first_opened(bench: "Bench") -> None:
    opened = bench.clock.now()
    set_breaker(bench, is_open=True, cause="401", failures=1)
    bench.clock.advance(60)
    set_breaker(bench, is_open=True, cause="401", failures=2)
    assert breakers(bench) == [
        Breaker(bench.connection_id, Side.IFS, True, "401", "", 2, opened, bench.clock.now() + timedelta(minutes=1))
    ]
    assert journalled(bench) == ["breaker.opened"]


def test_only_a_change_of_state_or_cause_goes_to_the_journal(bench: "Bench") -> None:
    set_breaker(bench, is_open=False)
    set_breaker(bench, is_open=False, failures=1)
    assert journalled(bench) == []
    set_breaker(bench, is_open=True, cause="401")
    set_breaker(bench, is_open=True, cause="403")
    set_breaker(bench, is_open=False)
    set_breaker(bench, is_open=False)
    assert journalled(bench) == ["breaker.opened", "breaker.opened", "breaker.closed"]
    (closed,) = breakers(bench)
    assert (closed.is_open, closed.opened_at, closed.probe_at) == (False, None, None)


def test_the_two_sides_of_a_connection_break_apart(bench: "Bench") -> None:
    set_breaker(bench, Side.IFS, is_open=True)
    set_breaker(bench, Side.BIGCOMMERCE, is_open=False)
    assert {b.side: b.is_open for b in breakers(bench)} == {Side.IFS: True, Side.BIGCOMMERCE: False}


# -- cursors and hooks -------------------------------------------------------------------------------------------------


def test_a_cursor_is_remembered_by_name(bench: "Bench") -> None:
    def cursor(name: str) -> str | None:
        return bench.database.read_sync(lambda conn: health.get_cursor(conn, bench.connection_id, name))

    assert cursor("orders") is None
    for value in ("1", "2"):
        bench.database.write_sync(
            partial(health.set_cursor, connection_id=bench.connection_id, name="orders", value=value)
        )
    assert (cursor("orders"), cursor("refunds")) == ("2", None)


def test_a_hook_is_replaced_by_what_was_seen_last(bench: "Bench") -> None:
    first = HookRecord(bench.connection_id, SCOPE, 7, "https://a.example", True, "ok", "", None, None)
    again = HookRecord(bench.connection_id, SCOPE, 8, "https://b.example", False, "broken", "deactivated", None, None)
    for record in (first, again):
        bench.database.write_sync(partial(health.save_hook, record=record))
    (seen,) = bench.database.read_sync(health.hooks)
    assert (seen.hook_id, seen.destination, seen.is_active, seen.state, seen.cause, seen.checked_at) == (
        8,
        "https://b.example",
        False,
        "broken",
        "deactivated",
        bench.clock.now(),
    )
    assert bench.database.read_sync(lambda conn: health.hooks(conn, 999)) == []
