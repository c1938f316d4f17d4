"""Finding orders by the beginning of their number: for the palette and the jump."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from bcifs_console.store import connections
from bcifs_console.store.tables import store_order

#: Numbers may be so many digits longer than what was typed.
_LONGER: Final = 3
_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order whose number begins with what was asked for."""

    connection_id: int
    connection: str
    order_id: int
    state: str
    buyer: str


def orders_numbered(conn: Connection, digits: str, *, limit: int = 10) -> list[FoundOrder]:
    """Orders whose number begins with these digits, the exact number first; each look is a stretch of the key."""
    if not digits.isascii() or not digits.isdigit() or digits.startswith("0") or len(digits) > 18:
        return []
    wanted = int(digits)
    found: list[FoundOrder] = []
    names = connections.names(conn)
    for longer in range(_LONGER + 1):
        low = wanted * 10**longer
        for name, number in names.items():
            query = select(_ORDER.order_id, _ORDER.state, _ORDER.buyer_name, _ORDER.email).where(
                _ORDER.connection_id == number, _ORDER.order_id >= low, _ORDER.order_id < low + 10**longer
            )
            rows = conn.execute(query.order_by(_ORDER.order_id).limit(limit - len(found)))
            found += [FoundOrder(number, name, r.order_id, r.state, r.buyer_name or r.email) for r in rows]
            if len(found) >= limit:
                return found
    return found
