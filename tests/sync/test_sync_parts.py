"""Which sales parts IFS has: asked once, remembered for a while, what is missing never."""

from collections.abc import Sequence
from typing import Any

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.ifs.errors import Transient
from bcifs_console.sync.parts import KnownParts


class Parts:
    """An IFS that has these parts and counts what it is asked."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.asked: list[list[str]] = []
        self.is_down = False

    async def sales_parts(self, contract: str, catalog_nos: Sequence[str]) -> set[str]:
        assert contract == "100"
        self.asked.append(list(catalog_nos))
        if self.is_down:
            raise Transient("down")
        return self.there & set(catalog_nos)


async def missing(known: KnownParts, ifs: Any, *wanted: str) -> set[str]:
    return await known.missing(ifs, "100", wanted)


@pytest.fixture
def known(clock: ManualClock) -> KnownParts:
    return KnownParts(clock)


async def test_what_is_there_is_asked_once(known: KnownParts) -> None:
    ifs = Parts("A", "B")
    assert await missing(known, ifs, "A", "B") == set()
    assert await missing(known, ifs, "B", "A") == set()
    assert ifs.asked == [["A", "B"]]


async def test_only_what_is_not_known_is_asked(known: KnownParts) -> None:
    ifs = Parts("A", "B")
    await missing(known, ifs, "A")
    assert await missing(known, ifs, "A", "B", "C") == {"C"}
    assert ifs.asked == [["A"], ["B", "C"]]


async def test_what_is_missing_is_asked_every_time(known: KnownParts) -> None:
    """It may be created any moment, and the order shall go on then."""
    ifs = Parts()
    assert await missing(known, ifs, "NEW") == {"NEW"}
    ifs.there.add("NEW")
    assert await missing(known, ifs, "NEW") == set()
    assert len(ifs.asked) == 2


async def test_it_is_remembered_for_ten_minutes(known: KnownParts, clock: ManualClock) -> None:
    ifs = Parts("A")
    await missing(known, ifs, "A")
    ifs.there.clear()
    clock.advance(599)
    assert await missing(known, ifs, "A") == set()
    clock.advance(1)
    assert await missing(known, ifs, "A") == {"A"}


async def test_what_could_not_be_asked_is_not_remembered(known: KnownParts) -> None:
    ifs = Parts("A")
    ifs.is_down = True
    with pytest.raises(Transient):
        await missing(known, ifs, "A")
    ifs.is_down = False
    assert await missing(known, ifs, "A") == set()
    assert await missing(known, Parts(), "A") == set()


async def test_nothing_wanted_asks_nothing(known: KnownParts) -> None:
    ifs = Parts()
    assert await missing(known, ifs) == set()
    assert ifs.asked == []
