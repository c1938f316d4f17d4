"""The watcher: what it makes of what the listener counts, of what the poll saw, and of times without a listener."""

import json
from datetime import datetime

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE, WANTED_SCOPES
from bcifs_console.store import health, intake, webhooks
from bcifs_console.store.intake import Delivery
from tests.sync.conftest import MakeRuntime
from tests.sync.hook_store import HookStore
from tests.sync.watching import INTERVAL, Watch, watching

SCOPE = WANTED_SCOPES[0]


# -- what the listener counts ------------------------------------------------------------------------------------------


async def test_a_burst_of_wrong_signatures_says_that_the_secret_is_wrong(watch: Watch) -> None:
    await watch.sampled(wrong_signature=5)
    found = await watch.minute()
    assert (found.state, *found.kinds) == ("degraded", "refused:wrong_signature")
    assert "client secret" in found.cause
    assert found.failing_since is not None
    await watch.sampled(wrong_signature=50)
    await watch.minute()
    assert len(watch.told) == 1  # another number is no change
    assert (await watch.minute(11)).state == "healthy"


async def test_our_own_ratio_against_the_line(watch: Watch) -> None:
    await watch.sampled(accepted=85, too_slow=15)
    found = await watch.minute()
    assert found.state == "degraded"
    assert "85%" in found.cause
    found = await watch.minute(3)
    assert "ratio" not in found.kinds  # two minutes are over


async def test_neighbours_on_the_same_host_pull_us_down(
    make_runtime: MakeRuntime, hook_store: HookStore, clock: ManualClock
) -> None:
    mine, other = make_runtime(store=hook_store), make_runtime(store=HookStore(), name="neighbour")
    watch = await watching(mine, hook_store, clock, {mine.id: mine, other.id: other})
    await watch.runtime.database.write(lambda tx: webhooks.add_sample(tx, other.id, "no_event", 50))
    await watch.sampled(accepted=60)
    found = await watch.minute()
    assert found.kinds == {"ratio"}
    assert "all connections on this host" in found.cause


async def test_samples_are_kept_for_a_day(watch: Watch) -> None:
    await watch.sampled(accepted=7)
    at = watch.clock.now()

    async def kept() -> dict[str, int]:
        return await watch.runtime.database.read(lambda conn: webhooks.sampled(conn, watch.runtime.id, at))

    watch.clock.advance(23 * 3600)
    await watch.look()
    assert await kept() == {"accepted": 7}
    watch.clock.advance(3600)
    await watch.minute()
    assert await kept() == {}


async def test_what_the_store_reports_to_the_exceptions_hook(watch: Watch) -> None:
    body = json.dumps({"data": {"type": "webhook", "id": 1, "error_code": 90001}})
    notice = Delivery(watch.runtime.id, "n1", DELIVERY_EXCEPTION_SCOPE, None, None, body)
    watch.clock.advance(5)
    await intake.accept(watch.runtime.database, notice)
    found = await watch.minute()
    assert (found.state, *found.kinds) == ("degraded", "notice")
    assert (await watch.minute()).state == "healthy"


# -- what the poll saw -------------------------------------------------------------------------------------------------


async def compared(watch: Watch, *, missed: int, heard: int) -> None:
    at = watch.clock.now()
    await watch.runtime.database.write(
        lambda tx: health.note_missed(tx, watch.runtime.id, seen_by_poll_only=missed, seen_by_hook=heard, at=at)
    )


async def test_silence_is_seen_by_what_the_poll_finds(watch: Watch) -> None:
    await watch.minute(15)
    await compared(watch, missed=3, heard=0)
    found = await watch.minute()
    assert (found.state, watch.polls) == ("silent", 1)
    assert "bcifs webhooks test" in found.remedy
    await compared(watch, missed=0, heard=50)
    assert (await watch.minute()).state == "degraded"
    assert (await watch.minute(62)).state == "healthy"


async def test_what_an_outage_hid_is_no_new_silence(watch: Watch) -> None:
    watch.store.give_up()
    await watch.minute()
    await compared(watch, missed=30, heard=0)  # the poll after the repair finds what happened meanwhile
    assert (await watch.minute()).state == "healthy"


async def test_a_hook_that_is_silent_beside_others_is_found_until_it_speaks(watch: Watch) -> None:
    await watch.minute()
    await watch.sampled(**{webhooks.of_scope("missed", SCOPE): 3, webhooks.of_scope("heard", WANTED_SCOPES[1]): 9})
    found = await watch.minute()
    assert (found.state, *found.kinds, watch.polls) == ("degraded", f"silent:{SCOPE}", 0)
    assert [level for level, *_ in watch.told] == ["trouble"]
    await intake.accept(watch.runtime.database, Delivery(watch.runtime.id, "d", SCOPE, 1, None, "{}"))
    assert (await watch.minute()).state == "healthy"


async def test_what_a_hook_missed_before_its_repair_does_not_make_it_silent(watch: Watch) -> None:
    await watch.minute()
    await watch.sampled(**{webhooks.of_scope("missed", SCOPE): 30})
    watch.store.give_up()
    assert (await watch.minute()).kinds == {"deactivated"}
    assert (await watch.minute()).state == "healthy"


# -- the listener is away ----------------------------------------------------------------------------------------------


async def test_a_gap_of_the_listener_is_told_and_polled_for(watch: Watch) -> None:
    await watch.minute()
    last_seen = watch.clock.now()
    watch.clock.advance(72 * 3600)
    watch.owner = "w2"  # the service was started anew
    watch.store.give_up()
    found = await watch.look()
    assert found.state == "deactivated"
    assert found.kinds == {"deactivated", "gap"}
    assert (found.failing_since, watch.polls) == (last_seen, 1)
    ((gap,),) = [await watch.journal("webhooks.gap")]
    assert gap["hours"] == 72.0
    assert datetime.fromisoformat(gap["since"]) == last_seen
    assert (await watch.minute()).state == "healthy"


async def test_a_restart_is_no_gap(watch: Watch) -> None:
    watch.clock.advance(50)
    watch.owner = "w2"
    found = await watch.look()
    assert (found.state, watch.polls) == ("healthy", 0)


async def test_no_listener_at_all(watch: Watch) -> None:
    watch.listens = False
    found = await watch.minute()
    assert (found.state, *found.kinds) == ("silent", "no_listener")
    assert found.failing_since == watch.clock.now() - INTERVAL
