"""Refunds of every shape over the API: what they come to, what is refused, how their payments end."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bcifs_console.simulator.money import load
from tests.simulator.clients import Receiver, StoreClient

ZERO = Decimal(0)
OFFLINE = {"provider_id": "custom", "offline": True}


class Shop:
    """One order with its parts, and refunds of it."""

    def __init__(self, store: StoreClient, number: int) -> None:
        self.store = store
        self.number = number
        self.path = f"/v3/orders/{number}/payment_actions"

    async def order(self) -> dict[str, Any]:
        row: dict[str, Any] = (await self.store.get(f"/v2/orders/{self.number}")).json()
        return row

    async def products(self) -> list[dict[str, Any]]:
        return await self.store.rows(f"/v2/orders/{self.number}/products")

    async def address(self) -> dict[str, Any]:
        return (await self.store.rows(f"/v2/orders/{self.number}/shipping_addresses"))[0]

    async def taxes(self) -> list[dict[str, Any]]:
        return await self.store.rows(f"/v2/orders/{self.number}/taxes", details="true")

    async def tenders(self) -> list[dict[str, Any]]:
        answer = await self.store.get(f"/v3/orders/{self.number}/transactions")
        return [] if answer.status_code == 204 else list(load(answer.content)["data"])

    async def quote(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.store.post(f"{self.path}/refund_quotes", body)
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = load(answer.content)["data"]
        return data

    async def ask(self, body: dict[str, Any]) -> httpx.Response:
        return await self.store.post(f"{self.path}/refunds", as_numbers(body))

    async def refund(self, *items: dict[str, Any], method: int = -1, **more: Any) -> dict[str, Any]:
        """By quote and refund, as the guide has it; the last method marks it as done elsewhere."""
        body: dict[str, Any] = {"items": list(items), **more} if items else more
        methods = (await self.quote(as_numbers(body)))["refund_methods"]
        ways = [{name: way[name] for name in ("provider_id", "amount", "offline")} for way in methods[method]]
        answer = await self.ask({**body, "payments": ways})
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = load(answer.content)["data"]
        return data

    async def refused(self, body: dict[str, Any]) -> str:
        answer = await self.ask(body)
        assert answer.status_code == 422, answer.text
        title: str = answer.json()["data"][0]["title"]
        return title


def as_numbers(value: Any) -> Any:
    """Decimals as JSON numbers."""
    return json.loads(json.dumps(value, default=float))


def product(row: dict[str, Any], quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"item_type": "PRODUCT", "item_id": row["id"], "quantity": quantity, **more}


async def placed(store: StoreClient, kind: str, units: int = 1) -> Shop:
    """An order of that kind whose first line has so many units at least."""
    for number in await store.place(*[kind] * 30):
        shop = Shop(store, number)
        if (await shop.products())[0]["quantity"] >= units:
            return shop
    raise AssertionError(f"no {kind} order has {units} units")


@pytest.fixture(autouse=True)
async def no_quota(store: StoreClient) -> None:
    await store.control("set", {"quota": None})


@pytest.mark.parametrize("kind", ["plain", "coupon", "tax_inclusive", "jpy", "kwd"])
async def test_units_of_a_line_sum_to_it_to_the_cent(store: StoreClient, kind: str) -> None:
    shop = await placed(store, kind, units=3)
    first = (await shop.products())[0]
    tax = next(Decimal(r["line_amount"]) for r in await shop.taxes() if r["order_product_id"] == str(first["id"]))
    refunds = [await shop.refund(product(first)) for _ in range(first["quantity"])]
    assert sum(refund["total_amount"] for refund in refunds) == Decimal(first["discounted_total_inc_tax"])
    assert sum(refund["total_tax"] for refund in refunds) == tax
    assert "quantity" in await shop.refused({"items": [product(first)], "payments": [{**OFFLINE, "amount": 1}]})
    (again, *_) = await shop.products()
    assert (again["quantity_refunded"], again["is_refunded"]) == (first["quantity"], True)
    assert again["refund_amount"] == "0.0000"


async def test_everything_in_one_refund_is_the_total(store: StoreClient) -> None:
    for kind in ("handling_fee", "gift_wrapping", "bundle", "zero_rated", "manual_discount"):
        shop = await placed(store, kind)
        sold, address = await shop.order(), await shop.address()
        items = [product(row, row["quantity"]) for row in await shop.products()]
        items += [
            {"item_type": "GIFT_WRAPPING", "item_id": row["id"], "quantity": row["quantity"]}
            for row in await shop.products()
            if row["wrapping_name"]
        ]
        for name, field in (("SHIPPING", "cost_inc_tax"), ("HANDLING", "handling_cost_inc_tax")):
            if Decimal(address[field]):
                items.append({"item_type": name, "item_id": address["id"], "amount": Decimal(address[field])})
        for fee in await store.rows(f"/v2/orders/{shop.number}/fees"):
            items.append({"item_type": "FEE", "item_id": fee["id"], "amount": Decimal(fee["cost_inc_tax"])})
        refund = await shop.refund(*items, method=0)
        assert refund["total_amount"] == Decimal(sold["total_inc_tax"]), kind
        assert refund["total_tax"] == Decimal(sold["total_tax"]), kind
        now = await shop.order()
        assert (now["status_id"], now["payment_status"]) == (4, "refunded")
        assert now["refunded_amount"] == "0.0000"
        assert "exceeds" in await shop.refused(
            {"items": [{"item_type": "ORDER", "item_id": shop.number, "amount": 1}], "payments": [OFFLINE]}
        )


async def test_parts_of_shipping_sum_to_it(store: StoreClient) -> None:
    shop = await placed(store, "plain")
    address = await shop.address()
    whole = Decimal(address["cost_inc_tax"])
    item = {"item_type": "SHIPPING", "item_id": address["id"]}
    first = await shop.refund({**item, "amount": Decimal("1.01")})
    rest = await shop.refund({**item, "amount": whole - Decimal("1.01")})
    assert first["total_amount"] + rest["total_amount"] == whole
    assert first["total_tax"] + rest["total_tax"] == Decimal(address["cost_tax"])
    assert first["items"] == [
        {**item, "reason": "", "requested_amount": Decimal("1.01"), "adjustments": []},
    ]
    assert "exceeds" in await shop.refused(
        {"items": [{**item, "amount": 0.01}], "payments": [{**OFFLINE, "amount": 0.01}]}
    )


async def test_order_level_refunds_carry_no_tax(store: StoreClient) -> None:
    shop = await placed(store, "plain")
    refund = await shop.refund({"item_type": "ORDER", "item_id": shop.number, "amount": 2})
    assert (refund["total_amount"], refund["total_tax"]) == (2, 0)
    assert (await shop.order())["status_id"] == 14


async def test_a_restocking_fee_takes_its_share_of_the_tax(store: StoreClient) -> None:
    """120 held of which 20 tax, 20 kept: 100 refunded with 16.67 of tax (ACCOUNTING's example)."""
    body = {
        "billing_address": {"zip": "78751", "email": "jane@example.com"},
        "products": [{"name": "Vase", "quantity": 1, "price_ex_tax": 100, "price_inc_tax": 120}],
        "status_id": 11,
    }
    shop = Shop(store, (await store.post("/v2/orders", body)).json()["id"])
    (vase,) = await shop.products()
    refund = await shop.refund(product(vase, adjustments=[{"amount": -20, "description": "Restocking"}]))
    assert (refund["total_amount"], refund["total_tax"]) == (100, Decimal("16.67"))
    assert refund["items"][0]["adjustments"] == [{"amount": -20, "description": "Restocking"}]
    assert refund["items"][0]["requested_amount"] is None


async def test_a_tax_adjustment_has_no_items(store: StoreClient) -> None:
    shop = await placed(store, "plain")
    tax = Decimal((await shop.order())["total_tax"])
    refund = await shop.refund(tax_adjustment_amount=tax)
    assert (refund["items"], refund["total_amount"], refund["total_tax"]) == ([], tax, tax)
    assert "tax" in await shop.refused({"tax_adjustment_amount": 0.01})
    bare = await placed(store, "plain")
    answer = await bare.ask({"tax_adjustment_amount": 1})
    assert answer.json()["data"]["payments"][0]["amount"] == 1


async def test_the_merchants_own_figures_are_taken_over(store: StoreClient) -> None:
    shop = await placed(store, "plain")
    first = (await shop.products())[0]
    override = {"total_amount": 7, "total_tax": -0.5}
    taxes = await shop.taxes()
    refund = await shop.refund(product(first), merchant_calculated_override=override)
    assert (refund["total_amount"], refund["total_tax"]) == (7, Decimal("-0.5"))
    assert refund["uses_merchant_override_values"] is True
    assert await shop.taxes() == taxes


async def test_taxes_may_follow_a_refund(store: StoreClient) -> None:
    shop = await placed(store, "plain", units=2)
    await store.control("set", {"bigcommerce": {"taxes_after_refund": "reduced"}})
    first = (await shop.products())[0]

    async def of_the_line() -> Decimal:
        return next(Decimal(r["line_amount"]) for r in await shop.taxes() if r["order_product_id"] == str(first["id"]))

    before = await of_the_line()
    refund = await shop.refund(product(first))
    assert await of_the_line() == before - refund["total_tax"]
    await store.control("set", {"bigcommerce": {"taxes_after_refund": "gone"}})
    await shop.refund(product(first))
    assert await shop.taxes() == []


async def test_back_to_a_split_tender(store: StoreClient) -> None:
    shop = await placed(store, "split_tender")
    sold, tenders = await shop.order(), await shop.tenders()
    items = [product(row, row["quantity"]) for row in await shop.products()]
    address = await shop.address()
    items.append({"item_type": "SHIPPING", "item_id": address["id"], "amount": Decimal(address["cost_inc_tax"])})
    refund = await shop.refund(*items, method=0)
    card, credit = refund["payments"]
    assert (card["provider_id"], card["amount"]) == (tenders[2]["gateway"], tenders[2]["amount"])
    assert (credit["provider_id"], credit["offline"]) == ("storecredit", False)
    assert card["amount"] + credit["amount"] == Decimal(sold["total_inc_tax"])
    back = [row for row in await shop.tenders() if row["event"] == "refund"]
    assert [str(row["id"]) for row in back] == [card["transaction_id"], credit["transaction_id"]]
    assert [row["method"] for row in back] == [tenders[2]["method"], "store_credit"]
    assert [row["reference_transaction_id"] for row in back] == [tenders[2]["id"], tenders[1]["id"]]


async def test_offline_payments_make_no_transaction(store: StoreClient) -> None:
    shop = await placed(store, "plain")
    refund = await shop.refund({"item_type": "ORDER", "item_id": shop.number, "amount": 1})
    assert refund["payments"][0]["offline"] is True
    assert len(await shop.tenders()) == 1


async def test_what_cannot_be_refunded(store: StoreClient) -> None:
    shop, guest = await placed(store, "plain", units=2), await placed(store, "guest")
    (row,) = await shop.products()
    (tender,) = await shop.tenders()
    one = {"item_type": "ORDER", "item_id": shop.number, "amount": 1}
    pay = {"payments": [{**OFFLINE, "amount": 1}]}
    worth = as_numbers((await shop.quote({"items": [product(row)]}))["total_refund_amount"])
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"items": [one]}, "Payments"),
        (pay, "Items"),
        ({"items": [], **pay}, "Items"),
        ({"items": [one], "tax_adjustment_amount": 1, **pay}, "together"),
        ({"items": [{**one, "item_id": 1}], **pay}, "belong"),
        ({"items": [{"item_type": "ORDER", "item_id": shop.number}], **pay}, "amount"),
        ({"items": [{"item_type": "SHIPPING", "item_id": 1, "amount": 1}], **pay}, "belong"),
        ({"items": [{"item_type": "TAX", "item_id": 1, "amount": 1}], **pay}, "item_type"),
        ({"items": [{"item_type": "PRODUCT", "item_id": row["id"]}], **pay}, "quantity"),
        ({"items": [product(row, 99)], **pay}, "larger"),
        ({"items": [{"item_type": "GIFT_WRAPPING", "item_id": row["id"], "quantity": 1}], **pay}, "wrapped"),
        ({"items": [{**one, "adjustments": [{"amount": -1}]}], **pay}, "PRODUCT only"),
        ({"items": [product(row, adjustments=[{"amount": 1}])], **pay}, "negative"),
        ({"items": [product(row, adjustments=[{"amount": -9999}])], **pay}, "larger"),
        ({"items": [product(row)], **pay}, "add up"),
        ({"items": [one], "merchant_calculated_override": {"total_amount": 1}, **pay}, "total_tax"),
        ({"items": [one], "nonsense": 1, **pay}, "nonsense"),
        ({"items": [one], "payments": [{"provider_id": "adyen", "amount": 1}]}, "adyen"),
        ({"items": [one], "payments": [{"provider_id": "cod", "amount": 1}]}, "offline"),
        ({"items": [{**one, "amount": 99999}], **pay}, "exceeds"),
    ]
    for body, said in refusals:
        assert said in await shop.refused(body), body
    credit = {"items": [{**one, "item_id": guest.number}], "payments": [{"provider_id": "storecredit", "amount": 1}]}
    assert "guest" in await guest.refused(credit)
    assert (await shop.order())["status_id"] != 14
    assert [r["quantity_refunded"] for r in await shop.products()] == [0]
    ways = [{"provider_id": tender["gateway"], "amount": worth}]
    assert (await shop.ask({"items": [product(row)], "payments": ways})).status_code == 201


