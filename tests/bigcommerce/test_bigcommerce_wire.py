"""An order from the wire: what is read, what is tolerated, what is refused, and when embedded parts are not enough."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.fields import parse_json
from bcifs_console.bigcommerce.wire_order import embedded, parse_fees, parse_order
from bcifs_console.bigcommerce.wire_parts import parse_address, parse_coupon, parse_fee, parse_line, parse_tax
from bcifs_console.domain.orders import Charge, ChargeKind, LineType, Order
from tests.bigcommerce.bigcommerce_samples import NOON, consignments, link, wire_address, wire_line, wire_order


def over_the_wire(value: Any) -> Any:
    return parse_json(json.dumps(value).encode())


def whole(payload: Any) -> Order:
    """The order of a payload whose parts are all embedded."""
    payload = over_the_wire(payload)
    came = embedded(payload)
    assert came.lines is not None
    assert came.addresses is not None
    assert came.fees is not None
    return parse_order(payload, lines=came.lines, addresses=came.addresses, fees=came.fees)


def test_a_plain_order_is_read_whole_from_one_answer() -> None:
    order = whole(wire_order())
    assert (order.id, order.status_id, order.customer_id) == (5001, 11, 17)
    assert order.placed_at == order.modified_at == NOON
    assert (order.total_ex_tax, order.total_inc_tax, order.total_tax) == tuple(map(Decimal, ("23.75", "28.5", "4.75")))
    line = order.lines[0]
    assert (line.id, line.sku, line.quantity, line.address_id) == (11, "MUG-1", 2, 41)
    assert line.discounted_total_inc_tax == Decimal("22.5")
    assert line.applied_discounts[0].code == "SPRING"
    assert order.shipping[0].city == "Leeds"
    assert order.billing.email == "ada@example.com"
    assert order.taxes is None
    assert order.coupons is None


def test_the_currency_is_the_one_the_shopper_paid_in() -> None:
    assert whole(wire_order(currency_code="USD", default_currency_code="gbp")).currency == "GBP"


def test_numbers_of_consignments_and_strings_of_products_give_the_same_line() -> None:
    from_numbers = parse_line(over_the_wire(wire_line(numbers=True)), 5001)
    from_strings = parse_line(over_the_wire(wire_line()), 5001)
    assert repr(from_numbers) == repr(from_strings)


def test_charges_come_from_the_orders_own_figures_and_zero_ones_are_left_out() -> None:
    charges = whole(wire_order()).charges
    assert charges == (Charge(ChargeKind.SHIPPING, Decimal(5), Decimal(6), Decimal(1), name="Courier"),)


def test_handling_wrapping_and_fees_are_charges_too() -> None:
    fee = {"id": 3, "display_name_customer": "Insurance", "cost_ex_tax": "8.5", "cost_inc_tax": "10", "cost_tax": "1.5"}
    order = whole(
        wire_order(handling_cost_inc_tax="2.0000", wrapping_cost_ex_tax="1", wrapping_cost_inc_tax=1, fees=[fee])
    )
    kinds = [charge.kind for charge in order.charges]
    assert kinds == [ChargeKind.SHIPPING, ChargeKind.HANDLING, ChargeKind.WRAPPING, ChargeKind.FEE]
    assert order.charges[3].name == "Insurance"
    assert order.charges[3].id == 3


def test_sums_that_do_not_agree_are_kept_as_the_store_states_them() -> None:
    order = whole(wire_order(shipping_cost_tax="0.9900"))
    assert order.charges[0].tax == Decimal("0.99")


def test_a_fee_with_the_misspelt_key_of_the_documentation_is_read() -> None:
    fee = parse_fee({"id": 1, "cost_exc_tax": "12.3000", "cost_inc_tax": "12.3000", "cost_tax": "0.0000"}, 5001)
    assert fee.ex_tax == Decimal("12.3")


def test_a_fee_with_two_of_three_figures_gets_the_third() -> None:
    fee = parse_fee({"id": 1, "cost_ex_tax": "4.0000", "cost_tax": "8.0000"}, 5001)
    assert fee.inc_tax == 12


def test_a_fee_with_one_figure_is_refused() -> None:
    with pytest.raises(BadAnswer, match="order 5001, fee 1: cost_exc_tax is missing"):
        parse_fee({"id": 1, "cost_inc_tax": "4.0000"}, 5001)


def test_fees_are_read_from_their_own_resource_which_wraps_them() -> None:
    rows = [{"id": 1, "cost_ex_tax": "1", "cost_inc_tax": "1", "cost_tax": "0"}]
    assert parse_fees({"fees": rows}, 5001) == parse_fees(rows, 5001)
    assert parse_fees(None, 5001) == ()


def test_downloads_and_gift_certificates_are_lines_with_their_type() -> None:
    download = wire_line(12, quantity=1, order_address_id=0, numbers=True)
    gift = wire_line(13, quantity=1, order_address_id=0, numbers=True)
    del download["type"], gift["type"]
    groups = consignments(
        wire_line(numbers=True),
        downloads=[{"recipient_email": "a@b.c", "line_items": [download]}],
        email={"gift_certificates": [{"recipient_email": "a@b.c", "line_items": [gift]}]},
    )
    order = whole(wire_order(items_total=4, consignments=groups))
    assert [line.type for line in order.lines] == [LineType.PHYSICAL, LineType.DIGITAL, LineType.GIFT_CERTIFICATE]


def test_what_a_line_says_of_its_type_goes_before_its_consignment() -> None:
    assert parse_line(wire_line(type="giftcertificate"), 5001).type is LineType.GIFT_CERTIFICATE
    assert parse_line(wire_line(type="subscription"), 5001).type is LineType.PHYSICAL


def test_pickup_lines_are_lines_without_address() -> None:
    groups = consignments(
        pickups=[{"id": 9, "pickup_method_id": 1, "line_items": [wire_line(numbers=True, order_address_id=0)]}]
    )
    order = whole(wire_order(consignments=groups, shipping_address_count=0))
    assert order.lines[0].address_id == 0
    assert order.shipping == ()


def test_a_bundle_child_names_its_parent() -> None:
    assert parse_line(wire_line(12, parent_order_product_id=11), 5001).parent_id == 11


def test_a_custom_item_without_product_is_read() -> None:
    line = parse_line(wire_line(product_id=None, variant_id=None, sku="", name="", name_merchant="Engraving"), 5001)
    assert (line.sku, line.name) == ("", "Engraving")


def test_lines_stand_in_order_of_id_wherever_they_came_from() -> None:
    lines = [parse_line(wire_line(12), 5001), parse_line(wire_line(11), 5001)]
    assert [line.id for line in parse_order(wire_order(), lines=lines, addresses=()).lines] == [11, 12]


def test_the_address_id_is_the_lines_order_address_id_where_the_consignment_has_another() -> None:
    order = whole(wire_order(consignments=consignments(wire_line(order_address_id=41), address_id=99)))
    assert order.shipping[0].id == order.lines[0].address_id == 41


def test_lines_that_do_not_say_their_address_get_that_of_their_consignment() -> None:
    row = wire_line()
    del row["order_address_id"]
    order = whole(wire_order(consignments=consignments(row, address_id=99)))
    assert order.shipping[0].id == order.lines[0].address_id == 99


@pytest.mark.parametrize(
    "changes",
    [
        {"consignments": link("/orders/5001/consignments")},
        {"consignments": []},
        {"consignments": None},
        {"consignments": consignments(link("/orders/5001/products/11"))},
        {"consignments": consignments(downloads=[{"line_items": link("/orders/5001/products/11")}])},
        {"consignments": consignments(wire_line(discounted_total_inc_tax=None))},
        {"items_total": 3},
        {"items_total": None},
    ],
    ids=["link", "empty", "null", "links-in-it", "one-link-in-it", "no-discounted-total", "too-few", "no-total"],
)
def test_embedded_lines_that_are_not_whole_do_not_count(changes: dict[str, Any]) -> None:
    assert embedded(over_the_wire(wire_order(**changes))).lines is None


def test_links_in_place_of_lines_leave_the_addresses_usable() -> None:
    came = embedded(over_the_wire(wire_order(consignments=consignments(link("/orders/5001/products/11")))))
    assert came.lines is None
    assert came.addresses is not None
    assert came.addresses[0].id == 41


def test_fewer_addresses_than_the_order_has_do_not_count() -> None:
    assert embedded(over_the_wire(wire_order(shipping_address_count=2))).addresses is None


def test_a_link_in_place_of_fees_is_not_no_fees() -> None:
    assert embedded(over_the_wire(wire_order(fees=link("/orders/5001/fees")))).fees is None


def test_an_order_without_goods_needs_no_second_look() -> None:
    came = embedded(wire_order(items_total=0, shipping_address_count=0, consignments=consignments()))
    assert (came.lines, came.addresses) == ((), ())


@pytest.mark.parametrize(
    "field",
    [
        "status_id",
        "date_created",
        "date_modified",
        "default_currency_code",
        "total_ex_tax",
        "total_inc_tax",
        "total_tax",
        "subtotal_ex_tax",
        "subtotal_inc_tax",
        "is_tax_inclusive_pricing",
    ],
)
@pytest.mark.parametrize("value", [None, "", ...])
def test_a_missing_essential_is_refused_with_its_name_and_order(field: str, value: object) -> None:
    payload = wire_order() | {field: value}
    if value is ...:
        del payload[field]
    with pytest.raises(BadAnswer, match=f"order 5001: {field} is missing") as caught:
        parse_order(payload, lines=(), addresses=())
    assert (caught.value.field, caught.value.order_id) == (field, 5001)


@pytest.mark.parametrize("field", ["id", "quantity", "total_inc_tax", "price_ex_tax"])
def test_a_line_without_an_essential_is_refused(field: str) -> None:
    row = wire_line()
    del row[field]
    del row["total_tax"], row["price_tax"]
    with pytest.raises(BadAnswer) as caught:
        parse_line(row, 5001)
    assert (caught.value.field, caught.value.order_id) == (field, 5001)


def test_an_unreadable_amount_is_refused_even_where_the_field_is_optional() -> None:
    with pytest.raises(BadAnswer, match="discount_amount is not an amount"):
        parse_order(wire_order(discount_amount="five"), lines=(), addresses=())


@pytest.mark.parametrize("payload", [None, [], "order", 5])
def test_what_is_no_object_is_refused(payload: Any) -> None:
    with pytest.raises(BadAnswer):
        embedded(payload)


def test_a_guest_order_with_nulls_everywhere_they_may_be_is_read() -> None:
    order = whole(wire_order(customer_id=0, billing_address=None, channel_id=None, external_order_id=None, fees=None))
    assert order.is_guest
    assert order.billing.email == ""
    assert order.channel_id == 1


def test_date_shipped_is_none_until_shipped() -> None:
    assert whole(wire_order()).shipped_at is None
    assert whole(wire_order(date_shipped="Thu, 05 Mar 2026 12:00:00 +0000")).shipped_at == NOON


def test_a_shipping_address_row_and_a_consignment_read_the_same() -> None:
    assert parse_address(wire_address(), 5001) == whole(wire_order()).shipping[0]


def test_a_tax_row_with_details_names_its_line() -> None:
    row = {"name": "VAT", "class": "Default", "rate": "20.0000", "line_amount": "4.0000", "tax_class_id": None}
    tax = parse_tax(row | {"order_product_id": "11", "line_item_type": "item", "priority": 1}, 5001)
    assert (tax.rate, tax.amount, tax.order_line_id) == (Decimal(20), Decimal(4), 11)
    assert parse_tax(row, 5001) == replace(tax, order_line_id=None, line_type="", priority=0)


def test_a_coupons_discount_is_the_money_off_not_its_percentage() -> None:
    row = {"id": 1, "code": None, "type": 1, "amount": "10.0000", "discount": 1.5}
    coupon = parse_coupon(over_the_wire(row), 5001)
    assert (coupon.code, coupon.type, coupon.discount) == ("", 1, Decimal("1.5"))
