"""Which movements an order's own state asks for: never one too few, and no call for a plain new order but one."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bcifs_console.bigcommerce.wants import Wanted, movements_wanted
from bcifs_console.bigcommerce.wire_order import parse_order
from bcifs_console.bigcommerce.wire_parts import parse_line
from bcifs_console.domain.orders import LineType, Order
from tests.bigcommerce.bigcommerce_samples import NOON, wire_line, wire_order

NOTHING = Wanted(tenders=False, shipments=False, refunds=False)


def order(status_id: int = 11, payment_status: str = "captured", *, line: dict[str, Any] | None = None) -> Order:
    """An order of two mugs in these statuses; `line` changes its line."""
    payload = wire_order(status_id=status_id, payment_status=payment_status)
    found = parse_order(payload, lines=[parse_line(wire_line(), 5001)], addresses=[])
    return replace(found, lines=tuple(replace(each, **(line or {})) for each in found.lines))


def test_a_new_order_paid_by_card_asks_for_its_tenders_alone() -> None:
    assert movements_wanted(order()) == Wanted(tenders=True, shipments=False, refunds=False)


@pytest.mark.parametrize("status_id", range(15))
@pytest.mark.parametrize(
    "payment_status",
    ["authorized", "captured", "capture pending", "held for review", "paid", "pending", "void", "void pending"],
)
def test_a_payment_that_was_begun_asks_for_tenders_whatever_the_order_says(status_id: int, payment_status: str) -> None:
    """Also of cancelled and incomplete orders: money held on them must show."""
    assert movements_wanted(order(status_id, payment_status)).tenders


@pytest.mark.parametrize("payment_status", ["", "declined", "Declined "])
@pytest.mark.parametrize("status_id", [0, 1, 6, 7])
def test_an_order_not_paid_and_not_going_on_asks_for_nothing(status_id: int, payment_status: str) -> None:
    assert movements_wanted(order(status_id, payment_status)) == NOTHING


@pytest.mark.parametrize("status_id", [2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 99])
def test_an_order_by_hand_or_on_delivery_that_goes_on_asks_for_tenders(status_id: int) -> None:
    """Its payment status is empty, paid or not."""
    assert movements_wanted(order(status_id, "")).tenders


@pytest.mark.parametrize("redeemed", ["gift_certificate_amount", "store_credit_amount"])
@pytest.mark.parametrize("status_id", [0, 1, 6, 7])
def test_a_redeemed_amount_is_a_tender_of_any_order(status_id: int, redeemed: str) -> None:
    changes: dict[str, Any] = {redeemed: Decimal("0.01")}
    paid_in_part = replace(order(status_id, ""), **changes)
    assert movements_wanted(paid_in_part) == replace(NOTHING, tenders=True)


@pytest.mark.parametrize("payment_status", ["", "captured", "refunded"])
@pytest.mark.parametrize(("status_id", "shipments"), [(s, s in {2, 3, 10}) for s in range(15)])
def test_shipments_are_asked_for_in_statuses_reached_by_shipping(
    status_id: int, shipments: bool, payment_status: str
) -> None:
    assert movements_wanted(order(status_id, payment_status)).shipments is shipments


@pytest.mark.parametrize("status_id", [4, 5, 11, 13, 14])
def test_shipped_units_ask_for_shipments_in_any_status(status_id: int) -> None:
    assert movements_wanted(replace(order(status_id), items_shipped=1)).shipments
    assert movements_wanted(order(status_id, line={"quantity_shipped": 1})).shipments
    assert movements_wanted(replace(order(status_id), shipped_at=NOON + timedelta(days=1))).shipments


@pytest.mark.parametrize("line_type", [LineType.DIGITAL, LineType.GIFT_CERTIFICATE])
@pytest.mark.parametrize("status_id", [2, 10])
def test_an_order_with_nothing_to_ship_has_no_shipments(status_id: int, line_type: LineType) -> None:
    delivered = replace(order(status_id, line={"type": line_type}), shipped_at=NOON)
    assert not movements_wanted(delivered).shipments
    assert movements_wanted(replace(delivered, items_shipped=1)).shipments, "unless the store counted one"


@pytest.mark.parametrize("status_id", [4, 14])
@pytest.mark.parametrize("payment_status", ["", "captured", "refunded"])
def test_a_refund_status_asks_for_refunds_and_tenders(status_id: int, payment_status: str) -> None:
    """An ORDER-level refund shows nowhere else, on cash on delivery not even in the payment status."""
    wanted = movements_wanted(order(status_id, payment_status))
    assert (wanted.refunds, wanted.tenders) == (True, True)


@pytest.mark.parametrize("payment_status", ["refunded", "partially refunded", "Partially Refunded"])
@pytest.mark.parametrize("status_id", [2, 5, 10, 11])
def test_a_refunded_payment_asks_for_refunds_after_the_order_went_on(status_id: int, payment_status: str) -> None:
    assert movements_wanted(order(status_id, payment_status)).refunds


@pytest.mark.parametrize("status_id", [2, 3, 10, 11])
def test_refunded_units_ask_for_refunds_in_any_status(status_id: int) -> None:
    assert movements_wanted(order(status_id, line={"quantity_refunded": 1})).refunds


@pytest.mark.parametrize(
    "payment_status",
    ["", "authorized", "captured", "capture pending", "declined", "held for review", "paid", "pending", "void"],
)
@pytest.mark.parametrize("status_id", [0, 2, 5, 7, 10, 11, 13])
def test_where_nothing_was_given_back_no_refunds_are_asked_for(status_id: int, payment_status: str) -> None:
    assert not movements_wanted(order(status_id, payment_status)).refunds


def test_a_payment_status_of_tomorrow_asks_for_all_money() -> None:
    wanted = movements_wanted(order(0, "a status of tomorrow"))
    assert wanted == Wanted(tenders=True, shipments=False, refunds=True)
