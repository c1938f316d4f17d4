"""Bringing our webhook registrations at a store into order. What is to be done is `sync.hook_plan`'s."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bcifs_console.bigcommerce.errors import BigCommerceError, InvalidRequest, NotFound
from bcifs_console.bigcommerce.scopes import HOOK_HEADER
from bcifs_console.sync.hook_look import Look, destinations_of, look
from bcifs_console.sync.hook_plan import Step, may_be_left_out
from bcifs_console.sync.runtime import Runtime


@dataclass(frozen=True, slots=True)
class HookAction:
    """What was done about one registration: created, adopted, reactivated, moved, secret_renewed, deleted, kept; or
    refused, by the store, where it can be done without. `hook_id` is None where there is none."""

    scope: str
    hook_id: int | None
    action: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair found and did; `problem` is what ended it before its time."""

    look: Look
    actions: tuple[HookAction, ...]
    problem: BigCommerceError | None = None

    @property
    def changes(self) -> tuple[HookAction, ...]:
        """What was done, without what was in order."""
        return tuple(action for action in self.actions if action.action not in ("kept", "refused"))


async def repair(runtime: Runtime, *, insist: bool = False) -> Repaired:
    """Look, and do what is to be done. The caller writes down what came of it. Raises errors of looking only."""
    looked = await look(runtime, insist=insist)
    work = _Work(runtime, destinations_of(runtime.connection), looked.steps)
    try:
        await work.do()
    except BigCommerceError as problem:
        return Repaired(looked, tuple(work.done), problem)
    return Repaired(looked, tuple(work.done))


class _Work:
    """The calls of one repair, in an order that leaves no gap: what is wanted first, then the strays."""

    def __init__(self, runtime: Runtime, destinations: Mapping[str, str], steps: Sequence[Step]) -> None:
        self._runtime = runtime
        self._destinations = destinations
        self._steps = [step for step in steps if step.action != "deleted"]
        self._strays = [step for step in steps if step.action == "deleted"]
        self._gone: set[int] = set()
        self.done: list[HookAction] = []

    async def do(self) -> None:
        for step in self._steps:
            try:
                await self._bring_about(step)
            except InvalidRequest:
                if may_be_left_out(step):
                    self.done.append(HookAction(step.scope, None, "refused"))
                    continue
                if not await self._make_room():
                    raise
                await self._bring_about(step)
        await self._make_room(strays_only=True)

    async def _bring_about(self, step: Step) -> None:
        hook = step.hook
        if hook is not None and hook.id not in self._gone:
            try:
                if not step.is_kept:
                    changes: dict[str, Any] = dict(step.changes)
                    await self._runtime.store.update_hook(hook.id, **changes)
                self.done.append(HookAction(step.scope, hook.id, step.action))
                return
            except NotFound:
                self._gone.add(hook.id)  # somebody was faster: it is missing
        headers = {HOOK_HEADER: self._runtime.connection.hook_secret}
        made = await self._runtime.store.create_hook(step.scope, self._destinations[step.scope], headers)
        self.done.append(HookAction(step.scope, made.id, "created"))

    async def _make_room(self, *, strays_only: bool = False) -> bool:
        """Remove what is not needed, where the store is held to so many hooks; whether anything was there to remove."""
        spare = list(self._strays)
        if not strays_only:
            spare += [step for step in self._steps if may_be_left_out(step)]
        removed = False
        for step in spare:
            if step.hook is None or step.hook.id in self._gone:
                continue
            with contextlib.suppress(NotFound):
                await self._runtime.store.delete_hook(step.hook.id)
            self._gone.add(step.hook.id)
            self.done.append(HookAction(step.scope, step.hook.id, "deleted"))
            removed = True
        return removed


def told(actions: Sequence[HookAction]) -> str:
    """What was done, in words: `reactivated 10 webhooks, created 1`."""
    words = list(dict.fromkeys(action.action for action in actions))
    numbers = {word: sum(1 for action in actions if action.action == word) for word in words}
    return ", ".join(
        f"{word.replace('_', ' ')} {n}" + (f" webhook{'s' if n > 1 else ''}" if word == words[0] else "")
        for word, n in numbers.items()
    )
