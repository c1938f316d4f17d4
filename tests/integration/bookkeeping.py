"""What happens to an order after it was placed, as a merchant makes it happen; and what IFS's books then hold.

The books are read from the simulator's truth, never from the program under test.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from tests.simulator.clients import StoreClient

#: Accounts for every purpose, from the simulator's chart (docs/simulator.md).
ACCOUNTS: Final = {
    "customer_balance": "2420",
    "clearing": "1580",
    "gift_certificate_liability": "2421",
    "store_credit_liability": "2422",
    "tax_account": "2610",
    "tax_on_prepayments": "2615",
    "returns": "4900",
    "shipping_income": "4100",
    "handling_income": "4110",
    "wrapping_income": "4120",
    "fee_income": "4130",
    "retained_income": "4140",
    "goodwill": "4910",
    "rounding": "7990",
}


class Sides(Protocol):
    """The two systems as a merchant and an accountant see them: an integration world, or chaos's upstreams."""

    store: StoreClient

    async def ifs_state(self) -> dict[str, Any]: ...


def books(transport: str = "rest", policy: str = "", **accounts: str) -> dict[str, str]:
    """Keywords of `make_world` for a connection that makes vouchers; an account set to "" is not mapped."""
    mapped = {name: account for name, account in {**ACCOUNTS, **accounts}.items() if account}
    lines = "\n".join(f'{name} = "{account}"' for name, account in mapped.items())
    return {
        "ifs": f'voucher_transport = "{transport}"',
        "policy": policy,
        "mapping": f'revenue_account = "4000"\n[mapping.accounts]\n{lines}',
    }


async def pay(world: Sides, order_id: int, amount: str | None = None, **more: Any) -> int:
    """A captured payment, by default of the whole total; answers with the transaction's number."""
    total = amount or (await store_order(world, order_id))["total_inc_tax"]
    body = {"order_id": order_id, "event": "purchase", "method": "credit_card", "gateway": "stripe", "amount": total}
    answer = await world.store.control("transactions", {**body, **more})
    return int(answer["id"])


async def store_order(world: Sides, order_id: int) -> dict[str, Any]:
    answer = await world.store.get(f"/v2/orders/{order_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def products(world: Sides, order_id: int) -> list[dict[str, Any]]:
    return await world.store.rows(f"/v2/orders/{order_id}/products")


async def ship(world: Sides, order_id: int, quantities: Mapping[int, int] | None = None, **more: str) -> int:
    """Ship these quantities by order_product_id, by default all that is left; answers with the shipment's number."""
    left = {p["id"]: p["quantity"] - p["quantity_shipped"] for p in await products(world, order_id)}
    items = [{"order_product_id": k, "quantity": n} for k, n in (quantities or left).items() if n]
    (address, *_) = await world.store.rows(f"/v2/orders/{order_id}/shipping_addresses")
    body = {"order_address_id": address["id"], "items": items, **more}
    answer = await world.store.post(f"/v2/orders/{order_id}/shipments", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def refund(world: Sides, order_id: int, *items: dict[str, Any], amount: str, **payment: Any) -> int:
    """Refund over the store's API; answers with the refund's number."""
    paid = {"provider_id": "stripe", "amount": float(amount), "offline": False, **payment}
    body = {"items": list(items), "payments": [paid]}
    answer = await world.store.post(f"/v3/orders/{order_id}/payment_actions/refunds", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


async def vouchers(world: Sides, order_id: int) -> dict[str, dict[str, Any]]:
    """The vouchers in IFS of this order by their text, none of which may be there twice."""
    found: dict[str, dict[str, Any]] = {}
    for voucher in (await world.ifs_state())["vouchers"]:
        key = str(voucher.get("VoucherText") or "")
        if key.startswith(f"BC-{order_id}/"):
            assert key not in found, f"{key} is there twice"
            found[key.removeprefix(f"BC-{order_id}/")] = voucher
    return found


def entries(voucher: Mapping[str, Any]) -> dict[str, Decimal]:
    """Account → debit less credit, in the voucher's currency. Rows of one account are added up."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in voucher["rows"]:
        sums[row["Account"]] += Decimal(str(row["CurrencyAmount"]))
    return dict(sums)


async def balances(world: Sides, order_id: int) -> dict[str, Decimal]:
    """Account → debit less credit over all vouchers of the order, accounts that are back to zero left out."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for voucher in (await vouchers(world, order_id)).values():
        assert voucher["Objstate"] == "Confirmed", voucher
        for account, amount in entries(voucher).items():
            sums[account] += amount
    return {account: amount for account, amount in sums.items() if amount}
