"""What IFS answered when it was asked who has an e-mail: kept for a while, so that a burst of orders costs one call.

How long an answer counts is the profile's business (`customer.lookup.remember_*_s`), and the caller's.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.store.database import Tx
from bcifs_console.store.tables import customer_lookup

#: Customer id and name.
Found = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Remembered:
    """The customers IFS had for an e-mail at `looked_at`."""

    found: Found
    looked_at: datetime


def find(conn: Connection, connection_id: int, email: str) -> Remembered | None:
    """The last answer for a folded e-mail, however old."""
    row = conn.execute(_FIND, {"of_connection": connection_id, "of_email": email}).first()
    if row is None:
        return None
    return Remembered(tuple((str(key), str(name)) for key, name in json.loads(row.found)), row.looked_at)


_FIND: Final = select(customer_lookup.c.found, customer_lookup.c.looked_at).where(
    customer_lookup.c.connection_id == bindparam("of_connection"), customer_lookup.c.email == bindparam("of_email")
)


def remember(tx: Tx, connection_id: int, email: str, found: Found, looked_at: datetime) -> None:
    """Keep an answer in place of an older one. `looked_at` is when IFS was asked, not when it answered."""
    values: dict[str, Any] = {"found": json.dumps(found, ensure_ascii=False), "looked_at": looked_at}
    insert = (sqlite if tx.is_sqlite else postgresql).insert(customer_lookup)
    tx.conn.execute(
        insert.values(connection_id=connection_id, email=email, **values).on_conflict_do_update(
            index_elements=["connection_id", "email"], set_=values, where=customer_lookup.c.looked_at <= looked_at
        )
    )


def forget(tx: Tx, connection_id: int, email: str) -> None:
    """Ask IFS again the next time: a customer with this e-mail was made, or a person decided about it."""
    tx.conn.execute(
        delete(customer_lookup).where(
            customer_lookup.c.connection_id == connection_id, customer_lookup.c.email == email
        )
    )
