"""What the Webhooks screen does: look, ask, act, tell. Each task is one key; how things are shown is the screen's.

The operations come with both clients, so they are imported when a task first needs them.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from bcifs_console.base.problems import Problem
from bcifs_console.console.widgets.webhook_rows import scope_text
from bcifs_console.operations import order_due
from bcifs_console.operations.context import Context
from bcifs_console.operations.webhook_overview import WebhookOverview

if TYPE_CHECKING:
    from bcifs_console.console.app import ConsoleApp

T = TypeVar("T")

#: What is done to a registration, as it is announced.
_VERBS: Final = {
    "created": "register",
    "adopted": "take over",
    "reactivated": "switch on",
    "moved": "move back",
    "secret_renewed": "give our secret to",
    "deleted": "delete",
}


class WebhookTasks:
    """The tasks of one screen; run them in a worker, for they ask and wait. Raise what the operations raise."""

    def __init__(self, desk: "ConsoleApp", tell: Callable[[str], None], is_in_front: Callable[[], bool]) -> None:
        """`tell` is called with what is going on at this moment, "" when it has ended."""
        self._desk = desk
        self._tell = tell
        self._is_in_front = is_in_front

    async def repair(self, found: WebhookOverview) -> None:
        """Show what would be put right, ask, do it, and poll."""
        from bcifs_console.operations import hooks

        plan = await self._look("asking BigCommerce …", partial(hooks.preview, connection=found.name))
        if not plan:
            self._done(found, "every registration is in order; nothing to repair at the store")
            return
        if self._came_late("r", found):
            return
        lines = [f"{_VERBS[step.action]} {scope_text(step.scope)}: {_lowered(step.cause)}" for step in plan]
        lines.append("Then the store is polled for what no webhook told of.")
        if await self._desk.confirm(f"Repair the webhooks of {found.name}", lines, count=len(plan)):
            done = await self._act("repairing, then polling …", partial(hooks.repair, connection=found.name))
            self._done(found, hooks.in_words(done) or "nothing was left to repair")

    async def register(self, found: WebhookOverview) -> None:
        """Register what is wanted, after asking."""
        from bcifs_console.operations import hooks

        plan = await self._look("asking BigCommerce …", partial(hooks.preview, connection=found.name))
        if self._came_late("n", found):
            return
        lines = [f"{_VERBS[step.action]} {scope_text(step.scope)}" for step in plan]
        lines.append("From then on the service looks at them every minute and repairs them by itself.")
        if await self._desk.confirm(f"Register the webhooks of {found.name}", lines, count=len(plan)):
            done = await self._act("registering …", partial(hooks.register, connection=found.name))
            self._done(found, hooks.in_words(done) or "everything was registered already")

    async def renew_secret(self, found: WebhookOverview) -> None:
        """Give every hook a new secret header, after asking."""
        from bcifs_console.operations import hooks

        lines = [
            "Every hook gets a new secret header once every listener accepts it beside the present one.",
            "The old one is accepted for another 49 hours, for deliveries that are tried again.",
        ]
        title = f"A new secret for the webhooks of {found.name}"
        if await self._desk.confirm(title, lines, danger=True, count=len(found.hooks)):
            renew = partial(hooks.register, connection=found.name, new_secret=True)
            done = await self._act("renewing the secret …", renew)
            self._done(found, hooks.in_words(done) or "the hooks have it already")

    async def test(self, found: WebhookOverview) -> None:
        """Deliver a harmless event to ourselves. Raises Problem where it does not arrive."""
        from bcifs_console.operations import hook_trial

        rows = await self._act("delivering to ourselves …", partial(hook_trial.trial, connection=found.name))
        for row in rows:
            if row["verdict"] != "ok":
                raise Problem(f"{found.name}: the test delivery failed. {row['detail']}", remedy=row["remedy"])
        self._done(found, f"the test delivery was {rows[0]['detail']}")

    async def poll(self, found: WebhookOverview) -> None:
        """Ask the store for what changed."""
        from bcifs_console.operations import hooks

        polled = await self._act("polling …", partial(hooks.poll_now, connection=found.name))
        seen = sum(result.seen for _, result in polled)
        marked = sum(result.marked for _, result in polled)
        orders = "order" if seen == 1 else "orders"
        self._done(found, f"polled; {seen} changed {orders} seen, {marked} to be looked at")

    async def look_again(self, connection_id: int, order_id: int) -> None:
        """Make the order due, as its delivery did. Trouble is told."""
        look = partial(order_due.look_now, connection_id=connection_id, order_ids=[order_id])
        await self._desk.carry_out(look, lambda _: self._desk.notify_done(f"Order {order_id} is looked at again"))

    # -- how it is done ----------------------------------------------------------------------------------------------

    def _came_late(self, key: str, found: WebhookOverview) -> bool:
        """Whether the person has gone on meanwhile: over another screen a key meant for that one would answer."""
        if self._is_in_front():
            return False
        self._desk.say(f"BigCommerce has answered: press {key} again on Webhooks to see what is done for {found.name}.")
        return True

    async def _look(self, busy: str, run: Callable[[Context], Awaitable[T]]) -> T:
        self._tell(busy)
        try:
            found: T = await self._desk.gateway.look(run)
        finally:
            self._tell("")
        return found

    async def _act(self, busy: str, run: Callable[[Context], Awaitable[T]]) -> T:
        self._tell(busy)
        try:
            found: T = await self._desk.gateway.act(run)
        finally:
            self._tell("")
        return found

    def _done(self, found: WebhookOverview, what: str) -> None:
        self._desk.notify_done(f"{found.name}: {what}.")


def _lowered(cause: str) -> str:
    return cause[:1].lower() + cause[1:]
