"""Whole lives with a twist, to their last cent; and vouchers by file, killed between any two steps."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.domain.connections import Connection
from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument
from bcifs_console.domain.rules import Rules
from bcifs_console.ifs.outbox import BatchState, FileCalls
from bcifs_console.operations import books as ledger_of
from bcifs_console.operations.books import LedgerEntry
from bcifs_console.store import books as ledger_rows
from bcifs_console.store import rules
from bcifs_console.store.database import Database
from bcifs_console.sync import outbox
from bcifs_console.sync.runtime import build_runtime, timing_of
from tests.chaos.chaos_crash import Crash, CrashingDatabase, Fuse
from tests.ifs.outbox_folder import batches as in_folder
from tests.integration.bookkeeping import balances, books, pay, products, ship, store_order, vouchers
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import PLACED, order, product
from tests.integration.test_reconciling import compared, differences
from tests.integration.waiting import until
from tests.integration.world import World

_HOUR_S: Final = 3600.0
_VOUCHERS: Final = (DocumentKind.VOUCHER,)


# -- lives ------------------------------------------------------------------------------------------------------------


async def test_authorised_captured_and_voided_goes_in_and_out_once(booked: World) -> None:
    order_id = await booked.place(order())
    await booked.reaches(order_id, "synced")
    await pay(booked, order_id, event="authorization")
    await booked.looked_again(order_id)
    assert await vouchers(booked, order_id) == {}
    answer = await booked.store.post(f"/v3/orders/{order_id}/payment_actions/capture", {})
    assert answer.status_code < 300, answer.text
    await booked.looked_again(order_id)
    transactions = (await booked.store_state())["transactions"]
    (captured,) = [t["id"] for t in transactions if t["order_id"] == str(order_id) and t["event"] == "capture"]
    assert list(await vouchers(booked, order_id)) == [f"PAY/{captured}"]
    voided = await pay(booked, order_id, event="void", reference_transaction_id=captured)
    await booked.looked_again(order_id)
    assert list(await vouchers(booked, order_id)) == [f"PAY/{captured}", f"VOID/{voided}"]
    assert await balances(booked, order_id) == {}


async def test_a_shipment_deleted_and_made_again_is_revenue_once(booked: World) -> None:
    order_id = await booked.place(order(product(101, 2)))
    await booked.reaches(order_id, "synced")
    tender = await pay(booked, order_id)
    first = await ship(booked, order_id)
    assert (await booked.looked_again(order_id)).settled
    path = f"{booked.store.path}/v2/orders/{order_id}/shipments/{first}"
    assert (await booked.store.http.delete(path)).status_code == 204
    view = await booked.looked_again(order_id)
    total = Decimal((await store_order(booked, order_id))["total_inc_tax"])
    assert (view.state, view.settled) == ("synced", False)
    assert await balances(booked, order_id) == {"1580": total, "2420": -total}
    second = await ship(booked, order_id)
    view = await booked.looked_again(order_id)
    assert set(await vouchers(booked, order_id)) == {
        f"PAY/{tender}",
        f"SHIP/{first}",
        f"SHIP/{first}/REV",
        f"SHIP/{second}",
    }
    assert (view.state, view.settled) == ("synced", True)
    assert "2420" not in await balances(booked, order_id)


async def test_tracking_changed_twice_shows_the_last(booked: World) -> None:
    order_id = await booked.place(order())
    await booked.reaches(order_id, "synced")
    await pay(booked, order_id)
    shipment = await ship(booked, order_id, tracking_number="1Z-FIRST")
    await booked.looked_again(order_id)
    for number in ("1Z-SECOND", "1Z-THIRD"):
        changed = await booked.store.put(f"/v2/orders/{order_id}/shipments/{shipment}", {"tracking_number": number})
        assert changed.status_code == 200, changed.text
        await booked.looked_again(order_id)
        note = (await booked.ifs_order(order_id))["NoteText"]
        assert number in note
        assert note.count("1Z-") == 1
    assert len([name for name in await vouchers(booked, order_id) if name.startswith("SHIP/")]) == 1


@pytest.mark.parametrize("currency", ["jpy", "kwd"])
async def test_currencies_without_and_with_three_decimals_end_at_zero_in_both(booked: World, currency: str) -> None:
    body, _ = PLACED[currency]
    order_id = await booked.place(body)
    await booked.reaches(order_id, "synced")
    await pay(booked, order_id)
    (line,) = await products(booked, order_id)
    for _ in range(line["quantity"]):
        await ship(booked, order_id, {line["id"]: 1})
        view = await booked.looked_again(order_id)
    assert (view.state, view.settled) == ("synced", True)
    on_balance = {"CurrencyAmount": Decimal(0), "Amount": Decimal(0)}
    made = await vouchers(booked, order_id)
    assert len(made) == 1 + line["quantity"]
    for voucher in made.values():
        assert {row["CurrencyCode"] for row in voucher["rows"]} == {currency.upper()}
        for name in on_balance:
            amounts = [(row["Account"], Decimal(str(row[name]))) for row in voucher["rows"]]
            assert sum(amount for _, amount in amounts) == 0
            on_balance[name] += sum((amount for account, amount in amounts if account == "2420"), Decimal(0))
    assert on_balance == {"CurrencyAmount": 0, "Amount": 0}
    assert not (await compared(booked)).is_red


# -- by file ----------------------------------------------------------------------------------------------------------


async def sold(world: World, count: int = 1) -> None:
    """Orders that are paid and shipped: two vouchers each, and a closing without rows."""
    for _ in range(count):
        order_id = await world.place(order())
        await world.reaches(order_id, "synced")
        await pay(world, order_id)
        await ship(world, order_id)
        await world.looked_again(order_id)


def by_file(world: World) -> list[LedgerEntry]:
    """The vouchers of the ledger that have rows."""
    entries = ledger_of.listing(world.context, connection=None, kind=DocumentKind.VOUCHER)
    return [entry for entry in entries if entry.rows]


async def test_vouchers_by_file_stand_in_the_outbox_once_and_are_explained(make_world: MakeWorld) -> None:
    async with make_world(settings={"outbox_interval_s": 0.05}, **books("external_file")) as world:
        await sold(world)

        async def confirmed() -> bool:
            found = by_file(world)
            return len(found) == 2 and all(entry.state == DocumentState.CONFIRMED for entry in found)

        await until(confirmed, "both vouchers are in files", show=lambda: by_file(world))
        batches = in_folder(outbox.outbox_folder(world.settings.home, "acme-us"))
        assert {batch.state for batch in batches} == {BatchState.WHOLE}
        stated = {
            entry.key: (batch.name, entry) for batch in batches if batch.manifest for entry in batch.manifest.entries
        }
        assert sum(len(batch.manifest.entries) for batch in batches if batch.manifest) == len(stated) == 2
        for entry in by_file(world):
            name, said = stated[entry.key]
            assert entry.ifs_reference == name
            assert (Decimal(said.debit_total), said.currency, said.rows) == (entry.amount, "USD", len(entry.rows))
        assert (await world.ifs_state())["vouchers"] == []
        found = await compared(world)
        assert not found.is_red
        assert {d.key for d in differences(found)} == set(stated)
        assert all("not loaded in IFS yet" in d.explanation for d in differences(found))


class DyingCalls(FileCalls):
    """The calls that change the folder, with a boundary before, after and in the middle of each."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def write(self, path: Path, content: bytes) -> None:
        self._fuse.reach(f"before writing {path.name}")
        path.write_bytes(content[: len(content) // 2])
        self._fuse.reach(f"half-way through {path.name}")
        super().write(path, content)
        self._fuse.reach(f"after writing {path.name}")

    def rename(self, path: Path, to: Path) -> None:
        self._fuse.reach(f"before renaming {path.name}")
        super().rename(path, to)
        self._fuse.reach(f"after renaming {path.name}")

    def unlink(self, path: Path) -> None:
        self._fuse.reach(f"before removing {path.name}")
        super().unlink(path)
        self._fuse.reach(f"after removing {path.name}")

    def sync_folder(self, folder: Path) -> None:
        self._fuse.reach("before the folder is durable")
        super().sync_folder(folder)
        self._fuse.reach("after the folder is durable")


class Outbox:
    """A home with vouchers that wait for a file, as often as one is asked for; each life on it is a process."""

    def __init__(self, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert world.connection is not None
        self._connection: Connection = world.connection
        self._timing = timing_of(world.settings)
        self._database = world.settings.home / "bcifs.db"
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._homes = 0

    def new_home(self) -> Path:
        self._homes += 1
        home = self._folder / f"home-{self._homes}"
        home.mkdir()
        shutil.copyfile(self._database, home / "bcifs.db")
        return home

    async def flush(self, home: Path, fuse: Fuse) -> list[str]:
        """One process that writes what waits, and dies where the fuse blows."""
        for module in ("ifs", "sync"):
            self._monkeypatch.setattr(f"bcifs_console.{module}.outbox.FileCalls", lambda: DyingCalls(fuse))
        database = CrashingDatabase(f"sqlite:///{home / 'bcifs.db'}", clock=SystemClock(), fuse=fuse)
        in_force: Rules = database.read_sync(lambda conn: rules.in_force(conn, self._connection.id))
        runtime = build_runtime(self._connection, in_force, database=database, timing=self._timing, owner="outbox")
        try:
            return await outbox.flush(runtime, home)
        finally:
            await runtime.aclose()
            database.close()

    def vouchers(self, home: Path) -> list[LedgerDocument]:
        """The vouchers of the home's ledger that are to stand in a file."""
        database = Database(f"sqlite:///{home / 'bcifs.db'}", clock=SystemClock())
        try:
            found = database.read_sync(lambda conn: ledger_rows.documents(conn, [self._connection.id], kinds=_VOUCHERS))
        finally:
            database.close()
        return [document for document in found if document.state is not DocumentState.NOTHING_TO_POST]

    def files(self, home: Path) -> dict[str, bytes]:
        """The texts that IFS would pick up."""
        return {path.name: path.read_bytes() for path in outbox.outbox_folder(home, "acme-us").glob("[!.]*.txt")}


async def test_killed_between_any_two_steps_the_outbox_holds_whole_files_and_each_voucher_once(
    make_world: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_world(settings={"outbox_interval_s": _HOUR_S}, **books("external_file")) as world:
        await sold(world, 2)
        wanted = {entry.key for entry in by_file(world)}
        await world.stop()
        monkeypatch.setattr(outbox, "BATCH_SIZE", 3)
        homes = Outbox(world, tmp_path, monkeypatch)
    assert len(wanted) == 4
    undisturbed = Fuse()
    home = homes.new_home()
    assert len(await homes.flush(home, undisturbed)) == 2
    whole = homes.files(home)
    for step in ("before commit", "after commit", "half-way", "after renaming", "before the folder"):
        assert any(boundary.startswith(step) for boundary in undisturbed.passed)
    for number, boundary in enumerate(undisturbed.passed):
        home = homes.new_home()
        with pytest.raises(Crash):
            await homes.flush(home, Fuse(number))
        left = homes.files(home)
        assert left.items() <= whole.items(), boundary
        await homes.flush(home, Fuse())
        assert homes.files(home) == whole, boundary
        folder = outbox.outbox_folder(home, "acme-us")
        batches = in_folder(folder)
        assert [batch.state for batch in batches] == [BatchState.WHOLE] * 2, boundary
        stated = [(key, batch.name) for batch in batches if batch.manifest for key in batch.manifest.keys]
        assert {key for key, _ in stated} == wanted, boundary
        assert len(stated) == len(wanted), boundary
        booked = {(document.key, document.reference) for document in homes.vouchers(home)}
        assert booked == set(stated), boundary
        assert {document.state for document in homes.vouchers(home)} == {DocumentState.CONFIRMED}, boundary
        assert list(folder.glob("*.part")) == [], boundary
        assert await homes.flush(home, Fuse()) == [], boundary
