"""Looking for an IFS customer by what a person types, in the simulated IFS (operations.decide_search)."""

import pytest

from bcifs_console.base.problems import UsageProblem
from bcifs_console.operations.decide import NoSuchDecision
from bcifs_console.operations.decide_search import search
from tests.integration.test_buyers import TYCHO, asked_about
from tests.integration.world import World


@pytest.fixture
async def asked(world: World) -> int:
    """The number of a question that waits."""
    return (await asked_about(world, await world.place(TYCHO))).decision.id


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("C1019", {"C1019"}),
        (" gauss ", {"C1019"}),
        ("Carl Gauss", {"C1019"}),
        ("Purchasing@Example.org", {"C1101", "C1102"}),
        ("nobody", set()),
        ("o'hara", set()),
    ],
)
async def test_by_id_by_words_and_by_email(world: World, asked: int, text: str, ids: set[str]) -> None:
    found = await search(world.context, asked, text)
    assert {each.customer_id for each in found} == ids
    assert all(each.name for each in found)


async def test_who_has_most_of_the_words_stands_first(world: World, asked: int) -> None:
    found = await search(world.context, asked, "Hopper Grace Gauss")
    assert [each.customer_id for each in found] == ["C1002", "C1019"]


async def test_nothing_typed_and_nobody_asked_about(world: World, asked: int) -> None:
    with pytest.raises(UsageProblem):
        await search(world.context, asked, "  ")
    with pytest.raises(NoSuchDecision):
        await search(world.context, 4711, "gauss")
