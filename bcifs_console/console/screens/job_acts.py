"""What the keys of the Jobs screen do: the operation, what is said about it, and how it is taken back."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bcifs_console.operations import order_due, problems
from bcifs_console.operations.context import Context
from bcifs_console.operations.problems import Asked
from bcifs_console.store.views.jobs import Job, Release
from bcifs_console.store.views.problems import ProblemGroup

if TYPE_CHECKING:
    from bcifs_console.console.app import ConsoleApp


async def retry_groups(desk: "ConsoleApp", meant: Sequence[ProblemGroup]) -> None:
    """One order of each group first, the rest behind it. Raises ReadOnly and store problems."""
    asked = await desk.gateway.act(partial(problems.retry_groups, groups=meant))
    if not asked:
        desk.say("Nothing left to try: it has been settled meanwhile.")
        return
    waiting = [each for each in asked if len(each.orders) > 1]
    desk.notify_done(told(asked), partial(_hold_back, asked=waiting) if waiting else None)


def told(asked: Sequence[Asked]) -> str:
    """What is said of groups that are tried again."""
    if len(asked) > 1:
        behind = sum(len(each.orders) - 1 for each in asked)
        return f"Trying {len(asked):,} causes again: one order of each first, {behind:,} behind them"
    (only,) = asked
    behind = len(only.orders) - 1
    follow = f"; {behind:,} {'follows' if behind == 1 else 'follow'} once it is in IFS" if behind else ""
    return f"Order {only.canary} is tried again{follow}"


def _hold_back(context: Context, *, asked: Sequence[Asked]) -> None:
    """What is due stays due; the orders behind it do not go."""
    for each in asked:
        problems.give_up(context, each.group)


async def give_up(desk: "ConsoleApp", retry: Release) -> None:
    """End the retry. Raises ReadOnly and store problems."""
    assert retry.group is not None, "only retries of groups are given up"
    if await desk.gateway.act(partial(problems.give_up, group=retry.group)):
        desk.notify_done(f"{retry.waiting:,} orders behind {retry.canary} stay where they are")
    else:
        desk.say("It had ended already.")


async def look_now(desk: "ConsoleApp", job: Job) -> None:
    """Look at one order now. Raises ReadOnly and store problems."""
    await desk.gateway.act(partial(order_due.sync, order_ids=[job.order_id], connection=job.connection))
    desk.notify_done(f"Order {job.order_id} is due now")
