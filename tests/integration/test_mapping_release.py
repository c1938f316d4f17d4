"""A mapping is saved while the service runs: exactly the orders that waited for it go, one first, then the rest."""

from pathlib import Path

from sqlalchemy import select

from bcifs_console.domain.states import order_of
from bcifs_console.operations import mapping
from bcifs_console.store import mapping_releases
from bcifs_console.store.tables import journal
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import address, order, product
from tests.integration.waiting import until
from tests.integration.world import World

MUGS_ONLY = '[[mapping.rules]]\npurpose = "revenue"\nwhen = { sku = "MUG-*" }\nresult = "4020"'
STRANGER = address("Tycho", "Brahe", "tycho.brahe@example.net")


def save(world: World, folder: Path, text: str) -> None:
    file = folder / "mapping.toml"
    file.write_text(text, encoding="utf-8")
    mapping.import_file(world.context, None, file, reason="as agreed", dry_run=False)


def released(world: World) -> list[tuple[str, int | None]]:
    """What the journal says about letting go, in its order: (event, order)."""
    wanted = ("order.released", "mapping.canary", "mapping.released", "mapping.release_stopped")
    query = select(journal.c.event, journal.c.subject).where(journal.c.event.in_(wanted)).order_by(journal.c.id)
    rows = world.opened.database.read_sync(lambda conn: conn.execute(query).all())
    return [(row.event, order_of(row.subject) if row.subject.startswith("order:") else None) for row in rows]


async def test_a_saved_rule_lets_exactly_the_orders_go_that_waited_for_it(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    async with make_world(mapping=MUGS_ONLY) as world:
        tees = [await world.place(order(product(113))) for _ in range(3)]
        engraved = await world.place(order(product(119)))
        asks = await world.place(order(product(125), billing=STRANGER))
        for number in (*tees, engraved):
            await world.reaches(number, "waiting", reason="mapping")
        await world.reaches(asks, "waiting", reason="customer")
        calls = len((await world.ifs_state())["customer_orders"])
        save(
            world,
            tmp_path,
            MUGS_ONLY.replace("mapping.", "") + '\n[[rules]]\npurpose = "revenue"\n'
            'when = { sku = "SIM-1001" }\nresult = "4010"\n',
        )
        for number in tees:
            await world.reaches(number, "synced")
        said = released(world)
        assert said[:2] == [("mapping.canary", None), ("order.released", tees[0])]
        assert said[2] == ("mapping.released", None)
        assert sorted(said[3:]) == [("order.released", number) for number in tees[1:]]
        assert len((await world.ifs_state())["customer_orders"]) == calls + 3
        for number in (engraved, asks):
            view = await world.view(number)
            assert view is not None
            assert view.state == "waiting"


async def test_a_rule_that_ifs_refuses_stops_at_the_first_order_and_a_better_one_lets_all_go(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    async with make_world(mapping=MUGS_ONLY) as world:
        tees = [await world.place(order(product(113))) for _ in range(3)]
        for number in tees:
            await world.reaches(number, "waiting", reason="mapping")
        save(world, tmp_path, 'revenue_account = "4999"\n')

        async def stopped() -> bool:
            database = world.opened.database
            found = database.read_sync(lambda conn: mapping_releases.find(conn, world.connection_id))
            return found is not None and found.state is mapping_releases.ReleaseState.STOPPED

        await until(stopped, "the release has stopped")
        first = await world.view(tees[0])
        assert first is not None
        assert "4999" in first.error
        assert [event for event, _ in released(world)].count("order.released") == 1
        save(world, tmp_path, 'revenue_account = "4010"\n')
        for number in tees:
            await world.reaches(number, "synced")
            (booked,) = await world.ifs_orders(number)
            assert {line["Account"] for line in booked["lines"]} == {"4010"}
