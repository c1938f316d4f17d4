"""Trying problems again by cause: one order of each group first, the rest when it got through."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.operations.context import Context
from bcifs_console.operations.working import Waited, wait_for
from bcifs_console.store import group_retries
from bcifs_console.store.database import Tx
from bcifs_console.store.group_retries import Group, RetryState
from bcifs_console.store.views import problems as views
from bcifs_console.store.views.problems import ProblemGroup
from bcifs_console.sync.group_retrying import group_retry_step


class NoSuchProblem(Problem):
    """No order waits or failed for this."""

    kind = ProblemKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Asked:
    """A group that is tried again: its orders, the canary first."""

    group: Group
    connection: str
    orders: tuple[int, ...]

    @property
    def canary(self) -> int:
        return self.orders[0]


def retry(context: Context, cause: str | None = None, *, connection: str | None = None) -> list[Asked]:
    """Try the groups of this cause (or of this class: `failed`, `mapping` …) again; all of them where it is None.

    Raises NoSuchProblem where no order waits or failed for it.
    """
    connection_id = context.connection_id(connection) if connection is not None else None
    found = context.store.database.read_sync(lambda conn: views.groups(conn, limit=None))
    meant = [
        each
        for each in found
        if (connection_id is None or each.group.connection_id == connection_id)
        and (cause is None or cause in (each.group.cause, each.group.kind))
    ]
    if not meant:
        raise NoSuchProblem(
            "No order waits or failed." if cause is None else f"No order waits or failed because of {cause!r}.",
            remedy="" if cause is None else "See what there is, under `key`: bcifs problems list --json",
        )
    return retry_groups(context, meant)


def retry_groups(context: Context, groups: Sequence[ProblemGroup]) -> list[Asked]:
    """Try these groups again, all in one transaction. A group that is empty by now is left out."""

    def write(tx: Tx) -> list[Asked]:
        asked = [
            Asked(each.group, each.connection, group_retries.begin(tx, each.group, actor=context.actor))
            for each in groups
        ]
        return [each for each in asked if each.orders]

    return context.store.database.write_sync(write)


def give_up(context: Context, group: Group) -> bool:
    """Let nothing more of the group go. What is due already stays due. False where no retry was under way."""
    return context.store.database.write_sync(lambda tx: group_retries.give_up(tx, group, actor=context.actor))


async def wait_for_groups(context: Context, asked: Sequence[Asked], timeout_s: float) -> Waited:
    """Wait for the outcome of canaries and, where those got through, of the rest. Raises as `wait_for` does."""
    end = context.clock.monotonic() + timeout_s
    orders: dict[int, set[int]] = defaultdict(set)
    for each in asked:
        orders[each.group.connection_id].update(each.orders)
    waited = [
        await _follow(context, connection_id, {each.group for each in asked}, of_connection, end)
        for connection_id, of_connection in orders.items()
    ]
    return Waited(
        tuple(order for each in waited for order in each.orders),
        any(each.timed_out for each in waited),
        tuple(pause for each in waited for pause in each.paused),
    )


async def _follow(
    context: Context, connection_id: int, groups: Collection[Group], orders: Collection[int], end: float
) -> Waited:
    """Follow one connection's retries until none has a canary on its way, then wait for whatever was let go."""
    database = context.store.database

    def canaries(conn: Connection) -> list[int]:
        under_way = (each for each in group_retries.every(conn, connection_id) if each.state is RetryState.CANARY)
        return [each.canary for each in under_way if each.group in groups]

    def left_s() -> float:
        return max(0.0, end - context.clock.monotonic())

    while going := await database.read(canaries):
        waited = await wait_for(context, connection_id, going, left_s())
        if waited.timed_out:
            break
        await group_retry_step(database, connection_id)
    return await wait_for(context, connection_id, orders, left_s())
