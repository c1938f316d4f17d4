"""Which orders are the same buyer's (ACCOUNTING §6): never strangers, whatever an e-mail field holds."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.domain.buyers import buyer_of, folded_email
from bcifs_console.domain.orders import Address, Order


def order(order_id: int = 5001, customer_id: int = 0, **billing: str) -> Order:
    zero = Decimal(0)
    return Order(
        id=order_id,
        status_id=11,
        status="Awaiting Fulfillment",
        customer_id=customer_id,
        placed_at=datetime(2026, 12, 1, tzinfo=UTC),
        modified_at=datetime(2026, 12, 1, tzinfo=UTC),
        currency="USD",
        total_ex_tax=zero,
        total_inc_tax=zero,
        total_tax=zero,
        subtotal_ex_tax=zero,
        subtotal_inc_tax=zero,
        tax_inclusive=False,
        lines=(),
        billing=Address(**billing),  # type: ignore[arg-type] # texts only are given
    )


def key(customer_id: int = 0, order_id: int = 5001, **billing: str) -> str:
    return buyer_of(order(order_id, customer_id, **billing)).key


def test_a_registered_buyer_is_known_by_number_whatever_the_email_says() -> None:
    assert key(17, email="ann@example.com") == key(17, email="other@example.com") == key(17) == "customer:17"


def test_a_guest_is_known_by_email_trimmed_and_folded() -> None:
    assert key(email="  Ann@Example.COM ") == key(email="ann@example.com") == "email:ann@example.com"


def test_folding_reaches_beyond_ascii() -> None:
    assert key(email="STRASSE@ÉXAMPLE.com") == key(email="straße@éxample.com")


@pytest.mark.parametrize(
    "email",
    ["", " ", "none", "n/a", "@", "a@b", "@example.com", "a@.", "a b@example.com", "a@b@example.com", "a@exa mple.com"],
)
def test_what_is_no_email_never_binds_strangers_together(email: str) -> None:
    assert folded_email(email) == ""
    assert key(order_id=5001, email=email) == "order:5001"
    assert key(order_id=5001, email=email) != key(order_id=5002, email=email)
    assert buyer_of(order(email=email)).email == ""


@given(st.text(max_size=40))
def test_folding_is_stable_and_leaves_no_blanks(text: str) -> None:
    folded = folded_email(text)
    assert folded_email(folded) == folded
    assert folded_email(f"\t{text} ") == folded
    assert not any(character.isspace() for character in folded)


def test_a_buyer_is_a_guest_without_a_customer_number() -> None:
    assert buyer_of(order(0, email="a@example.com")).is_guest
    assert not buyer_of(order(customer_id=17)).is_guest


@pytest.mark.parametrize(
    ("billing", "name"),
    [
        ({"first_name": "Ann", "last_name": "Lee", "company": "Acme", "email": "a@example.com"}, "Ann Lee"),
        ({"last_name": "Lee"}, "Lee"),
        ({"company": "Acme", "email": "a@example.com"}, "Acme"),
        ({"email": "A@example.com"}, "a@example.com"),
        ({"email": "none"}, "order 5001"),
        ({}, "order 5001"),
    ],
)
def test_a_buyer_always_has_a_name_to_show(billing: dict[str, str], name: str) -> None:
    assert buyer_of(order(**billing)).name == name  # type: ignore[arg-type] # texts only are given


def test_a_buyer_carries_what_a_new_customer_needs() -> None:
    found = buyer_of(order(company="Acme", city="Austin", country_iso2="US"))
    assert (found.company, found.address.city, found.address.country_iso2, found.currency) == (
        "Acme",
        "Austin",
        "US",
        "USD",
    )
