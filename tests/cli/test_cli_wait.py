"""`--wait` beside a service that was killed: its last heartbeat looks alive for a while, its work is taken over."""

import time
from datetime import timedelta

from bcifs_console.base.clock import ManualClock, SystemClock
from bcifs_console.store import health
from bcifs_console.store.database import Database
from bcifs_console.store.opening import home_lock
from tests.cli.shop import Shop, Terminal
from tests.integration.storefront import order


def killed(terminal: Terminal, *, looks_alive_for_s: float) -> None:
    """Leave the heartbeat of a service that will never beat again."""
    last = SystemClock().now() - health.FRESH + timedelta(seconds=looks_alive_for_s)
    assert terminal.home is not None
    database = Database(f"sqlite:///{terminal.home / 'bcifs.db'}", clock=ManualClock(last))
    try:
        database.write_sync(lambda tx: health.beat(tx, "killed", "all", {}))
    finally:
        database.close()


def test_the_work_of_a_killed_service_is_taken_over(shop: Shop, connected: Terminal) -> None:
    order_id = shop.place(order())
    killed(connected, looks_alive_for_s=2)
    rows = connected.json("orders", "sync", order_id, "--wait", "20")
    assert [(row["order_id"], row["state"]) for row in rows] == [(order_id, "synced")]
    assert len(shop.ifs_orders(order_id)) == 1


def test_nothing_is_taken_over_from_one_that_holds_the_home(shop: Shop, connected: Terminal) -> None:
    """A service is starting in the dead one's place and does not beat yet: it is only watched."""
    assert connected.home is not None
    order_id = shop.place(order())
    killed(connected, looks_alive_for_s=0.5)
    started = time.monotonic()
    with home_lock(connected.home):
        rows = connected.json("orders", "sync", order_id, "--wait", "3", code=1)
    assert [row["state"] for row in rows] == ["due"]
    assert time.monotonic() - started >= 3, "waited to the end"
    assert shop.ifs_orders(order_id) == []
