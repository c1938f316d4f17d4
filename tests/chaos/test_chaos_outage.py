"""IFS is down for ten minutes: no order fails, none loses its attempts, and all are in IFS soon after."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bcifs_console.base.clock import ManualClock
from bcifs_console.store import views
from bcifs_console.sync.breakers import Breakers
from tests.chaos.chaos_life import Life, new_home
from tests.chaos.chaos_upstreams import open_upstreams
from tests.chaos.conftest import NewUrl

ORDERS: Final = 12
OUTAGE_S: Final = 600
STEP_S: Final = 2.0


async def states(life: Life) -> Counter[str]:
    return Counter(row.state for row in await life.database.read(views.orders))


async def step(life: Life, breakers: Breakers) -> None:
    """Look at everything that is due, try what is paused, and let time pass."""
    while await life.look_once():
        pass
    await breakers.probe({life.home.connection_id: life.runtime})
    assert isinstance(life.clock, ManualClock)
    life.clock.advance(STEP_S)


async def test_ten_minutes_without_ifs(new_url: NewUrl, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with new_url("sqlite") as url:
        async with open_upstreams() as up:
            clock = ManualClock(now)
            home = new_home(url, up.about, tmp_path, now=now)
            life = Life(home, clock)
            try:
                placed = [await up.place("plain") for _ in range(ORDERS)]
                await up.script({"side": "ifs", "match": ".", "times": 1_000_000, "do": "status", "status": 503})
                for order_id in placed:
                    await life.deliver(order_id)
                while (clock.now() - now).total_seconds() < OUTAGE_S:
                    await step(life, life.breakers)
                    assert set(await states(life)) == {"due"}
                most = max(row.attempts for row in await life.database.read(views.orders))
                assert most < 8, "the breaker stands between the orders and their attempts"
                await up.script()
                steps = 0
                while set(await states(life)) != {"synced"}:
                    await step(life, life.breakers)
                    steps += 1
                    assert steps <= 10, await life.database.read(views.orders)
                booked = Counter(each["CustomerPoNo"] for each in (await up.ifs_state())["customer_orders"])
                assert booked == Counter(f"BC-{order_id}" for order_id in placed)
            finally:
                await life.end()
