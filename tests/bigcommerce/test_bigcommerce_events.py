"""What a webhook body says, and that nothing but MalformedEvent comes of a bad one."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcifs_console.bigcommerce.events import Event, MalformedEvent, parse_event
from bcifs_console.bigcommerce.scopes import WANTED_SCOPES, WILDCARD_SCOPES

HASH = "3f" * 20


def body(scope: str, data: Any, **changes: Any) -> bytes:
    envelope = {
        "producer": "stores/abc123",
        "hash": HASH,
        "created_at": 1767225600,
        "store_id": "1001",
        "scope": scope,
        "data": data,
    }
    return json.dumps(envelope | changes).encode()


def test_an_event_says_scope_store_order_time_and_hash() -> None:
    event = parse_event(body("store/order/created", {"type": "order", "id": 5001}))
    assert event == Event("store/order/created", "abc123", 5001, datetime(2026, 1, 1, tzinfo=UTC), HASH)


@pytest.mark.parametrize(
    ("scope", "data"),
    [
        ("store/order/updated", {"type": "order", "id": 5001}),
        ("store/order/archived", {"type": "order", "id": 5001}),
        ("store/order/statusUpdated", {"type": "order", "id": 5001, "status": {"new_status_id": 11}}),
        ("store/order/message/created", {"type": "order", "id": 5001, "message": {"order_message_id": 7}}),
        ("store/order/refund/created", {"type": "order", "id": 5001, "refund": {"refund_id": 9}}),
        ("store/order/transaction/created", {"type": "transaction", "order_id": "5001", "transaction_id": "44"}),
        ("store/order/transaction/updated", {"type": "transaction", "order_id": 5001}),
        ("store/order/metafield/updated", {"metafield_id": 31, "resource_id": "5001"}),
        ("store/shipment/created", {"type": "shipment", "id": 61, "orderId": 5001}),
        ("store/shipment/*", {"type": "shipment", "id": 61, "orderId": 5001}),
        ("store/channel/1/order/created", {"order_id": 5001}),
        ("store/channel/1/order/statusUpdated", {"type": "order", "id": 5001}),
        ("store/order/*", {"type": "order", "id": 5001}),
        ("store/order/*", {"type": "transaction", "order_id": "5001"}),
        ("store/order/*", {"metafield_id": 31, "resource_id": "5001"}),
    ],
)
def test_the_order_id_is_found_in_each_of_its_places(scope: str, data: dict[str, Any]) -> None:
    assert parse_event(body(scope, data)).order_id == 5001


@pytest.mark.parametrize(
    ("scope", "data"),
    [
        ("store/customer/updated", {"type": "customer", "id": 88}),
        ("store/product/updated", {"type": "product", "id": 88}),
        ("store/hook/deliveryException", {"type": "webhook", "id": 17, "error_code": 90001}),
        ("store/channel/1/settings/updated", {"order_id": 3, "id": 3}),
        ("store/shipment/created", {"type": "shipment", "id": 61}),
        ("store/order/transaction/created", {"type": "transaction", "transaction_id": "44", "id": 44}),
        ("store/information/updated", {"type": "store"}),
        ("store/order/created", None),
        ("store/order/created", []),
        ("store/order/created", {}),
    ],
)
def test_what_names_no_order_is_an_event_without_one(scope: str, data: Any) -> None:
    assert parse_event(body(scope, data)).order_id is None


@pytest.mark.parametrize("value", [0, -1, 2**63, True, 1.0, "", " 5001", "-5", "5001x", "٥", "9" * 30, None, [5001]])
def test_an_order_id_that_is_none_is_not_believed(value: object) -> None:
    assert parse_event(body("store/order/created", {"id": value})).order_id is None


def test_the_largest_order_id_fits_a_signed_64_bit_column() -> None:
    assert parse_event(body("store/order/created", {"id": str(2**63 - 1)})).order_id == 2**63 - 1


@pytest.mark.parametrize("scope", [*WANTED_SCOPES, *WILDCARD_SCOPES])
def test_every_scope_we_register_leads_to_its_order(scope: str) -> None:
    data = {"orderId": 5001} if "shipment" in scope else {"order_id": 5001} if "transaction" in scope else {"id": 5001}
    assert parse_event(body(scope, data)).order_id == 5001


def test_there_are_ten_wanted_scopes() -> None:
    assert len(set(WANTED_SCOPES)) == 10


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"scope": "\xff"}',
        b'{"scope": NaN}',
        b'{"scope": Infinity}',
        b'{"n": ' + b"1" * 5000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
def test_what_is_no_proper_json_object_is_malformed(malformed: bytes) -> None:
    with pytest.raises(MalformedEvent):
        parse_event(malformed)


def test_a_key_twice_is_malformed_at_any_depth() -> None:
    good = body("store/order/created", {"id": 5001}).decode()
    with pytest.raises(MalformedEvent):
        parse_event(good.replace('"id": 5001', '"id": 5001, "id": 5002').encode())
    with pytest.raises(MalformedEvent):
        parse_event(good.replace('"scope"', '"hash": "x", "scope"').encode())


def nested(depth: int) -> Any:
    """An array `depth` arrays deep; it stands inside two objects."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_thirty_two_levels_are_read_and_thirty_three_are_malformed() -> None:
    assert parse_event(body("store/order/created", {"id": 5001, "extra": nested(30)})).order_id == 5001
    with pytest.raises(MalformedEvent):
        parse_event(body("store/order/created", {"id": 5001, "extra": nested(31)}))


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert parse_event(body("store/order/created", {"id": 5001, "extra": [[]] * 100})).order_id == 5001


