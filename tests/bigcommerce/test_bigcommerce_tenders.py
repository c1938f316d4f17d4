"""Transactions as the store answers them: every shape of the facts §4, what must not pass, what is never read."""

import json
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx

from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.bigcommerce.errors import BadAnswer, PermissionMissing
from bcifs_console.domain.movements import Tender
from tests.bigcommerce.bigcommerce_samples import PLANTED, TOKEN, Json, wire_transaction, wrapped

TRANSACTIONS = "/v3/orders/5001/transactions"
REFUNDS = "/v3/orders/5001/payment_actions/refunds"

TENDER = Tender(
    id=44,
    event="purchase",
    method="credit_card",
    gateway="stripe",
    amount=Decimal("28.5000"),
    currency="GBP",
    status="ok",
    created_at=datetime(2026, 3, 5, 12, 0, 30, tzinfo=UTC),
    gateway_reference="ch_1",
)


async def test_a_transaction_is_read_with_what_the_books_need(store: respx.Router, client: BigCommerceClient) -> None:
    store.get(TRANSACTIONS).respond(json=wrapped(wire_transaction(), total=1, total_pages=1))
    assert await client.tenders(5001) == (TENDER,)
    assert len(store.calls) == 1


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200, json={"data": [], "meta": {}})])
async def test_an_order_without_transactions_has_no_tenders(
    store: respx.Router, client: BigCommerceClient, answer: httpx.Response
) -> None:
    store.get(TRANSACTIONS).mock(return_value=answer)
    assert await client.tenders(5001) == ()


@pytest.mark.parametrize(
    ("number", "amount"), [("28.10", "28.10"), ("0.1", "0.1"), ("1e2", "100"), ("1234567.89", "1234567.89"), ("7", "7")]
)
async def test_an_amount_is_the_number_written_and_no_neighbour_of_it(
    store: respx.Router, client: BigCommerceClient, number: str, amount: str
) -> None:
    body = json.dumps(wrapped(wire_transaction(amount="AMOUNT"))).replace('"AMOUNT"', number)
    store.get(TRANSACTIONS).respond(text=body)
    (tender,) = await client.tenders(5001)
    assert tender.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("wire", "reference"), [(None, None), ({}, None), ([], None), (0, None), ("", None), (43, 43), ("43", 43)]
)
async def test_the_transaction_it_is_about_is_a_number_null_or_an_empty_object(
    store: respx.Router, client: BigCommerceClient, wire: Any, reference: int | None
) -> None:
    store.get(TRANSACTIONS).respond(json=wrapped(wire_transaction(reference_transaction_id=wire)))
    assert (await client.tenders(5001))[0].reference_id == reference


async def test_a_transaction_that_does_not_say_what_it_is_about_is_about_none(
    store: respx.Router, client: BigCommerceClient
) -> None:
    row = wire_transaction()
    for key in ("reference_transaction_id", "test", "offline", "custom", "order_id", "gateway_transaction_id"):
        del row[key]
    store.get(TRANSACTIONS).respond(json=wrapped(row))
    assert await client.tenders(5001) == (replace(TENDER, gateway_reference=""),)


async def test_words_nobody_knows_pass_lower_cased(store: respx.Router, client: BigCommerceClient) -> None:
    row = wire_transaction(event="Chargeback", method="CRYPTO", gateway="squarev2", status="OK", currency="gbp")
    store.get(TRANSACTIONS).respond(json=wrapped(row))
    (tender,) = await client.tenders(5001)
    words = (tender.event, tender.method, tender.gateway, tender.status, tender.currency)
    assert words == ("chargeback", "crypto", "squarev2", "ok", "GBP")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"offline": {"display_name": "Cheque"}}, "Cheque"),
        ({"custom": {"payment_method": "Cash in shop"}}, "Cash in shop"),
        ({"offline": {}, "custom": {"payment_method": "Terms"}}, "Terms"),
        ({"offline": [], "custom": []}, ""),
        ({"offline": {"display_name": None}, "custom": None}, ""),
        ({"offline": "Cheque"}, ""),
    ],
)
async def test_an_offline_or_custom_payment_carries_the_shops_name_for_it(
    store: respx.Router, client: BigCommerceClient, changes: Json, name: str
) -> None:
    store.get(TRANSACTIONS).respond(json=wrapped(wire_transaction(**changes)))
    assert (await client.tenders(5001))[0].name == name


