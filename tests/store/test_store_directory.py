"""The directory of IFS's customers: its index, its crawl, what past decisions add; answers of look-ups."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.orders import Address
from bcifs_console.store import directory, lookups
from bcifs_console.store.database import Tx
from bcifs_console.store.directory import Crawl, Entry, KeyKind

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

ANN: Final = Entry("C1", "Ann Lee", ("Ann@Example.com ",), ("+1 512 555-0147",))
BOB: Final = Entry("C2", "Bob Lee", ("bob@example.com", "ann@example.com"))


def crawl(bench: "Bench", *entries: Entry, to_the_end: bool = True) -> Crawl:
    def write(tx: Tx) -> Crawl:
        at = directory.begin(tx, bench.connection_id)
        if entries:
            at = directory.put(tx, bench.connection_id, at, entries)
        return directory.complete(tx, bench.connection_id, at) if to_the_end else at

    return bench.database.write_sync(write)


def holders(bench: "Bench", email: str = "ann@example.com") -> list[tuple[str, str]]:
    return bench.database.read_sync(lambda conn: directory.holders(conn, bench.connection_id, email))


def likely(bench: "Bench", *keys: directory.Key, limit: int = 10) -> list[directory.Likely]:
    return bench.database.read_sync(lambda conn: directory.likely(conn, bench.connection_id, keys, limit=limit))


def state(bench: "Bench") -> Crawl | None:
    return bench.database.read_sync(lambda conn: directory.crawl_of(conn, bench.connection_id))


def test_an_email_is_found_folded_and_every_holder_of_it(bench: "Bench", add_connection: "AddConnection") -> None:
    crawl(bench, ANN, BOB)
    assert holders(bench) == [("C1", "Ann Lee"), ("C2", "Bob Lee")]
    assert holders(bench, "bob@example.com") == [("C2", "Bob Lee")]
    assert holders(bench, "nobody@example.com") == []
    other = add_connection(bench.database, "acme-eu")
    assert bench.database.read_sync(lambda conn: directory.holders(conn, other, "ann@example.com")) == []


def test_a_directory_is_usable_once_it_was_read_to_its_end(bench: "Bench") -> None:
    assert state(bench) is None
    under_way = crawl(bench, ANN, to_the_end=False)
    assert (under_way.is_usable, under_way.after, under_way.seen, under_way.ended_at) == (False, "C1", 1, None)
    whole = crawl(bench)
    assert (whole.number, whole.is_usable, whole.customers, whole.completed_at) == (1, True, 1, bench.clock.now())


def test_a_crawl_goes_on_where_it_stopped_and_the_next_begins_anew(bench: "Bench") -> None:
    crawl(bench, ANN, to_the_end=False)
    went_on = crawl(bench, BOB)
    assert (went_on.number, went_on.customers) == (1, 2)
    bench.clock.advance(60)
    again = bench.database.write_sync(lambda tx: directory.begin(tx, bench.connection_id))
    assert (again.number, again.after, again.seen, again.is_usable) == (2, "", 0, True)
    assert (again.customers, again.started_at) == (2, bench.clock.now())


def test_a_new_crawl_drops_what_is_gone_and_keeps_it_until_its_end(bench: "Bench") -> None:
    crawl(bench, ANN, BOB)
    moved = Entry("C2", "Robert Lee", ("robert@example.com",))
    crawl(bench, moved, to_the_end=False)
    assert holders(bench) == [("C1", "Ann Lee")]
    assert holders(bench, "robert@example.com") == [("C2", "Robert Lee")]
    crawl(bench)
    assert holders(bench) == []
    assert state(bench) is not None
    assert [one.customer_id for one in likely(bench, (KeyKind.WORD, "lee"))] == ["C2"]


def test_a_customer_we_made_is_in_the_directory_at_once_where_one_is_kept(bench: "Bench") -> None:
    bench.database.write_sync(lambda tx: directory.put_made(tx, bench.connection_id, ANN))
    assert holders(bench) == []
    crawl(bench, BOB)
    bench.database.write_sync(lambda tx: directory.put_made(tx, bench.connection_id, ANN))
    assert holders(bench) == [("C1", "Ann Lee"), ("C2", "Bob Lee")]


def test_the_likely_share_most_keys_and_come_with_what_is_known_of_them(bench: "Bench") -> None:
    crawl(bench, ANN, BOB, Entry("C3", "Grace Hopper", ("grace@navy.example",)))
    keys = ((KeyKind.WORD, "lee"), (KeyKind.WORD, "ann"), (KeyKind.PHONE, "5550147"), (KeyKind.DOMAIN, "example.com"))
    found = likely(bench, *keys)
    assert [one.customer_id for one in found] == ["C1", "C2"]
    assert (found[0].name, found[0].emails, found[0].phones) == ("Ann Lee", ["ann@example.com"], ["5550147"])
    assert found[0].domains == ["example.com"]
    assert [one.customer_id for one in likely(bench, *keys, limit=1)] == ["C1"]
    assert likely(bench) == []


def test_a_past_decision_is_remembered_until_it_is_undone(bench: "Bench") -> None:
    address = Address(first_name="Ann", last_name="Lee", phone="512 555 0147")
    buyer = Buyer("customer:1", "ann@lee.example", "Ann Lee", "Lee Ltd", is_guest=False, address=address)
    keys = directory.keys_of_buyer(buyer)
    assert (KeyKind.DOMAIN, "lee.example") in keys
    for origin in ("decision:1", "decision:2"):
        bench.database.write_sync(lambda tx, o=origin: directory.tie(tx, bench.connection_id, "C9", keys, o))  # type: ignore[misc]
    (found,) = likely(bench, (KeyKind.DOMAIN, "lee.example"))
    assert (found.customer_id, found.decided, found.emails) == ("C9", True, [])
    assert not likely(bench, (KeyKind.WORD, "ann"))[0].decided  # a name in common was not what it was chosen for
    assert holders(bench, "ann@lee.example") == []  # it is a suggestion, never a look-up's answer
    bench.database.write_sync(lambda tx: directory.untie(tx, bench.connection_id, "C9", "decision:1"))
    assert likely(bench, (KeyKind.DOMAIN, "lee.example"))
    bench.database.write_sync(lambda tx: directory.untie(tx, bench.connection_id, "C9", "decision:2"))
    assert likely(bench, (KeyKind.DOMAIN, "lee.example")) == []


def test_what_was_decided_outlives_a_crawl(bench: "Bench") -> None:
    keys = [(KeyKind.DOMAIN, "lee.example")]
    bench.database.write_sync(lambda tx: directory.tie(tx, bench.connection_id, "C1", keys, "decision:1"))
    crawl(bench, ANN)
    crawl(bench)
    (found,) = likely(bench, *keys)
    assert found.decided


def test_an_answer_is_kept_and_an_older_one_never_replaces_a_newer(bench: "Bench") -> None:
    def find() -> lookups.Remembered | None:
        return bench.database.read_sync(lambda conn: lookups.find(conn, bench.connection_id, "ann@example.com"))

    def remember(found: lookups.Found, seconds: int) -> None:
        at = bench.clock.now() + timedelta(seconds=seconds)
        bench.database.write_sync(lambda tx: lookups.remember(tx, bench.connection_id, "ann@example.com", found, at))

    assert find() is None
    remember((("C1", "Ann"), ("C2", "Ännchen")), 0)
    assert find() == lookups.Remembered((("C1", "Ann"), ("C2", "Ännchen")), bench.clock.now())
    remember((), 5)
    remember((("C1", "Ann"),), 1)
    kept = find()
    assert kept is not None
    assert kept.found == ()
    bench.database.write_sync(lambda tx: lookups.forget(tx, bench.connection_id, "ann@example.com"))
    assert find() is None