@pytest.mark.parametrize("scope", [None, 5, "", "store/order/\ncreated", "store/ördér", "x" * 201])
def test_a_scope_that_is_none_is_malformed(scope: Any) -> None:
    with pytest.raises(MalformedEvent):
        parse_event(body(scope, {"id": 5001}))


@pytest.mark.parametrize("producer", [None, 5, "", "abc123", "stores/", "stores/abc/../x", "stores/abc123\n", "apps/1"])
def test_a_producer_that_names_no_store_is_malformed(producer: Any) -> None:
    with pytest.raises(MalformedEvent):
        parse_event(body("store/order/created", {"id": 5001}, producer=producer))


@pytest.mark.parametrize("value", [None, "", 5, "a b", "x" * 129])
def test_without_a_hash_that_of_the_body_takes_its_place(value: object) -> None:
    event_body = body("store/order/created", {"id": 5001}, hash=value)
    assert parse_event(event_body).hash == sha256(event_body).hexdigest()


@pytest.mark.parametrize("value", [None, "soon", -5, 10**17, 2**70, [], True])
def test_a_time_that_is_none_is_left_out(value: object) -> None:
    assert parse_event(body("store/order/created", {"id": 5001}, created_at=value)).created_at is None


def test_unknown_fields_are_passed_over() -> None:
    assert parse_event(body("store/order/created", {"id": 5001, "new": {}}, channel_id=None)).order_id == 5001


def test_the_message_does_not_quote_the_body() -> None:
    with pytest.raises(MalformedEvent) as caught:
        parse_event(b'{"scope": "ada@example.com\n"}')
    assert "ada" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


def outcome(data: bytes) -> Event | MalformedEvent:
    """What becomes of a body; anything else that is raised fails the test."""
    try:
        return parse_event(data)
    except MalformedEvent as malformed:
        return malformed


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_an_event_or_malformed(data: bytes) -> None:
    found = outcome(data)
    assert isinstance(found, MalformedEvent) or b"{" in data, "without an object there is no event"


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"scope": JSON | st.sampled_from(WANTED_SCOPES), "producer": JSON | st.just("stores/abc123")},
        optional={
            "data": JSON | st.dictionaries(st.sampled_from(["id", "order_id", "orderId"]), JSON),
            "hash": JSON,
            "created_at": JSON,
        },
    )
)
def test_random_json_is_an_event_or_malformed(payload: Any) -> None:
    found = outcome(json.dumps(payload).encode())
    if isinstance(found, Event):
        assert (found.scope, f"stores/{found.store_hash}") == (payload["scope"], payload["producer"])
        assert found.order_id is None or 0 < found.order_id < 2**63
    else:
        assert found.message
