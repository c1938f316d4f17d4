"""Samples of how deliveries ended, and the health of a connection's webhooks."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import health, webhooks
from bcifs_console.store.tables import journal
from bcifs_console.store.webhooks import Finding, WebhookHealth

if TYPE_CHECKING:
    from tests.store.conftest import Bench

SUBJECT = "connection:acme-us"
LATE = Finding("refused:late", WebhookState.DEGRADED, "9 deliveries were late.", "Look at the disk.")
GONE = Finding("missing", WebhookState.DEACTIVATED, "1 of 10 is missing.")


def add(bench: "Bench", outcome: str, number: int) -> None:
    bench.database.write_sync(lambda tx: webhooks.add_sample(tx, bench.connection_id, outcome, number))


def sampled(bench: "Bench", seconds: float) -> dict[str, int]:
    since = bench.clock.now() - timedelta(seconds=seconds)
    return bench.database.read_sync(lambda conn: webhooks.sampled(conn, bench.connection_id, since))


def test_samples_add_up_by_outcome_and_time(bench: "Bench") -> None:
    add(bench, "accepted", 5)
    add(bench, "accepted", 2)
    add(bench, "late", 1)
    bench.clock.advance(60)
    add(bench, "accepted", 10)
    assert sampled(bench, 120) == {"accepted": 17, "late": 1}
    assert sampled(bench, 30) == {"accepted": 10}
    assert bench.database.read_sync(lambda conn: webhooks.sampled(conn, 999, bench.clock.now())) == {}
    rows = bench.database.read_sync(lambda conn: conn.exec_driver_sql("SELECT count(*) FROM hook_sample").scalar_one())
    assert rows == 3


def test_old_samples_are_dropped(bench: "Bench") -> None:
    add(bench, "accepted", 5)
    bench.clock.advance(webhooks.SAMPLES_KEPT.total_seconds() + 10)
    add(bench, "accepted", 1)
    bench.database.write_sync(lambda tx: webhooks.drop_old_samples(tx, bench.connection_id))
    assert sampled(bench, 10 * 86_400) == {"accepted": 1}


def put(bench: "Bench", found: WebhookHealth) -> bool:
    return bench.database.write_sync(lambda tx: webhooks.set_health(tx, found, subject=SUBJECT, actor="watcher"))


def kept(bench: "Bench") -> WebhookHealth:
    return bench.database.read_sync(lambda conn: webhooks.health_of(conn, bench.connection_id))


def story(bench: "Bench") -> list[tuple[Any, ...]]:
    query = select(journal.c.detail).where(journal.c.event == "webhooks.state").order_by(journal.c.id)
    details = [json.loads(text) for text in bench.database.read_sync(lambda conn: list(conn.execute(query).scalars()))]
    return [(detail["before"], detail["after"], detail["cause"]) for detail in details]


def test_nothing_is_known_at_first(bench: "Bench") -> None:
    assert kept(bench) == WebhookHealth(bench.connection_id)
    assert bench.database.read_sync(webhooks.healths) == {}


def test_what_was_put_is_there_again(bench: "Bench") -> None:
    now = bench.clock.now()
    times = {"looked_at": now, "checked_at": now, "listener_seen_at": now, "failing_since": now, "failed_at": now}
    found = WebhookHealth(bench.connection_id, True, WebhookState.DEGRADED, (LATE,), "did", repaired_at=now, **times)
    assert put(bench, found)
    assert kept(bench) == replace(found, since=now)
    assert bench.database.read_sync(webhooks.healths) == {bench.connection_id: kept(bench)}
    assert (kept(bench).cause, kept(bench).remedy) == ("9 deliveries were late.", "Look at the disk.")


def test_a_change_is_one_of_the_state_or_of_what_is_wrong(bench: "Bench") -> None:
    began = bench.clock.now()
    well = WebhookHealth(bench.connection_id, True, WebhookState.HEALTHY)
    late = replace(well, state=WebhookState.DEGRADED, findings=(LATE,))
    steps = [
        (well, True),
        (replace(well, action="x"), False),
        (late, True),
        (replace(late, findings=(replace(LATE, text="99 deliveries were late."),)), False),
        (replace(late, findings=(LATE, replace(LATE, kind="ratio"))), True),
        (replace(late, state=WebhookState.DEACTIVATED, findings=(GONE, LATE)), True),
        (well, True),
    ]
    for found, is_change in steps:
        assert put(bench, found) is is_change, found
        changed_at = bench.clock.now() if is_change else kept(bench).since
        assert kept(bench).since == changed_at
        bench.clock.advance(60)
    assert kept(bench).since == began + timedelta(minutes=6)
    assert [(before, after) for before, after, _ in story(bench)] == [
        ("unknown", "healthy"),
        ("healthy", "degraded"),
        ("degraded", "degraded"),
        ("degraded", "deactivated"),
        ("deactivated", "healthy"),
    ]


def test_what_the_poll_saw_is_counted_and_sampled(bench: "Bench") -> None:
    bench.database.write_sync(
        lambda tx: health.note_missed(tx, bench.connection_id, seen_by_poll_only=2, seen_by_hook=5, at=tx.now)
    )
    assert sampled(bench, 10) == {"missed": 2, "heard": 5}


def test_what_each_hook_told_of_stands_at_the_time_it_happened(bench: "Bench") -> None:
    began, where = bench.clock.now(), bench.connection_id
    for scope in ("s/a", "s/b"):
        record = health.HookRecord(where, scope, 7, "d", True, "healthy", "", None, None)
        bench.database.write_sync(partial(health.save_hook, record=record))

    def happened(outcome: str, scope: str, number: int, ago_s: float) -> None:
        at = bench.clock.now() - timedelta(seconds=ago_s)
        word = webhooks.of_scope(outcome, scope)
        bench.database.write_sync(lambda tx: webhooks.add_sample(tx, where, word, number, at=at))

    bench.clock.advance(3_600)
    happened("missed", "s/a", 2, 3_000)
    happened("heard", "s/a", 5, 60)
    happened("missed", "s/b", 4, 50)
    read = bench.database.read_sync
    since = bench.clock.now() - timedelta(seconds=100)
    assert read(lambda conn: webhooks.compared_by_scope(conn, where, began)) == {
        "s/a": webhooks.Compared(missed=2, heard=5),
        "s/b": webhooks.Compared(missed=4),
    }
    assert read(lambda conn: webhooks.compared_by_scope(conn, where, since))["s/a"] == webhooks.Compared(heard=5)
    assert sampled(bench, 3_600) == {}, "deliveries and changes are counted apart from single scopes"
    unheard = [webhooks.Unheard("s/a", 2, None), webhooks.Unheard("s/b", 4, None)]
    assert read(lambda conn: webhooks.unheard(conn, where, began)) == unheard
    assert read(lambda conn: webhooks.unheard(conn, where, since)) == unheard[1:]
    bench.database.write_sync(
        lambda tx: tx.conn.exec_driver_sql("UPDATE hook SET last_delivery_at = since WHERE scope = 's/a'")
    )
    assert read(lambda conn: webhooks.unheard(conn, where, began))[0] == webhooks.Unheard("s/a", 2, began)


def test_a_hook_keeps_its_since_while_its_state_lasts_and_what_was_done(bench: "Bench") -> None:
    def save(state: str, action: str = "") -> None:
        record = health.HookRecord(bench.connection_id, "s", 7, "d", True, state, "", None, None, action=action)
        bench.database.write_sync(lambda tx: health.save_hook(tx, record))

    def seen() -> tuple[Any, str]:
        (record,) = bench.database.read_sync(health.hooks)
        return record.since, record.action

    began = bench.clock.now()
    save("healthy", "created")
    bench.clock.advance(60)
    save("healthy")
    assert seen() == (began, "created")
    save("deactivated")
    assert seen() == (bench.clock.now(), "created")
    save("healthy", "reactivated")
    assert seen() == (bench.clock.now(), "reactivated")
    bench.database.write_sync(lambda tx: health.drop_hooks(tx, bench.connection_id, keep={"s"}))
    assert seen()
    bench.database.write_sync(lambda tx: health.drop_hooks(tx, bench.connection_id, keep={"other"}))
    assert bench.database.read_sync(health.hooks) == []