async def test_a_provider_gives_back_what_it_took_and_no_more(store: StoreClient) -> None:
    shop = await placed(store, "split_tender")
    tenders = await shop.tenders()
    over = as_numbers(tenders[2]["amount"] + 1)
    item = {"item_type": "ORDER", "item_id": shop.number, "amount": over}
    assert "cannot give back" in await shop.refused(
        {"items": [item], "payments": [{"provider_id": tenders[2]["gateway"], "amount": over}]}
    )


@pytest.mark.parametrize("mode", ["late", "pending"])
async def test_payments_of_a_refund_end_later(store: StoreClient, hooks: Receiver, mode: str) -> None:
    await store.control("set", {"bigcommerce": {"refund_payments": mode, "refund_delay": 60}})
    await store.hook("store/order/transaction/updated", hooks.url)
    shop = await placed(store, "plain")
    refund = await shop.refund({"item_type": "ORDER", "item_id": shop.number, "amount": 1}, method=0)
    rows = [row for row in await shop.tenders() if row["event"] == "refund"]
    assert [row["status"] for row in rows] == (["pending"] if mode == "pending" else [])
    assert bool(refund["payments"][0]["transaction_id"]) is (mode == "pending")
    await store.control("advance", {"seconds": 61})
    (row,) = [row for row in await shop.tenders() if row["event"] == "refund"]
    (now,) = (await store.get(f"{shop.path}/refunds")).json()["data"]
    assert row["status"] == "ok"
    assert now["payments"][0]["transaction_id"] == str(row["id"])
    assert len(hooks.received) == (mode == "pending")


