"""Who has an e-mail: out of the cache while it counts, out of the directory once it is whole, else out of IFS."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.ifs.customer_directory import Contacts
from bcifs_console.ifs.errors import Transient
from bcifs_console.ifs.profile import LookupKind, load_profile
from bcifs_console.ifs.records import CustomerMatch
from bcifs_console.store import customers, directory
from bcifs_console.sync.directory import CrawlUnderWay, crawl, is_due
from bcifs_console.sync.lookup import holders_of
from bcifs_console.sync.retry import DirectoryUnread
from bcifs_console.sync.runtime import Runtime
from tests.sync.conftest import MakeRuntime

EMAIL: Final = "ann@example.com"
ONE: Final = (CustomerMatch("C1", "Ann Lee"),)
TWO: Final = (*ONE, CustomerMatch("C2", "Ann Lee Ltd"))


@dataclass
class FakeIfs:
    """Answers look-ups and lists `everybody`, a stretch at a time; fails at the calls named in `breaks_at`."""

    kind: LookupKind = LookupKind.CUSTOM_FIELD
    answer: Sequence[CustomerMatch] = ()
    everybody: dict[str, str] = field(default_factory=dict)  #: id → e-mail
    asked: list[str] = field(default_factory=list)
    breaks_at: str = ""

    def __post_init__(self) -> None:
        shipped = load_profile("default")
        lookup = replace(shipped.customer.lookup, kind=self.kind, remember_found_s=3600, remember_missing_s=30)
        self.profile = replace(shipped, customer=replace(shipped.customer, lookup=lookup))
        self.directory = SimpleNamespace(stretch=self._stretch, contacts=self._contacts)

    async def customers_by_email(self, email: str) -> list[CustomerMatch]:
        self.asked.append(email)
        return list(self.answer)

    async def _stretch(self, after: str, size: int) -> list[CustomerMatch]:
        self.asked.append(f"after {after}")
        return [CustomerMatch(key, f"Name {key}") for key in sorted(self.everybody) if key > after][: min(size, 3)]

    async def _contacts(self, customer_id: str) -> Contacts:
        self.asked.append(customer_id)
        if customer_id == self.breaks_at:
            raise Transient("the line is dead")
        return Contacts((self.everybody[customer_id],))


async def look(runtime: Runtime, **how: Any) -> list[str]:
    """Look up and remember, as a look at an order does."""
    found = await holders_of(runtime, EMAIL, **how)
    await runtime.database.write(lambda tx: found.keep(tx, runtime.id, EMAIL))
    return [customer_id for customer_id, _ in found.found]


@pytest.mark.parametrize(("answer", "seconds"), [(ONE, 3600), ((), 30), (TWO, 30)])
async def test_an_answer_counts_for_its_time_and_not_longer(
    make_runtime: MakeRuntime, clock: ManualClock, answer: tuple[CustomerMatch, ...], seconds: int
) -> None:
    ifs = FakeIfs(answer=answer)
    runtime = make_runtime(ifs=ifs)
    ids = [match.customer_id for match in answer]
    assert await look(runtime) == ids
    ifs.answer = (CustomerMatch("C9", "Another"),)
    clock.advance(seconds - 1)
    assert await look(runtime) == ids
    assert ifs.asked == [EMAIL]
    clock.advance(1)
    assert await look(runtime) == ["C9"]
    assert ifs.asked == [EMAIL, EMAIL]


async def test_ifs_itself_is_asked_where_it_matters(make_runtime: MakeRuntime) -> None:
    ifs = FakeIfs(answer=ONE)
    runtime = make_runtime(ifs=ifs)
    await look(runtime)
    ifs.answer = TWO
    assert await look(runtime, fresh=True) == ["C1", "C2"]
    assert await look(runtime) == ["C1", "C2"]


async def test_nobody_is_asked_about_a_buyer_without_an_email(make_runtime: MakeRuntime) -> None:
    ifs = FakeIfs(answer=ONE)
    assert (await holders_of(make_runtime(ifs=ifs), "")).found == ()
    assert ifs.asked == []


async def test_without_a_look_up_nothing_is_remembered(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime(ifs=FakeIfs(kind=LookupKind.NONE))
    assert (await holders_of(runtime, EMAIL)).asked_at is None


# -- the directory -----------------------------------------------------------------------------------------------------


@pytest.fixture
def crawled() -> FakeIfs:
    emails = {f"C{number}": f"buyer{number}@example.com" for number in range(1, 8)}
    return FakeIfs(kind=LookupKind.DIRECTORY, everybody={**emails, "C3": "ANN@example.com ", "C6": EMAIL})


async def test_a_directory_answers_only_when_it_was_read_to_its_end(
    make_runtime: MakeRuntime, crawled: FakeIfs
) -> None:
    runtime = make_runtime(ifs=crawled)
    assert await is_due(runtime)
    with pytest.raises(DirectoryUnread, match="0 so far"):
        await holders_of(runtime, EMAIL)
    done = await crawl(runtime)
    assert (done.customers, done.is_usable) == (7, True)
    assert await look(runtime) == ["C3", "C6"]
    assert (await holders_of(runtime, "nobody@example.com")).found == ()
    assert not await is_due(runtime)


async def test_a_crawl_that_broke_off_goes_on_where_it_stopped(make_runtime: MakeRuntime, crawled: FakeIfs) -> None:
    runtime = make_runtime(ifs=crawled)
    crawled.breaks_at = "C5"
    with pytest.raises(Transient):
        await crawl(runtime)
    with pytest.raises(DirectoryUnread, match="3 so far"):
        await holders_of(runtime, EMAIL)
    crawled.breaks_at = ""
    crawled.asked.clear()
    assert await is_due(runtime)
    seen: list[int] = []
    done = await crawl(runtime, lambda at: seen.append(at.seen))
    assert (done.customers, done.number) == (7, 1)
    assert crawled.asked[0] == "after C3"
    assert not {"C1", "C2", "C3"} & set(crawled.asked)
    assert seen == [3, 6, 7]


async def test_it_is_read_anew_after_its_time_and_what_is_gone_goes(
    make_runtime: MakeRuntime, crawled: FakeIfs, clock: ManualClock
) -> None:
    runtime = make_runtime(ifs=crawled)
    await crawl(runtime)
    clock.advance(crawled.profile.customer.directory.refresh_hours * 3600)
    assert await is_due(runtime)
    del crawled.everybody["C3"]
    crawled.breaks_at = "C7"
    with pytest.raises(Transient):
        await crawl(runtime)
    assert await look(runtime) == ["C3", "C6"]  # the last whole reading counts until there is another
    crawled.breaks_at = ""
    await crawl(runtime)
    assert await look(runtime) == ["C6"]


async def test_two_never_read_at_once(make_runtime: MakeRuntime, crawled: FakeIfs) -> None:
    runtime = make_runtime(ifs=crawled)
    lease = runtime.timing.lease
    name = f"directory:{runtime.id}"
    await runtime.database.write(lambda tx: customers.take_lease(tx, name, "another", lease))
    with pytest.raises(CrawlUnderWay):
        await crawl(runtime)
    assert crawled.asked == []
    await runtime.database.write(lambda tx: customers.drop_lease(tx, name, "another"))
    assert (await crawl(runtime)).is_usable


async def test_a_reader_who_lost_his_turn_stops_and_spoils_nothing(
    make_runtime: MakeRuntime, crawled: FakeIfs, clock: ManualClock
) -> None:
    runtime = make_runtime(ifs=crawled)

    def lose(_at: directory.Crawl) -> None:
        clock.advance(runtime.timing.lease.total_seconds())
        runtime.database.write_sync(
            lambda tx: customers.take_lease(tx, f"directory:{runtime.id}", "another", runtime.timing.lease)
        )

    with pytest.raises(CrawlUnderWay):
        await crawl(runtime, lose)
    at = await runtime.database.read(lambda conn: directory.crawl_of(conn, runtime.id))
    assert at is not None
    assert (at.seen, at.after) == (0, "")


async def test_it_is_kept_only_where_the_profile_wants_it(make_runtime: MakeRuntime) -> None:
    assert not await is_due(make_runtime(ifs=FakeIfs()))
