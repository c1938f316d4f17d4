"""Webhooks that die and come back: what the simulated store does to them, and that no order is lost by it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from bcifs_console.bigcommerce.scopes import HOOK_HEADER, WANTED_SCOPES
from bcifs_console.operations import hook_trial, hooks
from bcifs_console.operations.status import status
from bcifs_console.store import connections, webhooks
from bcifs_console.store.tables import journal
from bcifs_console.store.webhooks import WebhookHealth
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import order
from tests.integration.waiting import until
from tests.integration.world import World

HOUR = 3600
SCOPE = WANTED_SCOPES[0]
ELSEWHERE, THEIRS = "https://other.example.com/in", "https://other.example.com/theirs"


@pytest.fixture
async def watched(make_world: MakeWorld) -> AsyncIterator[World]:
    """A world whose watcher looks at once; the next poll comes by its interval in five minutes, unless it is asked."""
    async with make_world(settings={"watch_interval_s": 0.3}) as world:
        yield world


async def health(world: World) -> WebhookHealth:
    return await world.opened.database.read(lambda conn: webhooks.health_of(conn, world.connection_id))


async def becomes(world: World, state: str, *kinds: str) -> WebhookHealth:
    """Wait until the webhooks are in this state, and these kinds of trouble are found."""

    async def look() -> WebhookHealth | None:
        found = await health(world)
        return found if found.state == state and found.kinds >= set(kinds) else None

    return await until(look, f"the webhooks are {state}")


async def story(world: World) -> list[tuple[str, dict[str, Any]]]:
    """What the journal tells of webhooks, in its order."""
    query = select(journal.c.event, journal.c.detail).where(journal.c.event.like("webhooks.%")).order_by(journal.c.id)
    rows = await world.opened.database.read(lambda conn: conn.execute(query).all())
    return [(row.event, json.loads(row.detail)) for row in rows]


async def registered(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.store.control("state?only=hooks"))["hooks"]
    return found


async def test_72_hours_without_a_listener_lose_no_order(watched: World) -> None:
    """Until the store gives up events are tried again, then they are lost: the poll brings every order, each once."""
    world = watched
    before = await world.place(order())
    await world.reaches(before, "synced")
    await becomes(world, "healthy")
    await world.stop()

    gap: list[int] = []
    for hours in (1, 29, 17, 13, 10, 2):  # the last three come after the store has given up
        gap += [await world.place(order()) for _ in range(2)]
        await world.advance(hours * HOUR)
    truth = await world.store_state()
    given_up = {hook["scope"] for hook in truth["hooks"] if not hook["is_active"]}
    assert {"store/order/created", "store/order/updated"} <= given_up < set(WANTED_SCOPES)
    unheard = {row["order_id"] for row in truth["lost"]}
    assert unheard
    assert unheard < set(gap)
    assert "delivered" not in {row["state"] for row in truth["deliveries"] if row["order_id"] in gap}

    await world.start()
    for order_id in gap:
        view = await world.reaches(order_id, "synced")
        assert view.found_by == "poll"
    mended = await becomes(world, "healthy")  # by the look after the one that reactivated them
    assert all(hook["is_active"] for hook in await registered(world))
    for order_id in (before, *gap):
        assert (await world.ifs_order(order_id))["Objstate"] == "Released"

    after = await world.place(order())
    assert (await world.reaches(after, "synced")).found_by == "webhook"
    assert mended.repaired_at is not None

    told = await story(world)
    (repair,) = [detail for event, detail in told if event == "webhooks.repaired"]
    reactivated = {done["scope"]: done["cause"] for done in repair["actions"] if done["action"] == "reactivated"}
    assert reactivated == dict.fromkeys(given_up, "Was deactivated by BigCommerce")
    changes = [(d["before"], d["after"]) for event, d in told if event == "webhooks.state"]
    assert changes == [("unknown", "healthy"), ("healthy", "deactivated"), ("deactivated", "healthy")]
    (found,) = [d for event, d in told if event == "webhooks.state" and d["after"] == "deactivated"]
    assert f"Was deactivated by BigCommerce: {len(given_up)} of 10 webhooks" in found["cause"]
    assert found["action"] == f"reactivated {len(given_up)} webhooks; polled for what changed meanwhile"


async def test_a_block_is_seen_and_passes(make_world: MakeWorld) -> None:
    """Deliveries signed with another secret than ours: over a hundred of them, and the store blocks the domain."""
    async with make_world(settings={"watch_interval_s": 0.3}, policy="import_statuses = [10]") as world:
        await becomes(world, "healthy")
        secrets = world.simulator._store.deliverer.secrets
        client_id = world.about["bigcommerce"]["client_id"]
        right, secrets[client_id] = secrets[client_id], "another secret"
        await world.store.place("plain", count=30)
        await world.store.control("settle", {})
        blocked = await becomes(world, "blocked", "refused:wrong_signature")
        assert "127.0.0.1" in blocked.cause
        assert "bigcommerce.client_secret" in blocked.remedy
        (summary,) = [connection["webhooks"] for connection in status(world.context)["connections"]]
        assert summary["state"] == "blocked"
        assert "BigCommerce sends nothing to 127.0.0.1" in summary["cause"]
        secrets[client_id] = right
        await world.advance(400)
        found = await until(lambda: _past(world, "blocked"), "the block is over")
        assert "blocked" not in found.kinds


async def _past(world: World, state: str) -> WebhookHealth | None:
    found = await health(world)
    return found if found.state != state else None


# -- `bcifs webhooks repair` and `status` ------------------------------------------------------------------------------


async def harm(world: World, what: str) -> str:
    """Do harm to the hook of SCOPE; the state it is in then."""
    (hook,) = [hook for hook in await registered(world) if hook["scope"] == SCOPE and hook["destination"] != THEIRS]
    path = f"/v3/hooks/{hook['id']}"
    if what == "deleted":
        answer = await world.store.http.delete(world.store.path + path)
        assert answer.status_code == 200
        return "deactivated"
    if what == "duplicate":
        await world.store.control("set", {"bigcommerce": {"double_hook": hook["id"]}})
        return "degraded"
    changes: dict[str, dict[str, Any]] = {
        "inactive": {"is_active": False},
        "foreign destination": {"destination": ELSEWHERE},
        "wrong secret": {"headers": {HOOK_HEADER: "not ours"}},
    }
    answer = await world.store.put(path, changes[what])
    assert answer.status_code == 200, answer.text
    return "degraded" if what == "wrong secret" else "deactivated"


REPAIRS = {
    "deleted": "created",
    "inactive": "reactivated",
    "duplicate": "deleted",
    "foreign destination": "moved",
    "wrong secret": "secret_renewed",
}


async def test_repair_mends_each_kind_of_harm(world: World) -> None:
    """The watcher of this world looks once a minute and is not waited for."""
    theirs = await world.store.hook(SCOPE, THEIRS)
    for what, action in REPAIRS.items():
        state = await harm(world, what)
        rows = {row["scope"]: row for row in await hooks.status(world.context, None)}
        assert (rows[SCOPE]["state"], bool(rows[SCOPE]["cause"])) == (state, True), what
        assert {row["state"] for scope, row in rows.items() if scope != SCOPE} == {"healthy"}, what
        done = [a for a in await hooks.repair(world.context, None) if a.action != "kept"]
        assert [(a.scope, a.action) for a in done] == [(SCOPE, action)], what
        assert {row["state"] for row in await hooks.status(world.context, None)} == {"healthy"}, what
        ours = [hook for hook in await registered(world) if hook["id"] != theirs["id"]]
        assert sorted(hook["scope"] for hook in ours) == sorted(WANTED_SCOPES), what
        order_id = await world.place(order())
        assert (await world.reaches(order_id, "synced")).found_by == "webhook", what
    assert theirs["id"] in {hook["id"] for hook in await registered(world)}


async def test_a_new_secret_refuses_no_delivery(world: World) -> None:
    old = world.connection
    assert old is not None
    done = await hooks.register(world.context, None, new_secret=True)
    assert {action.action for action in done} == {"secret_renewed"}
    vault = world.opened.vault
    new = await world.opened.database.read(lambda conn: connections.load(conn, vault, world.connection_id))
    assert new.hook_secret != old.hook_secret
    assert {hook["headers"][HOOK_HEADER] for hook in await registered(world)} == {new.hook_secret.reveal()}
    order_id = await world.place(order())
    assert (await world.reaches(order_id, "synced")).found_by == "webhook"
    await world.store.control("settle", {})
    deliveries = (await world.store_state())["deliveries"]
    assert {(d["state"], len(d["attempts"])) for d in deliveries} == {("delivered", 1)}


# -- `bcifs webhooks test` ---------------------------------------------------------------------------------------------


async def test_the_way_to_us_is_tried_out(world: World) -> None:
    (row,) = await hook_trial.trial(world.context, None)
    assert (row["verdict"], row["remedy"]) == ("ok", "")
    assert await world.count("SELECT count(*) FROM webhook_delivery WHERE order_id IS NULL") == 1
    assert await world.count("SELECT count(*) FROM store_order") == 0
    await world.stop()
    (row,) = await hook_trial.trial(world.context, None)
    assert row["verdict"] == "failed"
    assert "cannot be reached" in row["detail"]


async def test_hooks_of_another_account_are_neither_seen_nor_touched(world: World) -> None:
    account = {"access_token": "other", "client_id": "other", "client_secret": "s"}
    await world.knobs("bigcommerce", add_account=account)
    assert world.connection is not None
    url = f"{world.store.path}/v3/hooks"
    headers = {"X-Auth-Token": "other"}
    body = {"scope": SCOPE, "destination": world.webhook_url, "is_active": False}
    answer = await world.store.http.post(url, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    theirs = answer.json()["data"]
    assert {row["state"] for row in await hooks.status(world.context, None)} == {"healthy"}
    assert {action.action for action in await hooks.repair(world.context, None)} == {"kept"}
    assert theirs in await registered(world)
