"""Snapshots and frozen drafts come back equal, whatever is in them."""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bcifs_console.domain.codec import decode_customer, decode_customer_order, decode_order, encode
from bcifs_console.domain.documents import CustomerDraft, CustomerOrderDraft
from bcifs_console.domain.orders import Address, LineType, Order, OrderLine

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=4)
MOMENTS = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is drawn beside it
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
#: what JSON and UTF-8 can hold; the wire readers let nothing else in
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    Decimal: AMOUNTS,
    datetime: MOMENTS,
    str: TEXTS,
    int: st.integers(-(2**63), 2**63),
    bool: st.booleans(),
    type(None): st.none(),
}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a domain type, its fields drawn from `LEAVES`."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{f.name: anything(hints[f.name]) for f in fields(kind)})  # type: ignore[arg-type] # a class
    arguments = get_args(kind)
    if get_origin(kind) is tuple and arguments[-1] is ...:
        return st.lists(anything(arguments[0]), max_size=2).map(tuple)
    if get_origin(kind) is tuple:
        return st.tuples(*(anything(item) for item in arguments))
    if arguments:
        return st.one_of(*(anything(choice) for choice in arguments))
    return LEAVES[kind] if kind in LEAVES else st.sampled_from(kind)


SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(anything(Order))
def test_any_order_comes_back_equal(order: Order) -> None:
    assert decode_order(encode(order)) == order


@SETTINGS
@given(anything(CustomerOrderDraft))
def test_any_customer_order_draft_comes_back_equal(draft: CustomerOrderDraft) -> None:
    assert decode_customer_order(encode(draft)) == draft


@SETTINGS
@given(anything(CustomerDraft))
def test_any_customer_draft_comes_back_equal(draft: CustomerDraft) -> None:
    assert decode_customer(encode(draft)) == draft


def line(**changes: Any) -> OrderLine:
    amounts = {f.name: Decimal("1.10") for f in fields(OrderLine) if f.type in (Decimal, "Decimal")}
    values: dict[str, Any] = {
        "id": 17,
        "sku": "SHIRT-1",
        "name": "Größe M",
        "type": LineType.PHYSICAL,
        "quantity": 2,
        "discounted_total_inc_tax": None,
    }
    return OrderLine(**(amounts | values | changes))


def order(**changes: Any) -> Order:
    values: dict[str, Any] = {
        "id": 5001,
        "status_id": 11,
        "status": "Awaiting Fulfillment",
        "customer_id": 0,
        "placed_at": datetime(2026, 12, 1, tzinfo=UTC),
        "modified_at": datetime(2026, 12, 1, tzinfo=UTC),
        "currency": "USD",
        "tax_inclusive": False,
        "lines": (line(),),
    }
    totals = ("total_ex_tax", "total_inc_tax", "total_tax", "subtotal_ex_tax", "subtotal_inc_tax")
    return Order(**({name: Decimal("12.3400") for name in totals} | values | changes))


def test_amounts_travel_as_text_and_keep_every_digit() -> None:
    exact = Decimal("0.1234")
    data = json.loads(encode(order(total_tax=exact)))
    assert data["total_tax"] == "0.1234"
    assert str(decode_order(json.dumps(data)).total_tax) == "0.1234"


def test_defaults_are_left_out_and_come_back() -> None:
    data = json.loads(encode(order()))
    assert "billing" not in data
    assert "channel_id" not in data
    assert decode_order(json.dumps(data)) == order()


def test_unread_is_not_the_same_as_none_there() -> None:
    """`taxes` is None where it was not read, () where the store has none: a plan must not mix them up."""
    assert decode_order(encode(order(taxes=None))).taxes is None
    assert decode_order(encode(order(taxes=()))).taxes == ()


def test_a_snapshot_of_an_older_release_reads_with_other_fields_than_ours() -> None:
    data = json.loads(encode(order(billing=Address(city="Austin"))))
    data["lines"][0]["price_tax"] = data["items_total"] = "2"
    del data["lines"][0]["discounted_total_inc_tax"]
    data["lines"][0]["discounted_total_inc_tax"] = None
    assert decode_order(json.dumps(data)).billing.city == "Austin"


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"id": "x"}', "{"])
def test_a_text_that_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        decode_order(text)
