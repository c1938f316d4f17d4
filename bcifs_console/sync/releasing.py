"""Letting orders go that wait for a mapping rule, once it is saved: exactly those, one first, then the rest.

A step at a time, asked for by the service every second; the state between is in `store.mapping_releases`, so a crash
loses nothing. Who waited for the rule is found by the time machine: the order as it was read, planned under the rules
before and under those in force now. Nothing is called here.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Connection

from bcifs_console.accounting.mapping import facts_of_buyer, resolve
from bcifs_console.accounting.replay import Effect, Past, Replayed, compare, replay
from bcifs_console.domain.buyers import buyer_of
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.rules import Policy, Purpose, Rules
from bcifs_console.domain.states import OrderState
from bcifs_console.store import health, mapping_releases, past, rules
from bcifs_console.store.mapping_releases import MappingRelease, ReleaseState, Standing
from bcifs_console.store.past import KeptOrder

if TYPE_CHECKING:
    from bcifs_console.sync.runtime import Runtime  # with both clients: the console previews releases without them

_log: Final = structlog.get_logger(__name__)
_ACTOR: Final = "service"
#: Where several workers live, each takes new rules over within a second; an order let go must not meet one with old.
_TAKEN_OVER: Final = timedelta(seconds=2)
#: IFS refused a sales part that a rule, or the SKU itself, named (`looking`).
_SALES_PART: Final = "sales_part "

#: What a canary may wait for that says nothing of the cause it was tried for, a person's decision or the store; and
#: what only an order with a good mapping gets to, a closed period.
ELSEWHERE: Final = frozenset({Reason.CUSTOMER.value, Reason.STATUS.value})
_BEHIND_IT: Final = frozenset({Reason.PERIOD.value})


@dataclass(frozen=True, slots=True)
class Affected:
    """An order that waited for the rules that were saved, and what it will go on waiting for."""

    order_id: int
    foreseen: frozenset[str]  #: subjects of mapping problems that stay
    is_free: bool  #: nothing at all stands in its way any more, as far as we know

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """The best canary first: one that should go all the way, the oldest of them."""
        return (not self.is_free, bool(self.foreseen), self.order_id)


async def release_step(runtime: "Runtime") -> None:
    """Go one step on with the connection's release, if it has one. Raises StoreProblem."""
    database, connection_id = runtime.database, runtime.id
    release = await database.read(lambda conn: mapping_releases.find(conn, connection_id))
    if release is None:
        return
    if release.state is ReleaseState.SAVED:
        if await database.read(lambda conn: _is_taken_over(conn, runtime, release)):
            await _begin(runtime, release)
    else:
        await _follow(runtime, release)


def _is_taken_over(conn: Connection, runtime: "Runtime", release: MappingRelease) -> bool:
    """Whether every worker works with the rules that were saved."""
    now = runtime.clock.now()
    workers = [beat for beat in health.living(conn, now) if beat.role in ("all", "worker")]
    if len(workers) > 1 and now < release.saved_at + _TAKEN_OVER:
        return False
    return rules.in_force(conn, runtime.id) == runtime.rules


# -- who waited ------------------------------------------------------------------------------------------------------


async def _begin(runtime: "Runtime", release: MappingRelease) -> None:
    """Find who waited, and let the first of them go."""
    await runtime.database.write(lambda tx: mapping_releases.look_again(tx, runtime.id))
    await _send(runtime, release, await _who_waited(runtime, release))


async def _who_waited(
    runtime: "Runtime", release: MappingRelease, *, among: Collection[int] | None = None
) -> list[Affected]:
    """The orders that waited for the rules, the best canary first."""

    def read(conn: Connection) -> tuple[list[Standing], list[KeptOrder]]:
        waiting = mapping_releases.standings(conn, runtime.id)
        asked = [standing for standing in waiting if among is None or standing.order_id in among]
        return asked, past.of_orders(conn, runtime.id, [standing.order_id for standing in asked])

    waiting, kept = await runtime.database.read(read)
    found = await asyncio.to_thread(affected, waiting, kept, release.before, runtime.rules, runtime.policy)
    return sorted(found, key=lambda each: each.rank)


def affected(
    waiting: Sequence[Standing], kept: Sequence[KeptOrder], before: Rules, after: Rules, policy: Policy
) -> list[Affected]:
    """Those of the waiting orders that wait for something that the rules before did not say and `after` does.

    Pure. An order whose snapshot can no longer be read is left alone.
    """
    by_id = {standing.order_id: standing for standing in waiting}
    found = []
    for each in kept:
        order = past_of(each)
        if order is None:
            continue
        standing = by_id[each.order_id]
        was, becomes = replay(order, before, policy), replay(order, after, policy)
        stays = frozenset(blocker.subject for blocker in becomes.unmapped)
        is_known = standing.waits_for_a_customer and _is_told(order.order, before, after)
        if is_known or any(_is_resolved(subject, was, becomes, policy) for subject in standing.unmapped):
            settled = {Reason.MAPPING.value, *((Reason.CUSTOMER.value,) if is_known else ())}
            others = any(reason not in settled for reason, _ in standing.problems)
            found.append(Affected(each.order_id, stays, is_free=not becomes.blockers and not others))
    return found


