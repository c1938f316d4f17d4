"""A store's list of webhooks, as the client shows it, with what was done to it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import BigCommerceError, InvalidRequest, NotFound, Unavailable
from bcifs_console.bigcommerce.hooks import BlockedDomain, Hook, HooksAdmin, HookState, HookStatus


def hook(
    number: int,
    scope: str,
    destination: str,
    headers: Mapping[str, Secret] | None = None,
    *,
    active: bool = True,
) -> Hook:
    return Hook(id=number, scope=scope, destination=destination, is_active=active, headers=dict(headers or {}))


class HookStore:
    """Takes the place of the client. `broken_after` calls that change something it is down; `in_all` hooks are the
    most it has; `given_up` are the ones that it deactivated itself."""

    def __init__(self) -> None:
        self.rows: list[Hook] = []
        self.done: list[tuple[str, int]] = []
        self.broken_after: int | None = None
        self.trouble: BigCommerceError | None = None
        self.in_all: int | None = None
        self.given_up: set[int] = set()
        self.blocked: tuple[BlockedDomain, ...] = ()
        self.has_admin = True

    def _note(self, what: str, number: int) -> None:
        if self.broken_after is not None and len(self.done) >= self.broken_after:
            raise Unavailable("down")
        self.done.append((what, number))

    async def hooks(self) -> list[Hook]:
        if self.trouble is not None:
            raise self.trouble
        return list(self.rows)

    async def hooks_admin(self) -> HooksAdmin:
        if not self.has_admin:
            raise NotFound("no such thing", status=404)
        return HooksAdmin((), tuple(self._state(row) for row in self.rows), self.blocked)

    def _state(self, row: Hook) -> HookState:
        gave_up = row.id in self.given_up and not row.is_active
        off = HookStatus.DEACTIVATED if gave_up else HookStatus.INACTIVE
        return HookState(row.id, row.scope, row.destination, HookStatus.ACTIVE if row.is_active else off)

    async def create_hook(self, scope: str, destination: str, headers: Mapping[str, Secret]) -> Hook:
        if self.in_all is not None and len(self.rows) >= self.in_all:
            raise InvalidRequest("POST /v3/hooks", 422, ("too many",))
        number = max((row.id for row in self.rows), default=0) + 1
        self._note("create", number)
        made = hook(number, scope, destination, headers)
        self.rows.append(made)
        return made

    async def update_hook(self, hook_id: int, **changes: Any) -> Hook:
        index = next((i for i, row in enumerate(self.rows) if row.id == hook_id), None)
        if index is None:
            raise NotFound("gone", status=404)
        self._note("update", hook_id)
        if "headers" in changes:
            changes["headers"] = dict(changes["headers"])
        self.rows[index] = replace(self.rows[index], **changes)
        return self.rows[index]

    async def delete_hook(self, hook_id: int) -> None:
        self._note("delete", hook_id)
        self.rows = [row for row in self.rows if row.id != hook_id]

    # -- what happens to them there ----------------------------------------------------------------------------------

    def of(self, scope: str) -> list[Hook]:
        return [row for row in self.rows if row.scope == scope]

    def change(self, scope: str, **changes: Any) -> None:
        """Somebody changes the hooks of a scope."""
        self.rows = [replace(row, **changes) if row.scope == scope else row for row in self.rows]

    def drop(self, scope: str) -> None:
        """Somebody deletes the hooks of a scope."""
        self.rows = [row for row in self.rows if row.scope != scope]

    def give_up(self) -> None:
        """Every attempt of a delivery of each hook has failed."""
        self.given_up = {row.id for row in self.rows}
        self.rows = [replace(row, is_active=False) for row in self.rows]
