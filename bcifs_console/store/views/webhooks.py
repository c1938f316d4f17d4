"""What the Webhooks screen asks of the store: the facts about each connection's webhooks, and the deliveries that came.

What the facts come to (ratios, clocks, a state that is out of date) is `operations.webhook_overview`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from bcifs_console.store import connections, health, journal, webhooks
from bcifs_console.store.health import HookRecord
from bcifs_console.store.tables import connection, store_order, webhook_delivery
from bcifs_console.store.webhooks import Compared, WebhookHealth

#: How many deliveries the list goes back, over all connections.
MOST_LISTED: Final = 5_000


@dataclass(frozen=True, slots=True)
class WebhookFacts:
    """All that is known of one connection's webhooks. Sums are numbers of deliveries by how they ended."""

    connection_id: int
    name: str
    health: WebhookHealth
    hooks: tuple[HookRecord, ...]
    window: Mapping[str, int]  #: BigCommerce's two minutes
    recent: Mapping[str, int]  #: ten minutes
    day: Mapping[str, int]
    last_hour: Mapping[str, int]  #: deliveries by the scope of the hook
    by_scope: Mapping[str, Compared]  #: what each hook told of within a day, and what not
    counted: Mapping[str, int]  #: since counting began: `accepted`, `duplicate`
    refused: Mapping[str, int]  #: since counting began, by kind
    compared: Mapping[str, int]  #: changes that the poll saw: `missed`, `heard`


def facts(conn: Connection, now: datetime, *, window: timedelta, recent: timedelta) -> list[WebhookFacts]:
    """The facts about every connection, by name."""
    found = webhooks.healths(conn)
    counted, compared = journal.counts(conn, health.DELIVERIES), journal.counts(conn, health.CHANGES)
    records, last_hour = health.hooks(conn), webhooks.delivered(conn, now - timedelta(hours=1))
    every = []
    for name, number in connections.names(conn).items():
        totals = {label: n for (of, label), n in counted.items() if of == number}
        refused = {label: n for label, n in totals.items() if label.startswith(health.REFUSED)}
        every.append(
            WebhookFacts(
                connection_id=number,
                name=name,
                health=found.get(number, WebhookHealth(number)),
                hooks=tuple(record for record in records if record.connection_id == number),
                window=webhooks.sampled(conn, number, now - window),
                recent=webhooks.sampled(conn, number, now - recent),
                day=webhooks.sampled(conn, number, now - webhooks.SAMPLES_KEPT),
                last_hour=last_hour.get(number, {}),
                by_scope=webhooks.compared_by_scope(conn, number, now - webhooks.SAMPLES_KEPT),
                counted={label: n for label, n in totals.items() if label not in refused},
                refused={label.removeprefix(health.REFUSED): n for label, n in refused.items()},
                compared={label: n for (of, label), n in compared.items() if of == number},
            )
        )
    return every


@dataclass(frozen=True, slots=True)
class DeliveryRef:
    """As much of a delivery as is needed to say whether it belongs in a list."""

    id: int
    connection_id: int
    scope: str


def newest_deliveries(conn: Connection, limit: int = MOST_LISTED) -> list[DeliveryRef]:
    """The deliveries that came last, of every connection, newest first."""
    at = webhook_delivery.c
    query = select(at.id, at.connection_id, at.scope).order_by(at.received_at.desc(), at.id.desc()).limit(limit)
    return [DeliveryRef(*row) for row in conn.execute(query)]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One accepted delivery, with how its order is now. `order_id` is None where it tells of none."""

    id: int
    connection_id: int
    connection: str
    scope: str
    order_id: int | None
    event_at: datetime | None
    received_at: datetime
    order_state: str  #: "" where it tells of none, or the order is not known any more
    order_reason: str
    body: str = field(repr=False)

    @property
    def delay(self) -> timedelta | None:
        """From the event to its acceptance; None where the event has no time."""
        return None if self.event_at is None else max(self.received_at - self.event_at, timedelta(0))


def deliveries(conn: Connection, ids: Sequence[int]) -> dict[int, DeliveryView]:
    """The named deliveries, by id."""
    at = webhook_delivery.c
    order_of = and_(store_order.c.connection_id == at.connection_id, store_order.c.order_id == at.order_id)
    query = (
        select(webhook_delivery, connection.c.name, store_order.c.state, store_order.c.reason)
        .join(connection, connection.c.id == at.connection_id)
        .outerjoin(store_order, order_of)
        .where(at.id.in_(ids))
    )
    return {row.id: _delivery(row) for row in conn.execute(query)}


def _delivery(row: Any) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        connection_id=row.connection_id,
        connection=row.name,
        scope=row.scope,
        order_id=row.order_id,
        event_at=row.event_at,
        received_at=row.received_at,
        order_state=row.state or "",
        order_reason=row.reason or "",
        body=row.body,
    )
