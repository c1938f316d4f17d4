"""The watcher: what it finds it repairs, writes down, and tells once; it touches only what a person registered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import AuthenticationFailed, InvalidRequest, Unavailable
from bcifs_console.bigcommerce.hooks import BlockedDomain
from bcifs_console.bigcommerce.scopes import HOOK_HEADER, WANTED_SCOPES
from bcifs_console.domain.states import Side
from bcifs_console.store import alerts as alert_rows
from bcifs_console.store import connections, health, webhooks
from bcifs_console.store.tables import webhook_health
from bcifs_console.store.vault import Vault
from bcifs_console.store.webhooks import WebhookHealth
from bcifs_console.sync import hooks
from bcifs_console.sync.alerts import Alerts
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.watcher import Watcher
from tests.sync.conftest import TIMING, MakeRuntime
from tests.sync.hook_store import HookStore
from tests.sync.watching import INTERVAL, Watch, watching

SCOPE = WANTED_SCOPES[0]


async def test_all_is_well(watch: Watch) -> None:
    since = (await watch.health()).since
    found = await watch.minute(3)
    assert (found.state, found.findings, found.since) == ("healthy", (), since)
    assert (found.looked_at, found.checked_at) == (watch.clock.now(), watch.clock.now())
    assert (watch.store.done, watch.told, watch.polls, await watch.journal()) == ([], [], 0, [])


async def test_the_first_look_ever_at_hooks_that_are_well_is_no_recovery(watch: Watch) -> None:
    """After the upgrade that brought the watcher: somebody had registered them, nobody had looked."""
    await watch.runtime.database.write(
        lambda tx: tx.conn.execute(update(webhook_health).values(state="", since=None, looked_at=None))
    )
    found = await watch.minute()
    assert (found.state, found.since, watch.told) == ("healthy", watch.clock.now(), [])


async def test_what_nobody_registered_is_not_touched(
    make_runtime: MakeRuntime, hook_store: HookStore, clock: ManualClock
) -> None:
    runtime = make_runtime(store=hook_store)
    watch = await watching(runtime, hook_store, clock, {runtime.id: runtime}, registered=False)
    assert (await watch.look()).registered is False
    await hooks.register(runtime, actor="tester")
    await hooks.remove(runtime, actor="tester")
    hook_store.done.clear()
    assert (await watch.minute()).registered is False
    assert (hook_store.done, watch.told, watch.polls) == ([], [], 0)


async def test_deactivated_hooks_are_active_again_in_the_same_look(watch: Watch) -> None:
    watch.store.give_up()
    found = await watch.minute()
    assert all(row.is_active for row in watch.store.rows)
    assert found.state == "deactivated"
    assert "deactivated by BigCommerce" in found.cause
    assert found.action == "reactivated 11 webhooks; polled for what changed meanwhile"
    assert (found.since, watch.polls) == (watch.clock.now(), 1)
    now = found.after_repairs
    assert (now.state, now.findings, now.since) == ("healthy", (), watch.clock.now())
    (repair,) = await watch.journal("webhooks.repaired")
    assert {action["action"] for action in repair["actions"]} == {"reactivated"}

    found = await watch.minute()
    assert (found.state, found.findings) == ("healthy", ())
    story = [(entry["before"], entry["after"]) for entry in await watch.journal()]
    assert story == [("healthy", "deactivated"), ("deactivated", "healthy")]
    assert [(level, title) for level, title, _ in watch.told] == [
        ("trouble", "acme-us: webhooks are deactivated"),
        ("recovered", "acme-us: webhooks are healthy again"),
    ]
    assert "reactivated 11 webhooks" in watch.told[0][2]


@pytest.mark.parametrize(
    ("harm", "action", "state"),
    [
        (lambda store: store.drop(SCOPE), "created", "deactivated"),
        (lambda store: store.change(SCOPE, is_active=False), "reactivated", "deactivated"),
        (lambda store: store.change(SCOPE, destination="https://other.example.com/x"), "moved", "deactivated"),
        (lambda store: store.change(SCOPE, headers={HOOK_HEADER: Secret("x")}), "secret_renewed", "degraded"),
        (lambda store: store.rows.append(replace(store.of(SCOPE)[0], id=99)), "deleted", "degraded"),
    ],
    ids=["deleted", "inactive", "elsewhere", "wrong secret", "duplicate"],
)
async def test_each_kind_of_harm_is_mended_and_told_once(
    watch: Watch, harm: Callable[[HookStore], None], action: str, state: str
) -> None:
    before = {row.scope: row.destination for row in watch.store.rows}
    harm(watch.store)
    assert (await watch.minute()).state == state
    ((repair,),) = [await watch.journal("webhooks.repaired")]
    assert [a["action"] for a in repair["actions"] if a["action"] != "kept"] == [action]
    assert {row.scope: row.destination for row in watch.store.rows} == before
    assert len(watch.store.rows) == len(before)
    records = await watch.runtime.database.read(lambda conn: health.hooks(conn, watch.runtime.id))
    assert {record.state for record in records} == {"healthy"}
    assert (await watch.minute(2)).state == "healthy"
    assert len(watch.told) == 2


async def test_90_days_of_silence_are_called_by_their_name(watch: Watch) -> None:
    """A scope of which nothing happens: BigCommerce gives its hook up, in the same minute it is active again."""
    for _ in range(91):
        watch.clock.advance(86_400 - 30)
        await watch.look()
    (row,) = watch.store.of(SCOPE)
    watch.store.given_up = {row.id}
    watch.store.change(SCOPE, is_active=False)
    found = await watch.minute()
    assert f"deactivated by BigCommerce after 90 days without an event: 1 of 11 webhooks ({SCOPE})" in found.cause
    assert all(row.is_active for row in watch.store.rows)


async def test_a_repair_that_the_store_refuses_is_said(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_args: Any, **_changes: Any) -> Any:
        raise InvalidRequest("PUT /v3/hooks/{id}", 422, ("is_active: not for you",))

    watch.store.give_up()
    monkeypatch.setattr(watch.store, "update_hook", refuse)
    found = await watch.minute(3)
    assert (found.state, found.after_repairs) == ("deactivated", found), "nothing was put right"
    assert "not for you" in found.cause
    assert len(watch.told) == 1


# -- the store cannot be asked -----------------------------------------------------------------------------------------


async def test_trouble_of_some_minutes_changes_nothing_then_it_is_unknown(watch: Watch) -> None:
    watch.store.trouble = Unavailable("502")
    assert (await watch.minute(4)).state == "healthy"
    found = await watch.minute()
    assert (found.state, *found.kinds) == ("unknown", "unasked")
    assert "502" in found.cause
    watch.store.trouble = None
    assert (await watch.minute()).state == "healthy"
    assert len(watch.told) == 2


async def test_what_was_found_stays_while_the_store_cannot_be_asked(watch: Watch) -> None:
    watch.store.blocked = (BlockedDomain("hooks.example.com", 120),)
    assert (await watch.minute()).state == "blocked"
    watch.store.trouble = Unavailable("502")
    assert (await watch.minute()).state == "blocked"
    assert len(watch.told) == 1


async def test_a_paused_store_is_not_called(watch: Watch) -> None:
    await watch.breakers.failed(watch.runtime.id, AuthenticationFailed())
    assert watch.breakers.is_paused(watch.runtime.id, Side.BIGCOMMERCE)
    watch.store.give_up()
    found = await watch.minute(5)
    assert found.state == "unknown"
    assert "access token" in found.cause
    assert watch.store.done == []


async def test_trouble_with_one_connection_keeps_none_of_the_others(
    make_runtime: MakeRuntime, hook_store: HookStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = make_runtime(store=HookStore(), name="broken"), make_runtime(store=hook_store)
    watch = await watching(fine, hook_store, clock, {broken.id: broken, fine.id: fine})
    await hooks.register(broken, actor="tester")
    whole = watch.watcher.look

    async def look(runtime: Runtime) -> WebhookHealth | None:
        if runtime is broken:
            raise Problem("the disk", kind=ProblemKind.TRANSIENT)
        return await whole(runtime)

    monkeypatch.setattr(watch.watcher, "look", look)
    hook_store.give_up()
    assert (await watch.minute()).state == "deactivated"


# -- several processes, and the secret ---------------------------------------------------------------------------------


async def test_two_processes_do_not_watch_the_same_connection(watch: Watch) -> None:
    runtimes = {watch.runtime.id: watch.runtime}
    second = Watcher(
        watch.runtime.database,
        runtimes,
        watch.breakers,
        Alerts(watch.runtime.database, None),
        interval=INTERVAL,
        on_gap=lambda: None,
    )
    assert await second.look(watch.runtime) is None
    watch.clock.advance(121)  # the first one is gone
    assert await second.look(watch.runtime) is not None


async def test_the_previous_secret_is_accepted_until_its_last_retry(watch: Watch, vault: Vault) -> None:
    await watch.runtime.database.write(lambda tx: connections.renew_hook_secret(tx, vault, watch.runtime.id))

    def previous() -> int:
        read = watch.runtime.database.read_sync
        return len(read(lambda conn: connections.load(conn, vault, watch.runtime.id)).previous_hook_secrets)

    watch.clock.advance(48 * 3600)
    await watch.minute()
    assert previous() == 1
    watch.clock.advance(2 * 3600)
    await watch.minute()
    assert previous() == 0
    assert len(await watch.journal("webhooks.secret_forgotten")) == 1


# -- alerts ------------------------------------------------------------------------------------------------------------


async def test_without_channels_no_alert_is_written(
    make_runtime: MakeRuntime, hook_store: HookStore, clock: ManualClock
) -> None:
    runtime = make_runtime(store=hook_store)
    await hooks.register(runtime, actor="tester")
    alerts = Alerts(runtime.database, None)
    runtimes = {runtime.id: runtime}
    watcher = Watcher(
        runtime.database, runtimes, Breakers(runtime.database, TIMING), alerts, interval=INTERVAL, on_gap=lambda: None
    )
    hook_store.give_up()
    await watcher.cycle()
    assert (await runtime.database.read(lambda conn: webhooks.health_of(conn, runtime.id))).state == "deactivated"
    assert await runtime.database.write(alert_rows.take) == []
