"""The main job: an order placed in the store stands in IFS, released, equal to the cent (issue 2, *must show*)."""

import pytest

from bcifs_console.domain.states import Side
from bcifs_console.store import health
from tests.integration.comparing import assert_charges_equal_store, assert_equal_to_store
from tests.integration.storefront import PLACED
from tests.integration.world import World


@pytest.mark.parametrize("kind", PLACED)
async def test_an_order_placed_over_the_api_stands_in_ifs(world: World, kind: str) -> None:
    body, charge_types = PLACED[kind]
    order_id = await world.place(body)
    view = await world.reaches(order_id, "synced")
    state = await world.store_state()
    sold = next(row for row in state["orders"] if row["id"] == order_id)
    booked = await world.ifs_order(order_id)
    assert_equal_to_store(sold, state["products"][str(order_id)], booked)
    assert_charges_equal_store(sold, booked)
    assert {charge["ChargeType"] for charge in booked["charges"]} == charge_types
    assert booked["Objstate"] == "Released"
    assert booked["CustomerNo"] == "C1002"
    assert (view.ifs_order_no, view.ifs_customer) == (booked["OrderNo"], "C1002")


#: The kinds that only a shop front makes, and what must become of each: state, reason, charge types beside the tax.
KINDS: dict[str, tuple[str, set[str]]] = {
    "plain": ("synced", {"FREIGHT"}),
    "multi_line": ("synced", {"FREIGHT"}),
    "guest": ("synced", {"FREIGHT"}),
    "tax_inclusive": ("synced", {"FREIGHT"}),
    "coupon": ("synced", {"FREIGHT", "PROMO"}),
    "manual_discount": ("synced", {"FREIGHT", "PROMO"}),
    "free_shipping": ("synced", set()),
    "gift_wrapping": ("synced", {"FREIGHT", "WRAPPING"}),
    "digital": ("synced", set()),
    "sixty_lines": ("synced", {"FREIGHT"}),
    "jpy": ("synced", {"FREIGHT"}),
    "kwd": ("synced", {"FREIGHT"}),
    "eur": ("synced", {"FREIGHT"}),
    "custom_item": ("synced", {"FREIGHT"}),
    "handling_fee": ("synced", {"FREIGHT", "HANDLING", "FEE"}),
    "bundle": ("synced", {"FREIGHT"}),
    "zero_rated": ("synced", {"FREIGHT"}),
    "gift_certificate_tender": ("synced", {"FREIGHT"}),
    "split_tender": ("synced", {"FREIGHT"}),
    "bank_deposit": ("synced", {"FREIGHT"}),
    "cash_on_delivery": ("synced", {"FREIGHT"}),
    "tender_in_test_mode": ("synced", {"FREIGHT"}),
    "gift_certificate_sold": ("synced", {"FREIGHT", "GIFTCERT"}),
    "awaiting_payment": ("synced", {"FREIGHT"}),
    "unknown_buyer": ("waiting: customer", set()),
    "shared_email": ("waiting: customer", set()),
    "unmapped_sku": ("waiting: mapping", set()),
    "totals_off": ("waiting: totals", set()),
}

#: Imported, and left Planned until the money is there.
UNPAID = frozenset({"awaiting_payment", "bank_deposit"})


async def test_every_kind_of_order_a_shop_front_makes(world: World) -> None:
    placed = dict(zip(KINDS, await world.store.place(*KINDS), strict=True))
    assert set(KINDS) == set(await world.store.control("kinds")), "the simulator has other kinds than this test"
    views = {kind: await world.settles(order_id) for kind, order_id in placed.items()}
    became = {k: v.state if v.state == "synced" else f"{v.state}: {v.reason}" for k, v in views.items()}
    assert became == {kind: state for kind, (state, _) in KINDS.items()}
    state = await world.store_state()
    sold = {row["id"]: row for row in state["orders"]}
    for kind, order_id in placed.items():
        if became[kind] != "synced":
            assert await world.ifs_orders(order_id) == [], kind
            continue
        booked = await world.ifs_order(order_id)
        assert_equal_to_store(sold[order_id], state["products"][str(order_id)], booked)
        assert_charges_equal_store(sold[order_id], booked)
        assert {c["ChargeType"] for c in booked["charges"]} - {"SALESTAX"} == KINDS[kind][1], kind
        assert booked["Objstate"] == ("Planned" if kind in UNPAID else "Released"), kind
    assert len((await world.ifs_state())["customer_orders"]) == list(became.values()).count("synced")
    answered = (await world.opened.database.read(health.answered))[world.connection_id]
    assert set(answered) == set(Side), "the service tells with its beats when each side answered last"
