"""Registering webhooks: created, adopted, reactivated, moved, kept; never doubled; nothing of anyone else's touched."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import InvalidRequest, Unavailable
from bcifs_console.bigcommerce.hooks import BlockedDomain
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE, HOOK_HEADER, WANTED_SCOPES, WILDCARD_SCOPES
from bcifs_console.domain.connections import DeliveryExceptions, HookStyle
from bcifs_console.store import connections, health, webhooks
from bcifs_console.store.tables import journal
from bcifs_console.store.vault import Vault
from bcifs_console.sync import hooks
from bcifs_console.sync.hook_look import destination_of, destinations_of
from bcifs_console.sync.hook_repair import repair
from bcifs_console.sync.runtime import Runtime
from tests.sync.conftest import MakeRuntime
from tests.sync.hook_store import HookStore, hook

SCOPE, OTHER = WANTED_SCOPES[0], WANTED_SCOPES[1]
ELSEWHERE = "https://other.example.com/in"
EVERY = [*WANTED_SCOPES, DELIVERY_EXCEPTION_SCOPE]


@pytest.fixture
def store() -> HookStore:
    return HookStore()


@pytest.fixture
def runtime(make_runtime: MakeRuntime, store: HookStore) -> Runtime:
    return make_runtime(store=store)


def asking_for(runtime: Runtime, *, hooks: HookStyle = "concrete", exceptions: DeliveryExceptions = "auto") -> None:
    access = replace(runtime.connection.bigcommerce, hooks=hooks, delivery_exceptions=exceptions)
    runtime.connection = replace(runtime.connection, bigcommerce=access)


def ours(runtime: Runtime) -> tuple[str, dict[str, Secret]]:
    return destination_of(runtime.connection), {HOOK_HEADER: runtime.connection.hook_secret}


async def register(runtime: Runtime) -> list[tuple[str, str]]:
    return [(action.scope, action.action) for action in await hooks.register(runtime, actor="tester")]


async def actions(runtime: Runtime) -> dict[str, str]:
    """What registering did about each scope, those removed left out."""
    return {scope: action for scope, action in await register(runtime) if action != "deleted"}


async def journalled(runtime: Runtime, event: str) -> list[dict[str, Any]]:
    query = select(journal.c.detail).where(journal.c.event == event).order_by(journal.c.id)
    return [json.loads(text) for text in await runtime.database.read(lambda conn: list(conn.execute(query).scalars()))]


async def test_everything_is_created_on_one_destination_with_our_secret(runtime: Runtime, store: HookStore) -> None:
    assert await register(runtime) == [(scope, "created") for scope in EVERY]
    destination, headers = ours(runtime)
    assert destination.startswith("https://hooks.example.com/webhooks/bigcommerce/")
    assert {row.destination for row in store.rows if row.scope in WANTED_SCOPES} == {destination}
    assert [row.destination for row in store.of(DELIVERY_EXCEPTION_SCOPE)] == [destination + "/exceptions"]
    assert all(row.carries(HOOK_HEADER, headers[HOOK_HEADER]) for row in store.rows)
    records = await runtime.database.read(lambda conn: health.hooks(conn, runtime.id))
    assert {(r.scope, r.state, r.action) for r in records} == {(scope, "healthy", "created") for scope in EVERY}
    found = await runtime.database.read(lambda conn: webhooks.health_of(conn, runtime.id))
    assert (found.registered, found.state, found.findings) == (True, "healthy", ())


async def test_again_everything_is_kept(runtime: Runtime, store: HookStore) -> None:
    await register(runtime)
    store.done.clear()
    assert await register(runtime) == [(scope, "kept") for scope in EVERY]
    assert store.done == []


@pytest.mark.parametrize(
    ("style", "exceptions", "scopes"),
    [
        ("concrete", "off", WANTED_SCOPES),
        ("wildcard", "on", (*WILDCARD_SCOPES, DELIVERY_EXCEPTION_SCOPE)),
        ("wildcard", "off", WILDCARD_SCOPES),
    ],
)
async def test_the_connection_says_which(
    runtime: Runtime,
    store: HookStore,
    style: HookStyle,
    exceptions: DeliveryExceptions,
    scopes: tuple[str, ...],
) -> None:
    asking_for(runtime, hooks=style, exceptions=exceptions)
    await register(runtime)
    assert [row.scope for row in store.rows] == list(scopes)


def test_the_exceptions_hook_waits_for_an_https_address(runtime: Runtime) -> None:
    access = replace(runtime.connection.bigcommerce, public_url="http://127.0.0.1:8080")
    assert list(destinations_of(replace(runtime.connection, bigcommerce=access))) == list(WANTED_SCOPES)


async def test_changing_the_style_leaves_no_stray(runtime: Runtime, store: HookStore) -> None:
    await register(runtime)
    asking_for(runtime, hooks="wildcard")
    store.done.clear()
    done = await register(runtime)
    assert sorted(row.scope for row in store.rows) == sorted((*WILDCARD_SCOPES, DELIVERY_EXCEPTION_SCOPE))
    assert done.count((SCOPE, "deleted")) == 1
    first_removal = next(i for i, (what, _) in enumerate(store.done) if what == "delete")
    assert [what for what, _ in store.done[:first_removal]] == ["create", "create"]  # no moment without
    records = await runtime.database.read(lambda conn: health.hooks(conn, runtime.id))
    assert {record.scope for record in records} == {*WILDCARD_SCOPES, DELIVERY_EXCEPTION_SCOPE}


# -- adopting and mending ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{}, {HOOK_HEADER: Secret("of an earlier installation")}, {"X-Other": Secret("for the proxy")}]
)
async def test_a_hook_without_our_secret_is_adopted(
    runtime: Runtime, store: HookStore, headers: dict[str, Secret]
) -> None:
    destination, mine = ours(runtime)
    store.rows = [hook(77, SCOPE, destination, headers)]
    done = await actions(runtime)
    assert (done[SCOPE], done[OTHER]) == ("adopted", "created")
    assert store.rows[0].id == 77
    assert store.rows[0].headers == {**headers, **mine}
    assert len(store.rows) == len(EVERY)


async def test_a_hook_of_ours_that_lost_its_secret_gets_it_again(runtime: Runtime, store: HookStore) -> None:
    await register(runtime)
    store.change(SCOPE, headers={HOOK_HEADER: Secret("wrong")})
    assert (await actions(runtime))[SCOPE] == "secret_renewed"
    assert store.of(SCOPE)[0].carries(HOOK_HEADER, runtime.connection.hook_secret)


async def test_an_inactive_hook_is_reactivated_with_our_secret(runtime: Runtime, store: HookStore) -> None:
    destination, mine = ours(runtime)
    store.rows = [hook(77, SCOPE, destination, active=False)]
    assert (await actions(runtime))[SCOPE] == "reactivated"
    assert (store.rows[0].id, store.rows[0].is_active) == (77, True)
    assert store.rows[0].carries(HOOK_HEADER, mine[HOOK_HEADER])


async def test_a_deleted_hook_is_created_again(runtime: Runtime, store: HookStore) -> None:
    await register(runtime)
    store.drop(SCOPE)
    assert [done for done in await register(runtime) if done[1] != "kept"] == [(SCOPE, "created")]
    assert len(store.of(SCOPE)) == 1


async def test_a_hook_of_ours_that_was_sent_elsewhere_is_moved_back(runtime: Runtime, store: HookStore) -> None:
    """Also how a new public address reaches the store: known by our secret, whatever its address."""
    await register(runtime)
    (before,) = store.of(SCOPE)
    store.change(SCOPE, destination=ELSEWHERE)
    assert (await actions(runtime))[SCOPE] == "moved"
    assert store.of(SCOPE) == [before]
    ((said,),) = [
        [a for a in entry["actions"] if a["action"] == "moved"] for entry in (await journalled(runtime, REGISTERED))[1:]
    ]
    assert ELSEWHERE in said["cause"]


REGISTERED = "webhooks.registered"


@pytest.mark.parametrize(
    "destination",
    ["{ours}", "{ours}/", "{ours}?again", "https://old.example.com/webhooks/bigcommerce/{token}"],
)
async def test_a_duplicate_is_removed_and_the_good_one_kept(
    runtime: Runtime, store: HookStore, destination: str
) -> None:
    """Registered twice before there was a limit, or under another spelling of our address: by our token it is ours."""
    await register(runtime)
    (good,) = store.of(SCOPE)
    address = destination.format(ours=destination_of(runtime.connection), token=runtime.connection.token)
    store.rows.insert(0, hook(1_000, SCOPE, address))
    records = {record.scope: record for record in await hooks.check(runtime)}
    assert (records[SCOPE].state, records[OTHER].state) == ("degraded", "healthy")
    assert [done for done in await register(runtime) if done[1] != "kept"] == [(SCOPE, "deleted")]
    assert store.of(SCOPE) == [good]


async def test_a_stray_of_a_connection_that_was_removed_is_removed(
    runtime: Runtime, store: HookStore, make_runtime: MakeRuntime, vault: Vault
) -> None:
    gone = make_runtime(name="gone")
    address = destination_of(gone.connection)
    store.rows = [hook(5, SCOPE, address), hook(6, "store/customer/created", address)]
    await register(runtime)
    assert {row.id for row in store.rows} >= {5, 6}  # it is in use
    await runtime.database.write(lambda tx: connections.remove(tx, vault, gone.id, actor="tester"))
    await register(runtime)
    assert not {row.id for row in store.rows} & {5, 6}


async def test_hooks_of_other_destinations_are_left_alone(runtime: Runtime, store: HookStore) -> None:
    host = "https://hooks.example.com/webhooks/bigcommerce/of-another-installation"
    theirs = [
        hook(i, scope, ELSEWHERE if i % 2 else host, {HOOK_HEADER: Secret("theirs")}, active=i % 3 == 0)
        for i, scope in enumerate(WANTED_SCOPES, 1)
    ]
    store.rows = list(theirs)
    assert set((await actions(runtime)).values()) == {"created"}
    assert [row for row in store.rows if row in theirs] == theirs
    await hooks.remove(runtime, actor="tester")
    assert store.rows == theirs


async def test_a_hook_that_vanishes_meanwhile_is_created(runtime: Runtime, store: HookStore) -> None:
    await register(runtime)
    store.change(SCOPE, is_active=False)
    looked = list(store.rows)
    store.drop(SCOPE)

    async def as_before() -> list[Any]:
        return looked

    store.hooks = as_before  # type: ignore[method-assign]  # the list as it was a moment ago
    assert (await actions(runtime))[SCOPE] == "created"
    assert len(store.of(SCOPE)) == 1


async def test_what_broke_off_is_completed_and_nothing_doubled(runtime: Runtime, store: HookStore) -> None:
    store.broken_after = 4
    with pytest.raises(Unavailable):
        await register(runtime)
    found = await runtime.database.read(lambda conn: webhooks.health_of(conn, runtime.id))
    assert (found.state, *found.kinds) == ("deactivated", "unfinished")
    ((entry,),) = [await journalled(runtime, REGISTERED)]
    assert [action["action"] for action in entry["actions"]] == ["created"] * 4
    store.broken_after = None
    done = await actions(runtime)
    assert sorted(done.values()) == ["created"] * (len(EVERY) - 4) + ["kept"] * 4
    assert len(store.rows) == len(EVERY)
    found = await runtime.database.read(lambda conn: webhooks.health_of(conn, runtime.id))
    assert (found.state, found.findings) == ("healthy", ())


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_a_store_held_to_ten_goes_without_the_exceptions(runtime: Runtime, store: HookStore) -> None:
    store.in_all = 10
    assert await register(runtime) == [*((scope, "created") for scope in WANTED_SCOPES), (EVERY[-1], "refused")]
    store.done.clear()
    assert {action.action for action in (await repair(runtime)).actions} == {"kept"}  # it does not ask again at once
    records = await hooks.check(runtime)
    assert {(record.scope, record.state) for record in records} == {(scope, "healthy") for scope in WANTED_SCOPES}
    store.in_all = None
    assert (await actions(runtime))[DELIVERY_EXCEPTION_SCOPE] == "created"  # a person asks: it is tried


async def test_a_store_held_to_ten_makes_room_for_what_is_wanted(runtime: Runtime, store: HookStore) -> None:
    asking_for(runtime, hooks="wildcard")
    await register(runtime)
    asking_for(runtime, hooks="concrete")
    store.in_all = 10
    done = dict(await register(runtime))
    assert {row.scope for row in store.rows} == set(WANTED_SCOPES)
    assert done[DELIVERY_EXCEPTION_SCOPE] == "refused"


async def test_no_room_at_all_is_said(runtime: Runtime, store: HookStore) -> None:
    store.in_all = 0
    with pytest.raises(InvalidRequest, match="too many"):
        await register(runtime)


# -- the secret --------------------------------------------------------------------------------------------------------


def reloaded(runtime: Runtime, vault: Vault) -> Runtime:
    """The runtime with the secrets that the store has now."""
    connection = runtime.database.read_sync(lambda conn: connections.load(conn, vault, runtime.id))
    return replace(runtime, connection=connection)


async def test_hooks_get_a_new_secret_only_when_every_listener_accepts_it(
    runtime: Runtime, store: HookStore, vault: Vault
) -> None:
    await register(runtime)
    old = runtime.connection.hook_secret

    def beat(digest: str) -> None:
        runtime.database.write_sync(lambda tx: health.beat(tx, "w1", "listener", {"connections": digest}))

    beat(runtime.database.read_sync(connections.digest))
    runtime.clock.advance(1)  # type: ignore[attr-defined]  # the tests' clock
    await runtime.database.write(lambda tx: connections.renew_hook_secret(tx, vault, runtime.id))
    renewed = reloaded(runtime, vault)
    assert renewed.connection.previous_hook_secrets == (old,)

    assert set((await actions(renewed)).values()) == {"kept"}
    assert all(row.carries(HOOK_HEADER, old) for row in store.rows)
    with pytest.raises(UsageProblem, match="do not carry the present secret"):
        await hooks.refuse_second_renewal(renewed)

    beat(runtime.database.read_sync(connections.digest))
    assert set((await actions(renewed)).values()) == {"secret_renewed"}
    assert all(row.carries(HOOK_HEADER, renewed.connection.hook_secret) for row in store.rows)
    await hooks.refuse_second_renewal(renewed)


# -- looking and removing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_admin", [True, False])
async def test_check_says_how_each_one_is(runtime: Runtime, store: HookStore, has_admin: bool) -> None:
    await register(runtime)
    store.has_admin = has_admin
    store.change(SCOPE, is_active=False)
    store.drop(OTHER)
    store.given_up = {store.of(SCOPE)[0].id}
    store.done.clear()
    records = {record.scope: record for record in await hooks.check(runtime)}
    assert store.done == []
    assert (records[SCOPE].state, records[SCOPE].is_active) == ("deactivated", False)
    assert ("BigCommerce" in records[SCOPE].cause) is has_admin  # only its list tells who did it
    assert (records[OTHER].state, records[OTHER].hook_id, records[OTHER].is_active) == ("deactivated", 0, False)
    assert "not registered" in records[OTHER].cause
    assert {records[scope].state for scope in EVERY[2:]} == {"healthy"}


async def test_a_blocked_domain_blocks_each_of_its_hooks(runtime: Runtime, store: HookStore) -> None:
    await register(runtime)
    store.blocked = (BlockedDomain("other.example.com", 9), BlockedDomain("hooks.example.com", 120))
    assert {(r.state, r.cause) for r in await hooks.check(runtime)} == {
        ("blocked", "BigCommerce sends nothing for 120 s")
    }


async def test_removing_is_noted_and_they_are_watched_over_no_more(runtime: Runtime, store: HookStore) -> None:
    await register(runtime)
    done = await hooks.remove(runtime, actor="tester")
    assert {action.action for action in done} == {"deleted"}
    assert store.rows == []
    records = await runtime.database.read(lambda conn: health.hooks(conn, runtime.id))
    assert {(record.state, record.action, record.is_active) for record in records} == {
        ("deactivated", "deleted", False)
    }
    found = await runtime.database.read(lambda conn: webhooks.health_of(conn, runtime.id))
    assert (found.registered, found.state) == (False, "unknown")