async def test_a_split_payment_is_several_tenders_by_id(store: respx.Router, client: BigCommerceClient) -> None:
    credit = wire_transaction(45, method="store_credit", gateway="storecredit", amount=5, test=True)
    store.get(TRANSACTIONS).respond(json=wrapped(wire_transaction(46), credit, wire_transaction(44)))
    tenders = await client.tenders(5001)
    assert [tender.id for tender in tenders] == [44, 45, 46]
    assert (tenders[1].method, tenders[1].amount, tenders[1].is_test) == ("store_credit", Decimal(5), True)


async def test_tenders_over_several_pages_are_all_read(store: respx.Router, client: BigCommerceClient) -> None:
    for page, numbers in ((1, range(1, 51)), (2, range(51, 71))):
        rows = map(wire_transaction, numbers)
        store.get(TRANSACTIONS, params={"page": page}).respond(json=wrapped(*rows, total=70, total_pages=2))
    assert [tender.id for tender in await client.tenders(5001)] == list(range(1, 71))


async def test_fewer_transactions_than_the_store_counts_is_a_bad_answer(
    store: respx.Router, client: BigCommerceClient
) -> None:
    """As where the store passes over `page`: a payment must not be overlooked."""
    rows = [wire_transaction(number) for number in range(1, 61)]
    store.get(TRANSACTIONS).respond(json=wrapped(*rows, total=300, total_pages=5))
    with pytest.raises(BadAnswer, match="Order 5001, transactions: BigCommerce lists 60 rows of 300") as caught:
        await client.tenders(5001)
    assert (caught.value.order_id, caught.value.field) == (5001, "transactions")


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"id": None}, "id", "a transaction of order 5001: id is missing"),
        ({"amount": None}, "amount", "order 5001, transaction 44: amount is missing"),
        ({"amount": "twenty"}, "amount", "not an amount"),
        ({"amount": -5}, "amount", "amount is negative"),
        ({"amount": True}, "amount", "not an amount"),
        ({"event": ""}, "event", "event is missing"),
        ({"method": None}, "method", "method is missing"),
        ({"status": None}, "status", "status is missing"),
        ({"currency": ""}, "currency", "currency is missing"),
        ({"date_created": None}, "date_created", "date_created is missing"),
        ({"date_created": "soon"}, "date_created", "not a time"),
        ({"reference_transaction_id": {"id": 43}}, "reference_transaction_id", "not a whole number"),
        ({"test": "perhaps"}, "test", "not true or false"),
        ({"order_id": "5002"}, "order_id", "another order"),
        ({"order_id": "x"}, "order_id", "not a whole number"),
    ],
)
async def test_a_transaction_that_cannot_be_judged_is_a_bad_answer(
    store: respx.Router, client: BigCommerceClient, changes: Json, field: str, says: str
) -> None:
    store.get(TRANSACTIONS).respond(json=wrapped(wire_transaction() | changes))
    with pytest.raises(BadAnswer, match=says) as caught:
        await client.tenders(5001)
    assert (caught.value.order_id, caught.value.field) == (5001, field)


async def test_card_token_and_verification_fields_show_nowhere(store: respx.Router, client: BigCommerceClient) -> None:
    store.get(TRANSACTIONS).respond(json=wrapped(wire_transaction()))
    shown = repr(await client.tenders(5001))
    assert not [secret for secret in PLANTED if secret in shown]


@pytest.mark.parametrize("broken", [{"amount": "4242"}, {"date_created": "tok_planted"}, {"id": "411111x"}])
async def test_an_error_quotes_neither_the_value_nor_its_neighbours(
    store: respx.Router, client: BigCommerceClient, broken: Json
) -> None:
    store.get(TRANSACTIONS).respond(json=wrapped(wire_transaction() | {"status": None} | broken))
    with pytest.raises(BadAnswer) as caught:
        await client.tenders(5001)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert not [secret for secret in (*PLANTED, TOKEN) if secret in shown]


async def test_forbidden_transactions_name_the_scope_they_need(store: respx.Router, client: BigCommerceClient) -> None:
    store.get(TRANSACTIONS).respond(403, json={"status": 403, "title": "no"})
    store.get(REFUNDS).respond(403, json={"status": 403, "title": "no"})
    scopes = []
    for call in (client.tenders, client.refunds):
        with pytest.raises(PermissionMissing) as caught:
            await call(5001)
        scopes.append(caught.value.scope)
    assert scopes == ["store_v2_transactions_read_only", "store_v2_orders_read_only"]
