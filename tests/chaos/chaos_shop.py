"""One booking connection and the process at work on it, for tests that take single steps of an order's life."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.domain.rules import MappingRule, Purpose, VoucherTransport
from bcifs_console.store import connections, rules
from bcifs_console.sync.runtime import Timing
from tests.chaos.chaos_books import booking_home, look_again, manual_clock, place
from tests.chaos.chaos_crash import Fuse
from tests.chaos.chaos_life import TIMING, Home, Life
from tests.chaos.chaos_upstreams import Upstreams, open_upstreams
from tests.chaos.conftest import NewUrl
from tests.integration.bookkeeping import pay

_MONTH: Final = len("2026-11")


def _error(text: str) -> str:
    return json.dumps({"error": {"code": "DATABASE_ERROR", "message": "…", "details": [{"message": text}]}})


#: A rule of IFS's own said no, and a record that ours refers to does not exist.
REFUSED: Final = _error("ORA-20110: Voucher.SOMERULE: It must not be.")
MISSING: Final = _error("ORA-20111: Thing.FND_RECORD_NOT_EXIST: The Thing does not exist.")


def ifs_fault(match: str, **how: Any) -> dict[str, Any]:
    """A script entry for the first such call."""
    return {"side": "ifs", "match": match, "nth": 1, "times": 1, **how}


@dataclass
class Shop:
    """One booking connection and the process at work on it."""

    up: Upstreams
    home: Home
    clock: ManualClock
    life: Life


@contextlib.asynccontextmanager
async def open_shop(
    new_url: NewUrl, folder: Path, *, engine: str = "sqlite", timing: Timing = TIMING, **more: str
) -> AsyncIterator[Shop]:
    """A fresh simulator, a home on a fresh database and a life on it; keywords besides as of `books`."""
    with new_url(engine) as url:
        async with open_upstreams() as up:
            clock = manual_clock()
            home = booking_home(url, up, folder, clock, **more)
            shop = Shop(up, home, clock, Life(home, clock, timing=timing))
            try:
                yield shop
            finally:
                await shop.life.end()


async def state_of(shop: Shop, order_id: int) -> tuple[str, str]:
    """The order's state and what it waits for."""
    view = await shop.life.view(order_id)
    assert view is not None
    return view.state, view.reason


async def paid(shop: Shop, *items: dict[str, Any], **fields: Any) -> int:
    """An order in IFS whose payment is booked."""
    order_id = await place(shop.up, *items, **fields)
    await pay(shop.up, order_id)
    await look_again(shop.life, order_id)
    return order_id


async def start_anew(shop: Shop, home: Home, fuse: Fuse | None = None) -> Life:
    """End the process and start another one, on this home: its rules and settings are those of now."""
    await shop.life.end()
    shop.life = Life(home, shop.clock, fuse)
    return shop.life


async def open_periods(shop: Shop, *, closed: bool) -> None:
    """Open the accounting period of this month in IFS, or close it."""
    month = (await shop.up.ifs_state())["now"][:_MONTH]
    await shop.up.erp.control("set", {"ifs": {"close_periods" if closed else "open_periods": [month]}})


async def assert_done(life: Life) -> None:
    """Every voucher of the ledger is out of our hands."""
    states = [document.state for document in await life.documents(DocumentKind.VOUCHER)]
    assert set(states) <= {DocumentState.CONFIRMED, DocumentState.NOTHING_TO_POST}, states


def set_transport(shop: Shop, transport: str) -> None:
    """Choose another transport, as `connection set` does."""
    database, connection_id = shop.life.database, shop.home.connection_id
    settings = database.read_sync(lambda conn: connections.settings_of(conn, connection_id))
    policy = replace(settings.policy, voucher_transport=VoucherTransport(transport))
    database.write_sync(lambda tx: connections.save(tx, connection_id, replace(settings, policy=policy)))


def set_rule(shop: Shop, purpose: Purpose, account: str) -> None:
    """Map the purpose to this account; for the processes that start from now on."""
    shop.life.database.write_sync(
        lambda tx: rules.replace(
            tx, shop.home.connection_id, purpose, [MappingRule(purpose, 1, account)], actor="tester", reason="test"
        )
    )