async def test_a_refund_waits_until_it_is_told_how_it_ends(store: StoreClient) -> None:
    await store.control("set", {"bigcommerce": {"refund_payments": "pending", "refund_delay": None}})
    shop = await placed(store, "plain")
    item = {"item_type": "ORDER", "item_id": shop.number, "amount": 1}
    good, bad = [await shop.refund(item, method=0) for _ in range(2)]
    await store.control("refunds", {"complete": good["id"]})
    await store.control("refunds", {"decline": bad["id"]})
    found = {row["id"]: row["payments"][0] for row in (await store.control("state?only=refunds"))["refunds"]}
    assert found[good["id"]]["is_declined"] is False
    assert found[bad["id"]]["is_declined"] is True
    assert found[bad["id"]]["declined_message"]
    status = {str(row["id"]): row["status"] for row in await shop.tenders()}
    assert status[found[good["id"]]["transaction_id"]] == "ok"
    assert status[found[bad["id"]]["transaction_id"]] == "error"


async def test_a_declined_refund_gives_nothing(store: StoreClient) -> None:
    await store.control("set", {"bigcommerce": {"refund_payments": "declined"}})
    shop = await placed(store, "plain")
    refund = await shop.refund({"item_type": "ORDER", "item_id": shop.number, "amount": 1}, method=0)
    assert refund["payments"][0]["is_declined"] is True
    days = (await store.control("books?from=2000-01-01&to=2099-12-31"))["days"]
    assert [row for row in days if row["kind"] == "refunds"] == []