def past_of(kept: KeptOrder) -> Past | None:
    """A kept order for the time machine; None where its snapshot can no longer be read."""
    try:
        return Past.of(
            kept.snapshot,
            kept.draft,
            seen_at=kept.fetched_at,
            customer_id=kept.customer_id,
            is_named=kept.is_named,
        )
    except ValueError:
        return None


def _is_told(order: Order, before: Rules, after: Rules) -> bool:
    """Whether the new rules name another customer for the order's buyer than the old ones did."""
    facts = facts_of_buyer(buyer_of(order))
    was, becomes = resolve(before, Purpose.CUSTOMER, facts), resolve(after, Purpose.CUSTOMER, facts)
    return becomes is not None and (was is None or was.result != becomes.result)


def _is_resolved(subject: str, was: Replayed, becomes: Replayed, policy: Policy) -> bool:
    """Whether what the order waits for is settled by the new rules, as far as it can be told without asking IFS."""
    missing_before = {blocker.subject for blocker in was.unmapped}
    missing_now = {blocker.subject for blocker in becomes.unmapped}
    if subject in missing_before:
        return subject not in missing_now
    if subject.startswith(_SALES_PART):
        part = subject.removeprefix(_SALES_PART)
        # Where the rules hold the order back altogether, nobody can say which parts it would come to.
        return bool(becomes.documents) and part not in {li.catalog_no for d in becomes.documents for li in d.lines}
    # IFS refused what the rules gave: any other answer of theirs is worth a try.
    return compare(was, becomes, policy).effect is not Effect.SAME


# -- canary and rest -------------------------------------------------------------------------------------------------


async def _send(runtime: "Runtime", release: MappingRelease, found: Sequence[Affected]) -> None:
    database = runtime.database
    if not found:
        await database.write(lambda tx: mapping_releases.let_go(tx, release, (), actor=_ACTOR))
        return
    first, rest = found[0], [each.order_id for each in found[1:]]
    await database.write(
        lambda tx: mapping_releases.send_canary(tx, release, first.order_id, first.foreseen, rest, actor=_ACTOR)
    )
    _log.info("mapping_canary", order=first.order_id, waiting=len(rest))


async def _follow(runtime: "Runtime", release: MappingRelease) -> None:
    """See how the canary fared. One that was stuck and got through after all lets the rest go, too."""
    database, canary = runtime.database, release.canary
    assert canary is not None, "a release in this state has one"
    (standing,) = await database.read(lambda conn: mapping_releases.standings(conn, runtime.id, order_id=canary))
    match fate(standing, release.foreseen):
        case Fate.UNDER_WAY:
            return
        case Fate.STUCK if release.state is ReleaseState.STOPPED:
            return
        case Fate.THROUGH:
            await database.write(lambda tx: mapping_releases.let_go(tx, release, release.orders, actor=_ACTOR))
            _log.info("mapping_released", canary=canary, orders=len(release.orders))
        case Fate.ELSEWHERE:
            await _send(runtime, release, await _who_waited(runtime, release, among=release.orders))
        case Fate.STUCK:
            note = f"Order {canary} did not get through with the new rules: {standing.error}"
            await database.write(lambda tx: mapping_releases.stop(tx, release, note, actor=_ACTOR))
            _log.warning("mapping_release_stopped", canary=canary, waiting=len(release.orders), error=standing.error)


class Fate(StrEnum):
    """How a canary fares."""

    UNDER_WAY = "under_way"
    THROUGH = "through"
    ELSEWHERE = "elsewhere"  #: its mapping was not tried: it waits for what comes before, or was left out
    STUCK = "stuck"


def fate(canary: Standing, foreseen: frozenset[str]) -> Fate:
    """How the canary fares. It is through when it is in IFS, or waits for nothing but what was foreseen."""
    match canary.state:
        case OrderState.DUE | OrderState.WORKING:
            return Fate.UNDER_WAY
        case OrderState.FAILED:
            return Fate.STUCK
        case OrderState.SYNCED:
            return Fate.THROUGH
        case OrderState.SKIPPED | OrderState.IGNORED:
            return Fate.ELSEWHERE
        case OrderState.WAITING:
            return _fate_of_waiting(canary, foreseen)


def _fate_of_waiting(canary: Standing, foreseen: frozenset[str]) -> Fate:
    others = {reason for reason, _ in canary.problems if reason != Reason.MAPPING.value}
    if canary.unmapped - foreseen or others - ELSEWHERE - _BEHIND_IT:
        return Fate.STUCK
    return Fate.ELSEWHERE if others & ELSEWHERE else Fate.THROUGH
