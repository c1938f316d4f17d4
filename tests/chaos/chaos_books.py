"""What one order's money and goods have become in IFS: its vouchers, compared between lives and proven on their own."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument
from bcifs_console.store import intake
from tests.chaos.chaos_life import Home, Life, new_home
from tests.chaos.chaos_upstreams import Booked, Upstreams, comparable, money
from tests.integration.bookkeeping import books
from tests.integration.storefront import SHIPPING, order, priced

#: Three units that do not divide to the cent, and two more; freight.
GOODS: Final = (priced("Odd price", "SIM-1001", 3, 33.33, 36.08), priced("Claw hammer", "SIM-1002", 2, 20, 21.65))
FREIGHT: Final = SHIPPING
AWAITING_PAYMENT: Final = 7
AWAITING_FULFILLMENT: Final = 11
CANCELLED: Final = 5

CLEARING: Final = "1580"
BALANCE: Final = "2420"


def booking_home(
    url: str, up: Upstreams, folder: Path, clock: ManualClock, *, profile: str = "default", **more: str
) -> Home:
    """A home whose connection makes vouchers by rest; keywords as of `books` change that."""
    return new_home(url, up.about, folder, now=clock.now(), profile=profile, **books(**more))


def manual_clock() -> ManualClock:
    return ManualClock(datetime.now(UTC))


async def place(up: Upstreams, *products: dict[str, Any], **fields: Any) -> int:
    """An order over the store's API, of `GOODS` with freight where nothing else is said."""
    answer = await up.store.post("/v2/orders", order(*(products or GOODS), **{**FREIGHT, **fields}))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def change(up: Upstreams, order_id: int, **fields: Any) -> None:
    answer = await up.store.put(f"/v2/orders/{order_id}", fields)
    assert answer.status_code == 200, answer.text


async def a_while(up: Upstreams) -> None:
    """The store's facts are timed to the second: what comes after this is later."""
    await up.store.control("advance", {"seconds": 2})


async def mark(life: Life, order_id: int) -> None:
    """Make the order due, as a person does."""
    await life.database.write(lambda tx: intake.mark_due(tx, life.home.connection_id, [order_id], found_by="operator"))


async def look_again(life: Life, order_id: int) -> None:
    """Mark the order due and work until nothing is."""
    await mark(life, order_id)
    await life.work()


@dataclass(frozen=True)
class Entries:
    """The vouchers in IFS that carry one order's reference, every one of them: twins and half-made ones too."""

    order_id: int
    vouchers: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, state: Mapping[str, Any], order_id: int) -> "Entries":
        prefix = f"BC-{order_id}/"
        mine = [v for v in state["vouchers"] if str(v.get("VoucherText") or "").startswith(prefix)]
        return cls(order_id, tuple(sorted((comparable(v) for v in mine), key=repr)))

    @property
    def keys(self) -> list[str]:
        """`PAY/44`, each as often as it is there."""
        return sorted(str(v["VoucherText"]).removeprefix(f"BC-{self.order_id}/") for v in self.vouchers)

    def balances(self, name: str = "CurrencyAmount") -> dict[str, Decimal]:
        """Account → debit less credit, without those back at zero; `Amount` is the accounting currency's."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for voucher in self.vouchers:
            for row in voucher["rows"]:
                sums[row["Account"]] += money(row[name])
        return {account: amount for account, amount in sums.items() if amount}

    def assert_sound(self) -> None:
        """Each voucher once, confirmed, of two rows at least, and in balance in both currencies."""
        assert [key for key, times in Counter(self.keys).items() if times > 1] == [], "posted twice"
        for voucher in self.vouchers:
            rows = voucher["rows"]
            assert voucher["Objstate"] == "Confirmed", voucher
            assert len(rows) >= 2, voucher
            for name in ("CurrencyAmount", "Amount"):
                assert sum((money(row[name]) for row in rows), Decimal(0)) == 0, voucher
            assert {row["ReferenceNumber"] for row in rows} == {voucher["VoucherText"]}


async def ifs_books(up: Upstreams) -> dict[str, Any]:
    """The part of IFS's truth that grows here; all of it would take most of a test's time."""
    state: dict[str, Any] = await up.erp.control("state?only=customer_orders,vouchers")
    return {"customers": [], **state}


async def entries(up: Upstreams, order_id: int) -> Entries:
    return Entries.of(await ifs_books(up), order_id)


@dataclass(frozen=True)
class Standing:
    """All that IFS holds of some orders: customer orders and vouchers, comparable between lives."""

    orders: tuple[tuple[Booked, Entries], ...]

    @classmethod
    async def of(cls, up: Upstreams, *order_ids: int) -> "Standing":
        state = await ifs_books(up)
        return cls(tuple((Booked.of(state, order_id), Entries.of(state, order_id)) for order_id in order_ids))

    def assert_in(self, documents: Sequence[LedgerDocument]) -> None:
        """Every voucher of our ledger stands in IFS, sound, and none besides; every document is done."""
        made = [f"BC-{entries.order_id}/{name}" for _, entries in self.orders for name in entries.keys]
        ours = [document for document in documents if document.kind is DocumentKind.VOUCHER]
        assert sorted(d.key for d in ours if d.state is DocumentState.CONFIRMED) == sorted(made)
        done = {DocumentState.CONFIRMED, DocumentState.NOTHING_TO_POST}
        assert [document for document in documents if document.state not in done] == []
        for _, entries in self.orders:
            entries.assert_sound()


async def assert_books_agree(up: Upstreams, life: Life, *order_ids: int) -> Standing:
    """What IFS holds of the orders, which is all that our ledger says."""
    standing = await Standing.of(up, *order_ids)
    kinds = (DocumentKind.VOUCHER, DocumentKind.ORDER_UPDATE)
    standing.assert_in([document for kind in kinds for document in await life.documents(kind)])
    return standing
