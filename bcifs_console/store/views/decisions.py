"""Buyers a person decides about: those that wait, with what waits for them, and those that were answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Self

from sqlalchemy import Connection, func, select

from bcifs_console.domain.states import OrderState
from bcifs_console.store import connections, customers
from bcifs_console.store.customers import Decision
from bcifs_console.store.tables import connection, decision, store_order

#: So many answered questions are listed, newest first.
MOST_ANSWERED: Final = 200
_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class CandidateView:
    """An IFS customer whom a buyer may be. `score` is 0 to 100; a phone of seven digits is the end of one."""

    customer_id: str
    name: str
    score: int
    reasons: tuple[str, ...]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """From what a question keeps; older ones kept less."""

        def texts(name: str) -> tuple[str, ...]:
            return tuple(map(str, kept.get(name) or ()))

        return cls(
            str(kept["customer_id"]),
            str(kept["name"]),
            int(kept["score"] or 0),
            texts("reasons"),
            texts("emails"),
            texts("phones"),
            texts("postcodes"),
        )


@dataclass(frozen=True, slots=True)
class BuyerView:
    """One question: open (`action` empty) or answered. `orders` wait now; `money` is what they are worth."""

    id: int
    connection_id: int
    connection: str
    buyer_key: str
    name: str
    email: str
    question: str
    asked_at: datetime
    candidates: tuple[CandidateView, ...]
    note: str
    orders: int = 0
    money: tuple[tuple[str, Decimal], ...] = ()  #: currency and sum, the largest first
    action: str = ""
    customer_id: str = ""
    actor: str = ""
    decided_at: datetime | None = None


def waiting(conn: Connection) -> list[BuyerView]:
    """The open questions, oldest first, each with the orders that wait for its answer."""
    names = connections.all_names(conn)
    blocked = _blocked(conn)
    return [_view(found, names, blocked.get(found.id, {})) for found in customers.open_decisions(conn)]


def answered(conn: Connection, *, limit: int = MOST_ANSWERED) -> list[BuyerView]:
    """The newest answers, newest first; those of removed connections are left out."""
    names = connections.all_names(conn)
    in_use = select(connection.c.id).where(connection.c.removed_at.is_(None))
    query = (
        select(decision.c.id)
        .where(decision.c.decided_at.is_not(None), decision.c.action != "", decision.c.connection_id.in_(in_use))
        .order_by(decision.c.decided_at.desc(), decision.c.id.desc())
        .limit(limit)
    )
    found = (customers.decision_by_id(conn, number) for number in conn.execute(query).scalars().all())
    return [_view(each, names, {}) for each in found if each is not None]


def _blocked(conn: Connection) -> dict[int, dict[str, tuple[int, Decimal]]]:
    """By question and currency: how many orders wait for the answer, and their sum."""
    of_buyer = (_ORDER.connection_id == decision.c.connection_id) & (_ORDER.buyer_key == decision.c.buyer_key)
    query = (
        select(decision.c.id, _ORDER.currency, func.count().label("orders"), func.sum(_ORDER.total).label("money"))
        .select_from(decision)
        .join(store_order, of_buyer)
        .where(decision.c.action == "", _ORDER.state == OrderState.WAITING.value)
        .group_by(decision.c.id, _ORDER.currency)
    )
    found: dict[int, dict[str, tuple[int, Decimal]]] = {}
    for row in conn.execute(query):
        found.setdefault(row.id, {})[row.currency] = (row.orders, row.money or Decimal(0))
    return found


def _view(found: Decision, names: Mapping[int, str], blocked: Mapping[str, tuple[int, Decimal]]) -> BuyerView:
    sums = sorted(((currency, money) for currency, (_, money) in blocked.items()), key=lambda each: -each[1])
    return BuyerView(
        id=found.id,
        connection_id=found.connection_id,
        connection=names[found.connection_id],
        buyer_key=found.buyer_key,
        name=found.name,
        email=found.email,
        question=found.question,
        asked_at=found.asked_at,
        candidates=tuple(CandidateView.of(kept) for kept in found.candidates),
        note=found.note,
        orders=sum(orders for orders, _ in blocked.values()),
        money=tuple(sums),
        action=found.action,
        customer_id=found.customer_id,
        actor=found.actor,
        decided_at=found.decided_at,
    )
