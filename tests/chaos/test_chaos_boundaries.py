from datetime import UTC, datetime
from pathlib import Path
import time
from bcifs_console.base.clock import ManualClock
from tests.chaos.chaos_crash import Fuse
from tests.chaos.chaos_life import Life, new_home
from tests.chaos.chaos_upstreams import open_upstreams

async def test_try(sqlite_url: str, tmp_path: Path) -> None:
    t=time.perf_counter()
    def mark(w):
        nonlocal t
        print(w, round((time.perf_counter()-t)*1000)); t=time.perf_counter()
    async with open_upstreams() as up:
        mark("up")
        order_id = await up.place("coupon")
        clock = ManualClock(datetime.now(UTC))
        home = new_home(sqlite_url, up.about, tmp_path, now=clock.now())
        mark("home")
        life = Life(home, clock, Fuse())
        mark("life")
        await life.deliver(order_id)
        mark("deliver")
        await life.work()
        mark("work")
        v = await life.view(order_id)
        print(v)
        for p in life.fuse.passed: print(p)
        import json
        b = await up.booked(order_id)
        mark("booked")
        print(json.dumps(b.orders, indent=1, default=str))
        print(await up.writes())
        mark("x")
        await life.end()
        mark("end")
    mark("down")
