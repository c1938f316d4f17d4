"""What webhooks should have told of, and whether one did: the true miss rate, of all changes and by hook (DESIGN §9).

The poll is the witness of changes and of new orders, the readings of orders are of what else happened to them. When
what is missed makes a hook silent is decided by `sync.diagnosis`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bcifs_console.domain.orders import Order
from bcifs_console.domain.webhooks import registered_as
from bcifs_console.store import health, intake, webhooks
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.webhooks import HEARD, MISSED, SAMPLES_KEPT

_JUDGED: Final = "hooks_judged"
#: Events carry whole seconds and clocks differ a little: an event may seem to be so much older than what it tells of.
_CLOCKS_DIFFER: Final = timedelta(seconds=5)
#: So many facts are kept until they can be judged; of a backfill of years no more are needed to know a hook.
_MOST_KEPT: Final = 10_000

_CREATED: Final = "store/order/created"
#: A change of status fires both (facts §2.2).
_AT_A_STATUS: Final = ("store/order/statusUpdated", "store/order/updated")
_TRANSACTION: Final = "store/order/transaction/created"
_SHIPMENT: Final = "store/shipment/created"
_REFUND: Final = "store/order/refund/created"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to an order, and the scope of the event that should tell of it.

    `after` is set where `at` is only the latest moment that it may have happened: it was later than `after`.
    """

    scope: str
    order_id: int
    at: datetime
    after: datetime | None = None

    def is_told(self, hook_scope: str, told: Mapping[str, datetime]) -> bool:
        """Whether an event came by that hook. `told`: the newest events about the order, by scope.

        What a wildcard hook puts in `scope` is undocumented (facts §2.2): any event of its family counts.
        """
        newest = max((at for scope, at in told.items() if hook_scope in registered_as(scope)), default=None)
        if newest is None:
            return False
        return newest >= self.at - _CLOCKS_DIFFER or (self.after is not None and newest > self.after)


def news(before: Order | None, order: Order) -> Iterator[Fact]:
    """What a reading shows of an order that the one before did not; every movement where it is the first."""
    if before is not None and before.status_id != order.status_id:
        for scope in _AT_A_STATUS:
            yield Fact(scope, order.id, order.modified_at, after=before.modified_at)
    for scope, known, now in (
        (_TRANSACTION, before and before.tenders, order.tenders),
        (_SHIPMENT, before and before.shipments, order.shipments),
        (_REFUND, before and before.refunds, order.refunds),
    ):
        ids = {movement.id for movement in known or ()}
        yield from (Fact(scope, order.id, movement.created_at) for movement in now or () if movement.id not in ids)


class Facts:
    """What readings of orders found new and nobody has judged yet. In memory: it is evidence, not work."""

    def __init__(self) -> None:
        self._kept: dict[Fact, None] = {}

    def compare(self, before: Order | None, order: Order, now: datetime) -> None:
        """Keep what this reading shows and the one before did not, as far as samples go back."""
        for fact in news(before, order):
            if fact.at > now - SAMPLES_KEPT and len(self._kept) < _MOST_KEPT:
                self._kept[fact] = None

    def until(self, moment: datetime) -> list[Fact]:
        """Those that happened by `moment`."""
        return [fact for fact in self._kept if fact.at <= moment]

    def forget(self, judged: Iterable[Fact]) -> None:
        """They have been judged."""
        for fact in judged:
            self._kept.pop(fact, None)


@dataclass(slots=True)
class Witness:
    """Which changes one poll saw that a webhook should have told of.

    A change counts once, when it is older than the grace a webhook has. The first poll of a connection only says from
    when on changes count: there may have been no hooks before.
    """

    database: Database
    connection_id: int
    facts: Facts
    until: datetime  #: what happened later has its grace still
    changed: dict[int, datetime] = field(default_factory=dict)
    placed: dict[int, datetime] = field(default_factory=dict)

    def saw(self, order: Order) -> None:
        """The order as it changed last; an earlier change of it is hidden by that."""
        self.changed[order.id] = order.modified_at
        self.placed[order.id] = order.placed_at

    async def testify(self) -> None:
        """Count the changes since the last time, and what readings found, by whether a webhook told of them."""
        found = self.facts.until(self.until)
        await self.database.write(lambda tx: self._judge(tx, found))
        self.facts.forget(found)

    def _judge(self, tx: Tx, found: Sequence[Fact]) -> None:
        value = health.get_cursor(tx.conn, self.connection_id, _JUDGED)
        since = datetime.fromisoformat(value) if value else self.until
        changed = {number: at for number, at in self.changed.items() if since < at <= self.until}
        placed = [Fact(_CREATED, number, at) for number, at in self.placed.items() if since < at <= self.until]
        facts = [*placed, *found]
        told = intake.told_of(tx.conn, self.connection_id, {*changed, *(fact.order_id for fact in facts)})
        heard = sum(
            any(newest >= at - _CLOCKS_DIFFER for newest in told.get(number, {}).values())
            for number, at in changed.items()
        )
        if changed:
            missed = len(changed) - heard
            health.note_missed(tx, self.connection_id, seen_by_poll_only=missed, seen_by_hook=heard, at=tx.now)
        self._judge_hooks(tx, facts, told)
        health.set_cursor(tx, self.connection_id, _JUDGED, max(since, self.until).isoformat())

    def _judge_hooks(self, tx: Tx, facts: Iterable[Fact], told: Mapping[int, Mapping[str, datetime]]) -> None:
        """Count what each hook told of and what it did not, of all that happened since it was registered."""
        hooks = {
            record.scope: record.since
            for record in health.hooks(tx.conn, self.connection_id)
            if record.hook_id and record.since is not None
        }
        for fact in facts:
            scope = next((scope for scope in registered_as(fact.scope) if scope in hooks), None)
            if scope is not None and fact.at > hooks[scope]:
                outcome = HEARD if fact.is_told(scope, told.get(fact.order_id, {})) else MISSED
                webhooks.add_sample(tx, self.connection_id, webhooks.of_scope(outcome, scope), 1, at=fact.at)
