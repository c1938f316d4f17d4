"""The watcher: what it finds it repairs, writes down, and tells once; it touches only what a person registered."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import AuthenticationFailed, InvalidRequest, Unavailable
from bcifs_console.bigcommerce.hooks import BlockedDomain
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE, HOOK_HEADER, WANTED_SCOPES
from bcifs_console.domain.states import Side
from bcifs_console.store import alerts as alert_rows
from bcifs_console.store import connections, health, intake, webhooks
from bcifs_console.store.intake import Delivery
from bcifs_console.store.tables import journal, webhook_health
from bcifs_console.store.vault import Vault
from bcifs_console.store.webhooks import WebhookHealth
from bcifs_console.sync import hooks
from bcifs_console.sync.alerts import Alerts
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.watcher import Watcher
from tests.sync.conftest import TIMING, MakeRuntime
from tests.sync.hook_store import HookStore

SCOPE = WANTED_SCOPES[0]
INTERVAL = timedelta(minutes=1)


@dataclass
class Watch:
    """One connection with registered webhooks, and the process that watches them."""

    runtime: Runtime
    store: HookStore
    clock: ManualClock
    watcher: Watcher
    breakers: Breakers
    told: list[tuple[str, str, str]] = field(default_factory=list)
    polls: int = 0
    listens: bool = True
    owner: str = "w1"

    async def minute(self, minutes: int = 1) -> WebhookHealth:
        """Let so many minutes pass, with a look at the end of each."""
        for _ in range(minutes):
            self.clock.advance(60)
            await self.look()
        return await self.health()

    async def look(self) -> WebhookHealth:
        if self.listens:
            await self.runtime.database.write(lambda tx: health.beat(tx, self.owner, "all", {}))
        await self.watcher.cycle()
        return await self.health()

    async def health(self) -> WebhookHealth:
        return await self.runtime.database.read(lambda conn: webhooks.health_of(conn, self.runtime.id))

    async def sampled(self, **outcomes: int) -> None:
        """The listener counts deliveries."""
        for outcome, number in outcomes.items():
            sample = partial(webhooks.add_sample, connection_id=self.runtime.id, outcome=outcome, number=number)
            await self.runtime.database.write(sample)

    async def journal(self, event: str = "webhooks.state") -> list[dict[str, Any]]:
        query = select(journal.c.detail).where(journal.c.event == event, journal.c.actor == "watcher")
        ordered = query.order_by(journal.c.id)
        read = self.runtime.database.read
        return [json.loads(text) for text in await read(lambda conn: list(conn.execute(ordered).scalars()))]


@pytest.fixture
def store() -> HookStore:
    return HookStore()


@pytest.fixture
async def watch(make_runtime: MakeRuntime, store: HookStore, clock: ManualClock) -> Watch:
    runtime = make_runtime(store=store)
    return await watching(runtime, store, clock, {runtime.id: runtime})


async def watching(
    runtime: Runtime, store: HookStore, clock: ManualClock, runtimes: dict[int, Runtime], *, registered: bool = True
) -> Watch:
    breakers = Breakers(runtime.database, TIMING)
    made: list[Watch] = []

    async def send(title: str, body: str, level: str) -> bool:
        made[0].told.append((level, title, body))
        return True

    def poll() -> None:
        made[0].polls += 1

    alerts = Alerts(runtime.database, send)
    watcher = Watcher(runtime.database, runtimes, breakers, alerts, interval=INTERVAL, on_gap=poll)
    made.append(Watch(runtime, store, clock, watcher, breakers))
    if registered:
        await hooks.register(runtime, actor="tester")
        await made[0].look()
        store.done.clear()
    return made[0]


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
    make_runtime: MakeRuntime, store: HookStore, clock: ManualClock
) -> None:
    runtime = make_runtime(store=store)
    watch = await watching(runtime, store, clock, {runtime.id: runtime}, registered=False)
    assert (await watch.look()).registered is False
    await hooks.register(runtime, actor="tester")
    await hooks.remove(runtime, actor="tester")
    store.done.clear()
    assert (await watch.minute()).registered is False
    assert (store.done, watch.told, watch.polls) == ([], [], 0)


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
    make_runtime: MakeRuntime, store: HookStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = make_runtime(store=HookStore(), name="broken"), make_runtime(store=store)
    watch = await watching(fine, store, clock, {broken.id: broken, fine.id: fine})
    await hooks.register(broken, actor="tester")
    whole = watch.watcher.look

    async def look(runtime: Runtime) -> WebhookHealth | None:
        if runtime is broken:
            raise Problem("the disk", kind=ProblemKind.TRANSIENT)
        return await whole(runtime)

    monkeypatch.setattr(watch.watcher, "look", look)
    store.give_up()
    assert (await watch.minute()).state == "deactivated"


# -- what the listener counts ------------------------------------------------------------------------------------------


async def test_a_burst_of_wrong_signatures_says_that_the_secret_is_wrong(watch: Watch) -> None:
    await watch.sampled(wrong_signature=5)
    found = await watch.minute()
    assert (found.state, *found.kinds) == ("degraded", "refused:wrong_signature")
    assert "client secret" in found.cause
    assert found.failing_since is not None
    await watch.sampled(wrong_signature=50)
    await watch.minute()
    assert len(watch.told) == 1  # another number is no change
    assert (await watch.minute(11)).state == "healthy"


async def test_our_own_ratio_against_the_line(watch: Watch) -> None:
    await watch.sampled(accepted=85, too_slow=15)
    found = await watch.minute()
    assert found.state == "degraded"
    assert "85%" in found.cause
    found = await watch.minute(3)
    assert "ratio" not in found.kinds  # two minutes are over


async def test_neighbours_on_the_same_host_pull_us_down(
    make_runtime: MakeRuntime, store: HookStore, clock: ManualClock
) -> None:
    mine, other = make_runtime(store=store), make_runtime(store=HookStore(), name="neighbour")
    watch = await watching(mine, store, clock, {mine.id: mine, other.id: other})
    await watch.runtime.database.write(lambda tx: webhooks.add_sample(tx, other.id, "no_event", 50))
    await watch.sampled(accepted=60)
    found = await watch.minute()
    assert found.kinds == {"ratio"}
    assert "all connections on this host" in found.cause


async def test_samples_are_kept_for_a_day(watch: Watch) -> None:
    await watch.sampled(accepted=7)
    at = watch.clock.now()

    async def kept() -> dict[str, int]:
        return await watch.runtime.database.read(lambda conn: webhooks.sampled(conn, watch.runtime.id, at))

    watch.clock.advance(23 * 3600)
    await watch.look()
    assert await kept() == {"accepted": 7}
    watch.clock.advance(3600)
    await watch.minute()
    assert await kept() == {}


async def test_what_the_store_reports_to_the_exceptions_hook(watch: Watch) -> None:
    body = json.dumps({"data": {"type": "webhook", "id": 1, "error_code": 90001}})
    notice = Delivery(watch.runtime.id, "n1", DELIVERY_EXCEPTION_SCOPE, None, None, body)
    watch.clock.advance(5)
    await intake.accept(watch.runtime.database, notice)
    found = await watch.minute()
    assert (found.state, *found.kinds) == ("degraded", "notice")
    assert (await watch.minute()).state == "healthy"


# -- what the poll saw -------------------------------------------------------------------------------------------------


async def compared(watch: Watch, *, missed: int, heard: int) -> None:
    at = watch.clock.now()
    await watch.runtime.database.write(
        lambda tx: health.note_missed(tx, watch.runtime.id, seen_by_poll_only=missed, seen_by_hook=heard, at=at)
    )


async def test_silence_is_seen_by_what_the_poll_finds(watch: Watch) -> None:
    await watch.minute(15)
    await compared(watch, missed=3, heard=0)
    found = await watch.minute()
    assert (found.state, watch.polls) == ("silent", 1)
    assert "bcifs webhooks test" in found.remedy
    await compared(watch, missed=0, heard=50)
    assert (await watch.minute()).state == "degraded"
    assert (await watch.minute(62)).state == "healthy"


async def test_what_an_outage_hid_is_no_new_silence(watch: Watch) -> None:
    watch.store.give_up()
    await watch.minute()
    await compared(watch, missed=30, heard=0)  # the poll after the repair finds what happened meanwhile
    assert (await watch.minute()).state == "healthy"


# -- the listener is away ----------------------------------------------------------------------------------------------


async def test_a_gap_of_the_listener_is_told_and_polled_for(watch: Watch) -> None:
    await watch.minute()
    last_seen = watch.clock.now()
    watch.clock.advance(72 * 3600)
    watch.owner = "w2"  # the service was started anew
    watch.store.give_up()
    found = await watch.look()
    assert found.state == "deactivated"
    assert found.kinds == {"deactivated", "gap"}
    assert (found.failing_since, watch.polls) == (last_seen, 1)
    ((gap,),) = [await watch.journal("webhooks.gap")]
    assert gap["hours"] == 72.0
    assert datetime.fromisoformat(gap["since"]) == last_seen
    assert (await watch.minute()).state == "healthy"


async def test_a_restart_is_no_gap(watch: Watch) -> None:
    watch.clock.advance(50)
    watch.owner = "w2"
    found = await watch.look()
    assert (found.state, watch.polls) == ("healthy", 0)


async def test_no_listener_at_all(watch: Watch) -> None:
    watch.listens = False
    found = await watch.minute()
    assert (found.state, *found.kinds) == ("silent", "no_listener")
    assert found.failing_since == watch.clock.now() - INTERVAL


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
    make_runtime: MakeRuntime, store: HookStore, clock: ManualClock
) -> None:
    runtime = make_runtime(store=store)
    await hooks.register(runtime, actor="tester")
    alerts = Alerts(runtime.database, None)
    runtimes = {runtime.id: runtime}
    watcher = Watcher(
        runtime.database, runtimes, Breakers(runtime.database, TIMING), alerts, interval=INTERVAL, on_gap=lambda: None
    )
    store.give_up()
    await watcher.cycle()
    assert (await runtime.database.read(lambda conn: webhooks.health_of(conn, runtime.id))).state == "deactivated"
    assert await runtime.database.read(alert_rows.newest) == []
