"""Alive, ready and metrics, over HTTP on the admin port."""

import asyncio
import re

import pytest
from sqlalchemy import text

from bcifs_console.listener.admin import unready
from bcifs_console.listener.errors import ListenerProblem
from bcifs_console.store import health, intake
from bcifs_console.store.database import Database, Tx
from tests.listener.listener_front import Front, OpenFront, event, failing_commits


async def beat(database: Database, role: str = "all") -> None:
    await database.write(lambda tx: health.beat(tx, f"host:1:{role}", role, {}))


async def ready(front: Front) -> tuple[int, dict[str, str]]:
    answer = await front.client.get(f"{front.admin}/readyz")
    found = answer.json()
    assert found["ready"] is (answer.status_code == 200)
    reasons: dict[str, str] = found["reasons"]
    return answer.status_code, reasons


async def scrape(front: Front) -> dict[str, float]:
    answer = await front.client.get(f"{front.admin}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_healthz_says_only_that_the_process_answers(front: Front) -> None:
    await asyncio.to_thread(front.database.close)
    answer = await front.client.get(f"{front.admin}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_it_is_ready_with_a_writable_store_and_a_living_worker(front: Front) -> None:
    await beat(front.database)
    assert await ready(front) == (200, {})


async def test_without_a_worker_it_is_not_ready(front: Front) -> None:
    status, reasons = await ready(front)
    assert status == 503
    assert list(reasons) == ["worker"]


async def test_a_heartbeat_of_a_listener_is_no_worker(front: Front) -> None:
    await beat(front.database, role="listener")
    assert list((await ready(front))[1]) == ["worker"]


async def test_a_heartbeat_is_fresh_for_ten_seconds(front: Front) -> None:
    await beat(front.database, role="worker")
    front.clock.advance(9)
    assert (await ready(front))[0] == 200
    front.clock.advance(2)
    assert (await ready(front))[0] == 503


async def test_a_schema_that_is_not_at_head_is_a_reason(front: Front) -> None:
    def older(tx: Tx) -> None:
        tx.conn.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    await beat(front.database)
    await front.database.write(older)
    status, reasons = await ready(front)
    assert status == 503
    assert "0000" in reasons["schema"]


async def test_a_store_that_cannot_be_written_is_a_reason(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    await beat(front.database)
    with failing_commits(front.database, monkeypatch):
        status, reasons = await ready(front)
    assert status == 503
    assert list(reasons) == ["store"]
    assert "disk is full" in reasons["store"]


async def test_a_check_that_hangs_is_a_reason_after_its_time(open_front: OpenFront) -> None:
    front: Front = await open_front(check_s=0.05)
    await beat(front.database)

    async def hang() -> str | None:
        await asyncio.Event().wait()
        return None

    front.state.checks["disk"] = hang
    status, reasons = await ready(front)
    assert status == 503
    assert reasons == {"disk": "No answer within 0.05 s."}


async def test_a_check_that_raises_a_problem_gives_it_with_its_remedy(front: Front) -> None:
    await beat(front.database)

    async def fail() -> str | None:
        raise ListenerProblem("It is broken.", remedy="Mend it.")

    front.state.checks["thing"] = fail
    assert (await ready(front))[1] == {"thing": "It is broken. Mend it."}


async def test_a_closed_public_socket_is_a_reason(front: Front) -> None:
    await beat(front.database)
    await front.listener.stop(0.0)
    assert await unready(front.state) == {"public_socket": "The public socket is not open."}


async def test_metrics_count_deliveries_and_show_orders_as_they_are_now(front: Front) -> None:
    await front.post(event(1))
    await front.post(event(2))
    await front.post(event(3), [])
    front.clock.advance(30)

    found = await scrape(front)
    assert found['bcifs_deliveries_total{connection="acme-us",outcome="accepted"}'] == 2
    assert found['bcifs_deliveries_total{connection="acme-us",outcome="missing_secret_header"}'] == 1
    assert found["bcifs_ack_seconds_count"] == 2
    assert found['bcifs_orders{connection="acme-us",state="due"}'] == 2
    assert found["bcifs_oldest_due_seconds"] == 30

    await front.database.write(lambda tx: tx.conn.execute(text("UPDATE store_order SET state = 'synced'")) and None)
    found = await scrape(front)
    assert found['bcifs_orders{connection="acme-us",state="synced"}'] == 2
    assert 'bcifs_orders{connection="acme-us",state="due"}' not in found
    assert found["bcifs_oldest_due_seconds"] == 0


async def test_an_order_due_later_is_not_overdue(front: Front) -> None:
    later = front.clock.now().replace(year=2027)
    await front.database.write(lambda tx: intake.mark_due(tx, front.connection_id, [9], found_by="test", at=later))
    assert (await scrape(front))["bcifs_oldest_due_seconds"] == 0


async def test_metrics_are_served_without_the_store(front: Front) -> None:
    await front.post()
    await scrape(front)
    await front.database.write(lambda tx: tx.conn.execute(text("ALTER TABLE store_order RENAME TO away")) and None)

    found = await scrape(front)

    assert found["bcifs_ack_seconds_count"] == 1
    assert not [name for name in found if name.startswith("bcifs_orders")]
    assert found["bcifs_oldest_due_seconds"] != found["bcifs_oldest_due_seconds"]  # NaN: not known


async def test_the_metrics_are_those_of_the_contract(front: Front) -> None:
    answer = await front.client.get(f"{front.admin}/metrics")
    names = set(re.findall(r"^# TYPE (\w+) ", answer.text, re.MULTILINE))
    assert names >= {
        "bcifs_deliveries_total",
        "bcifs_ack_seconds",
        "bcifs_orders",
        "bcifs_documents_total",
        "bcifs_upstream_requests_total",
        "bcifs_upstream_seconds",
        "bcifs_quota_left",
        "bcifs_oldest_due_seconds",
    }


async def test_the_admin_port_takes_no_deliveries(front: Front) -> None:
    body = event()
    answer = await front.client.post(front.admin + front.path, content=body, headers=front.signed(body))
    assert answer.status_code == 404
