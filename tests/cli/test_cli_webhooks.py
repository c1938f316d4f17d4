"""`bcifs webhooks repair | test | register --new-secret`, a store that cannot be asked, and `bcifs status`."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from bcifs_console.base.clock import SystemClock
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE, HOOK_HEADER, WANTED_SCOPES, WILDCARD_SCOPES
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import health, webhooks
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.tables import webhook_delivery
from bcifs_console.store.webhooks import Finding
from tests.cli.shop import Shop, Terminal, write_connection

SCOPE, OTHER, THIRD = WANTED_SCOPES[:3]


def registered(shop: Shop) -> dict[str, dict[str, Any]]:
    return {hook["scope"]: hook for hook in shop.control("state")["hooks"]}


def test_repair_says_what_it_did_to_each(shop: Shop, connected: Terminal) -> None:
    connected("webhooks", "register")
    before = registered(shop)
    shop.call("DELETE", f"/v3/hooks/{before[SCOPE]['id']}")
    shop.call("PUT", f"/v3/hooks/{before[OTHER]['id']}", {"is_active": False})
    shop.call("PUT", f"/v3/hooks/{before[THIRD]['id']}", {"destination": "https://other.example.com/in"})
    rows = connected.json("webhooks", "repair")
    assert [list(row) for row in rows] == [["scope", "hook_id", "action"]] * len(WANTED_SCOPES)
    done = {row["scope"]: row["action"] for row in rows if row["action"] != "kept"}
    assert done == {SCOPE: "created", OTHER: "reactivated", THIRD: "moved"}
    after = registered(shop)
    assert {hook["destination"] for hook in after.values()} == {before[SCOPE]["destination"]}
    assert all(hook["is_active"] for hook in after.values())
    assert "reactivated" not in connected("webhooks", "repair").out


def test_a_new_secret(shop: Shop, connected: Terminal) -> None:
    connected("webhooks", "register")
    before = registered(shop)[SCOPE]["headers"][HOOK_HEADER]
    rows = connected.json("webhooks", "register", "--new-secret")
    assert {row["action"] for row in rows} == {"secret_renewed"}
    after = {hook["headers"][HOOK_HEADER] for hook in registered(shop).values()}
    assert len(after) == 1
    assert before not in after


def test_status_of_a_store_that_cannot_be_asked(shop: Shop, connected: Terminal) -> None:
    connected("webhooks", "register")
    shop.control("set", {"bigcommerce": {"access_token": "another"}})
    rows = connected.json("webhooks", "status", code=1)
    assert {(row["state"], row["is_active"]) for row in rows} == {("unknown", True)}
    assert all("access token" in row["cause"] for row in rows)
    assert all(row["hook_id"] for row in rows)


def test_status_shows_webhook_health_for_each_connection(connected: Terminal) -> None:
    (connection,) = connected.json("status")["connections"]
    assert connection["webhooks"]["state"] == "unknown"
    assert connection["webhooks"]["remedy"] == "Run: bcifs webhooks register"
    assert connection["webhooks"]["miss_rate"] is None
    assert "webhooks ! unknown" in connected("status").out
    connected("webhooks", "register")
    (connection,) = connected.json("status")["connections"]
    assert (connection["webhooks"]["state"], connection["webhooks"]["cause"]) == ("healthy", None)


def test_status_shows_what_each_hook_brought_and_how_fast_the_listener_answers(connected: Terminal) -> None:
    rows = connected.json("webhooks", "register")
    text = f"{SCOPE} is registered and silent: 4 events are missing and none ever came."
    silent = Finding(f"silent:{SCOPE}", WebhookState.DEGRADED, text, "Register anew.")
    assert connected.home is not None
    with contextlib.closing(Database(f"sqlite:///{connected.home / 'bcifs.db'}", clock=SystemClock())) as database:
        ((number, before),) = database.read_sync(webhooks.healths).items()

        def fill(tx: Tx) -> None:
            found = replace(before, state=WebhookState.DEGRADED, findings=(silent,))
            webhooks.set_health(tx, found, subject="s", actor="watcher")
            for outcome, scope, times in (("missed", SCOPE, 4), ("missed", OTHER, 1), ("heard", OTHER, 7)):
                webhooks.add_sample(tx, number, webhooks.of_scope(outcome, scope), times)
            health.beat(tx, "us", "all", {"ack": {"p50_ms": 1.5, "p99_ms": 8.2, "number": 70}})
            for delivery in range(3):
                row = {"connection_id": number, "dedupe": f"d{delivery}", "scope": OTHER, "received_at": tx.now}
                tx.conn.execute(webhook_delivery.insert().values(row))

        database.write_sync(fill)
    found = {row["scope"]: row for row in connected.json("webhooks", "status", code=1)}
    assert len(found) == len(rows)
    assert {(row["ack_p50_ms"], row["ack_p99_ms"]) for row in found.values()} == {(1.5, 8.2)}
    dead, live = found[SCOPE], found[OTHER]
    assert (dead["state"], dead["cause"], dead["remedy"]) == (
        *("silent", "4 events are missing and none ever came.", "Register anew."),
    )
    assert (dead["last_hour"], dead["missed"], dead["heard"]) == (0, 4, 0)
    assert (live["state"], live["last_hour"], live["missed"], live["heard"]) == ("healthy", 3, 1, 7)
    said = " ".join(connected("webhooks", "status", code=1).out.split())
    for part in ("✗ silent", "4 of 4", "1 of 8", "p50 1.5 ms, p99 8.2 ms", "Register anew."):
        assert part in said, said


def test_the_way_to_us(connected: Terminal) -> None:
    """The connection's public address is the discard port, where nobody listens."""
    (row,) = connected.json("webhooks", "test", code=1)
    assert list(row) == ["connection", "destination", "verdict", "detail", "remedy", "elapsed_ms"]
    assert (row["verdict"], row["elapsed_ms"]) == ("failed", None)
    assert "cannot be reached" in row["detail"]
    assert "public_url" in row["remedy"]
    (row,) = connected.json("webhooks", "test", "--alert", code=1)
    assert "alert_urls" in row["remedy"]


def test_wildcards_and_exceptions_by_the_connection_file(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    path = write_connection(shop, tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[ifs]", 'hooks = "wildcard"\ndelivery_exceptions = "on"\n[ifs]', 1), encoding="utf-8")
    bcifs("connection", "add", path)
    rows = bcifs.json("webhooks", "register")
    assert [row["scope"] for row in rows] == [*WILDCARD_SCOPES, DELIVERY_EXCEPTION_SCOPE]
    found = registered(shop)
    assert found[DELIVERY_EXCEPTION_SCOPE]["destination"] == found["store/order/*"]["destination"] + "/exceptions"
    assert {row["state"] for row in bcifs.json("webhooks", "status")} == {"healthy"}
    path.write_text(text.replace("[ifs]", 'hooks = "some"\n[ifs]', 1), encoding="utf-8")
    assert "bigcommerce.hooks" in bcifs("connection", "add", path, code=2).said
