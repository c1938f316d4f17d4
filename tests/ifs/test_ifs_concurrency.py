"""The limit of calls under way: halved by an overloaded IFS, once for one incident; grown back by answers."""

import asyncio

import pytest

from bcifs_console.ifs.concurrency import ConcurrencyLimit, Place


async def answers(limit: ConcurrencyLimit, *statuses: int) -> None:
    """Calls that are under way together and then answered with these statuses."""
    async with asyncio.TaskGroup() as group:
        sent = asyncio.Barrier(len(statuses))

        async def call(status: int) -> None:
            async with limit.place() as place:
                await sent.wait()
                place.answered(status)

        for status in statuses:
            group.create_task(call(status))


@pytest.mark.parametrize("status", [429, 503])
async def test_overload_halves_it_once_for_all_calls_that_were_under_way(status: int) -> None:
    limit = ConcurrencyLimit(32)
    await answers(limit, *[status] * 10)
    assert limit.now == 16
    await answers(limit, status)
    assert limit.now == 8


async def test_it_never_falls_below_one() -> None:
    limit = ConcurrencyLimit(4)
    for _ in range(10):
        await answers(limit, 503)
    assert limit.now == 1
    await answers(limit, 200)
    assert limit.now == 2


async def test_a_round_of_answers_lets_one_more_through_up_to_the_most() -> None:
    limit = ConcurrencyLimit(8)
    await answers(limit, 503)
    assert limit.now == 4
    for expected in (5, 6, 7, 8, 8, 8):
        for _ in range(limit.now + 1):
            await answers(limit, 200)
        assert limit.now == expected


@pytest.mark.parametrize("status", [400, 404, 412, 500, 0])
async def test_other_answers_are_no_overload(status: int) -> None:
    limit = ConcurrencyLimit(8)
    await answers(limit, status)
    assert limit.now == 8


async def held(limit: ConcurrencyLimit, number: int) -> tuple[list[Place], list[asyncio.Task[None]], asyncio.Event]:
    """So many calls that end when the event is set; the places of those that got one."""
    places: list[Place] = []
    end = asyncio.Event()

    async def call() -> None:
        async with limit.place() as place:
            places.append(place)
            await end.wait()

    tasks = [asyncio.create_task(call()) for _ in range(number)]
    for _ in range(3):
        await asyncio.sleep(0)
    return places, tasks, end


async def test_calls_beyond_it_wait_their_turn() -> None:
    limit = ConcurrencyLimit(2)
    places, tasks, end = await held(limit, 5)
    assert len(places) == 2
    end.set()
    await asyncio.gather(*tasks)
    assert len(places) == 5


async def test_a_call_that_is_given_up_while_it_waits_takes_no_place() -> None:
    limit = ConcurrencyLimit(1)
    places, tasks, end = await held(limit, 3)
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    end.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert len(places) == 2
    async with asyncio.timeout(1), limit.place():
        pass


async def test_a_call_given_up_at_the_moment_of_its_turn_passes_the_place_on() -> None:
    limit = ConcurrencyLimit(1)
    places, tasks, end = await held(limit, 3)
    end.set()
    await asyncio.sleep(0)  # the first ends and the second is let in
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(places) == 2
    async with asyncio.timeout(1), limit.place():
        pass
