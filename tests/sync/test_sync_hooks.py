"""Registering webhooks: created, adopted, reactivated, kept; never doubled; nothing of anyone else's touched."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import Unavailable
from bcifs_console.bigcommerce.hooks import Hook
from bcifs_console.bigcommerce.scopes import HOOK_HEADER, WANTED_SCOPES
from bcifs_console.store import health
from bcifs_console.sync import hooks
from bcifs_console.sync.runtime import Runtime
from tests.sync.conftest import MakeRuntime

SCOPE, OTHER = WANTED_SCOPES[0], WANTED_SCOPES[1]
ELSEWHERE = "https://other.example.com/in"


class Store:
    """A store's list of hooks, with what was done to it."""

    def __init__(self) -> None:
        self.rows: list[Hook] = []
        self.done: list[tuple[str, int]] = []
        self.broken_after: int | None = None

    def _note(self, what: str, number: int) -> None:
        if self.broken_after is not None and len(self.done) >= self.broken_after:
            raise Unavailable("down")
        self.done.append((what, number))

    async def hooks(self) -> list[Hook]:
        return list(self.rows)

    async def create_hook(self, scope: str, destination: str, headers: Mapping[str, Secret]) -> Hook:
        self._note("create", len(self.rows) + 1)
        made = hook(len(self.rows) + 1, scope, destination, headers)
        self.rows.append(made)
        return made

    async def update_hook(self, hook_id: int, **changes: Any) -> Hook:
        self._note("update", hook_id)
        index = next(i for i, row in enumerate(self.rows) if row.id == hook_id)
        if "headers" in changes:
            changes["headers"] = dict(changes["headers"])
        self.rows[index] = replace(self.rows[index], **changes)
        return self.rows[index]

    async def delete_hook(self, hook_id: int) -> None:
        self._note("delete", hook_id)
        self.rows = [row for row in self.rows if row.id != hook_id]


def hook(number: int, scope: str, destination: str, headers: Mapping[str, Secret] | None, active: bool = True) -> Hook:
    return Hook(id=number, scope=scope, destination=destination, is_active=active, headers=dict(headers or {}))


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def runtime(make_runtime: MakeRuntime, store: Store) -> Runtime:
    return make_runtime(store=store)


def ours(runtime: Runtime) -> tuple[str, dict[str, Secret]]:
    return hooks.destination_of(runtime.connection), {HOOK_HEADER: runtime.connection.hook_secret}


async def register(runtime: Runtime) -> dict[str, str]:
    actions = await hooks.register(runtime, actor="tester")
    assert [action.scope for action in actions] == list(WANTED_SCOPES)
    return {action.scope: action.action for action in actions}


async def test_everything_is_created_on_one_destination_with_our_secret(runtime: Runtime, store: Store) -> None:
    assert set((await register(runtime)).values()) == {"created"}
    destination, headers = ours(runtime)
    assert destination.startswith("https://hooks.example.com/webhooks/bigcommerce/")
    assert {row.destination for row in store.rows} == {destination}
    assert all(row.carries(HOOK_HEADER, headers[HOOK_HEADER]) for row in store.rows)
    assert sorted(row.scope for row in store.rows) == sorted(WANTED_SCOPES)
    records = await runtime.database.read(lambda conn: health.hooks(conn, runtime.id))
    assert {(r.scope, r.state) for r in records} == {(scope, "healthy") for scope in WANTED_SCOPES}


async def test_again_everything_is_kept(runtime: Runtime, store: Store) -> None:
    await register(runtime)
    store.done.clear()
    assert set((await register(runtime)).values()) == {"kept"}
    assert store.done == []


@pytest.mark.parametrize(
    "headers", [None, {HOOK_HEADER: Secret("of an earlier installation")}, {"X-Other": Secret("x")}]
)
async def test_a_hook_without_our_secret_is_adopted(
    runtime: Runtime, store: Store, headers: dict[str, Secret] | None
) -> None:
    destination, mine = ours(runtime)
    store.rows = [hook(77, SCOPE, destination, headers)]
    actions = await register(runtime)
    assert (actions[SCOPE], actions[OTHER]) == ("adopted", "created")
    assert store.rows[0].id == 77
    assert store.rows[0].carries(HOOK_HEADER, mine[HOOK_HEADER])
    assert len(store.rows) == len(WANTED_SCOPES)


async def test_an_inactive_hook_is_reactivated_with_our_secret(runtime: Runtime, store: Store) -> None:
    destination, mine = ours(runtime)
    store.rows = [hook(77, SCOPE, destination, None, active=False)]
    actions = await register(runtime)
    assert actions[SCOPE] == "reactivated"
    assert (store.rows[0].id, store.rows[0].is_active) == (77, True)
    assert store.rows[0].carries(HOOK_HEADER, mine[HOOK_HEADER])


async def test_hooks_of_other_destinations_are_left_alone(runtime: Runtime, store: Store) -> None:
    theirs = [hook(i, scope, ELSEWHERE, None, active=i % 2 == 0) for i, scope in enumerate(WANTED_SCOPES, 1)]
    store.rows = list(theirs)
    assert set((await register(runtime)).values()) == {"created"}
    assert [row for row in store.rows if row.destination == ELSEWHERE] == theirs
    await hooks.remove(runtime, actor="tester")
    assert store.rows == theirs


async def test_what_broke_off_is_completed_and_nothing_doubled(runtime: Runtime, store: Store) -> None:
    store.broken_after = 4
    with pytest.raises(Unavailable):
        await register(runtime)
    store.broken_after = None
    actions = await register(runtime)
    assert sorted(actions.values()) == ["created"] * (len(WANTED_SCOPES) - 4) + ["kept"] * 4
    assert len(store.rows) == len(WANTED_SCOPES)


async def test_check_says_how_each_one_is(runtime: Runtime, store: Store) -> None:
    await register(runtime)
    store.rows = [replace(store.rows[0], is_active=False), *store.rows[2:]]
    records = {record.scope: record for record in await hooks.check(runtime)}
    assert (records[SCOPE].state, records[SCOPE].is_active) == ("deactivated", False)
    assert (records[OTHER].state, records[OTHER].hook_id) == ("missing", 0)
    assert {records[scope].state for scope in WANTED_SCOPES[2:]} == {"healthy"}
    assert records[SCOPE].cause
    assert records[OTHER].cause


async def test_removing_is_noted(runtime: Runtime, store: Store) -> None:
    await register(runtime)
    actions = await hooks.remove(runtime, actor="tester")
    assert {action.action for action in actions} == {"deleted"}
    assert store.rows == []
    records = await runtime.database.read(lambda conn: health.hooks(conn, runtime.id))
    assert {record.state for record in records} == {"missing"}