@pytest.mark.parametrize("shape", ["net", "gross"])
async def test_requested_amounts_as_the_guide_has_them(store: StoreClient, shape: str) -> None:
    await store.control("set", {"bigcommerce": {"requested_amounts": shape}})
    shop = await placed(store, "plain")
    refund = await shop.refund(product((await shop.products())[0]))
    expected = refund["total_amount"] - (refund["total_tax"] if shape == "net" else ZERO)
    assert refund["items"][0]["requested_amount"] == expected


async def test_the_store_wide_list_filters_and_pages(store: StoreClient) -> None:
    shops = [Shop(store, number) for number in await store.place(*["plain"] * 5)]
    made = []
    for shop in shops:
        made.append(await shop.refund({"item_type": "ORDER", "item_id": shop.number, "amount": 1}, method=0))
        await store.control("advance", {"seconds": 100})
    ids = [refund["id"] for refund in made]
    path = "/v3/orders/payment_actions/refunds"

    async def listed(**query: Any) -> list[int]:
        return [row["id"] for row in (await store.get(path, **query)).json()["data"]]

    assert await listed() == ids == sorted(ids)
    assert await listed(order_id__in=f"{shops[1].number},{shops[3].number}") == [ids[1], ids[3]]
    assert await listed(id__in=f"{ids[0]},999") == [ids[0]]
    assert await listed(created__min=made[3]["created"]) == ids[3:]
    assert await listed(created__max=made[1]["created"]) == ids[:2]
    assert await listed(transaction_id=made[2]["payments"][0]["transaction_id"]) == [ids[2]]
    assert [await listed(limit=2, page=page) for page in (1, 2, 3, 4)] == [ids[:2], ids[2:4], ids[4:], []]
    assert (await store.get(path)).json()["meta"] == {}
    assert (await store.get(path, created__min="never")).json()["status"] == 400
    assert (await store.get(f"{path}/{ids[0]}")).json()["data"]["id"] == ids[0]
    other = await store.get(f"{shops[0].path}/refunds", transaction_id="0")
    assert other.json()["data"] == []
    assert (await store.get("/v3/orders/999/payment_actions/refunds")).status_code == 404


async def test_a_lost_answer_does_not_undo_a_refund(store: StoreClient) -> None:
    shop = await placed(store, "plain")
    script = {"side": "bigcommerce", "match": "POST .*payment_actions/refunds", "do": "drop_after_commit"}
    await store.control("faults", {"script": [script]})
    body = {
        "items": [{"item_type": "ORDER", "item_id": shop.number, "amount": 1}],
        "payments": [{**OFFLINE, "amount": 1}],
    }
    with pytest.raises(httpx.RemoteProtocolError):
        await shop.ask(body)
    assert len((await store.get(f"{shop.path}/refunds")).json()["data"]) == 1


async def test_refunds_at_once_do_not_exceed_the_order(store: StoreClient) -> None:
    shop = await placed(store, "plain")
    total = float((await shop.order())["total_inc_tax"])
    body = {
        "items": [{"item_type": "ORDER", "item_id": shop.number, "amount": total}],
        "payments": [{**OFFLINE, "amount": total}],
    }
    answers = await asyncio.gather(*(shop.ask(body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422]
