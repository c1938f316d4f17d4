"""`bcifs orders edited` and `orders skip`: a person's answers about single orders, to the end in both systems."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.shop import Shop, Terminal, write_connection
from tests.integration.bookkeeping import books
from tests.integration.storefront import address, order, product

UNKNOWN = order(billing=address("Tycho", "Brahe", "tycho.brahe@example.net"))


@pytest.fixture
def booking(shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path) -> Terminal:
    bcifs("connection", "add", write_connection(shop, tmp_path, **books()))
    return bcifs


@pytest.fixture
def edited(shop: Shop, booking: Terminal) -> int:
    """An order that was paid and sent, and that the store has made one unit longer since."""
    order_id = shop.place(order(product(101, 2)))
    pay(shop, order_id)
    booking("orders", "sync", order_id, "--wait", "20")
    (line,) = shop.call("GET", f"/v2/orders/{order_id}/products")
    shop.call("PUT", f"/v2/orders/{order_id}", {"products": [{"id": line["id"], "quantity": 3}]})
    booking("orders", "sync", order_id, "--wait", "20", code=1)
    return order_id


def pay(shop: Shop, order_id: int, amount: object = None) -> None:
    total = amount or shop.call("GET", f"/v2/orders/{order_id}")["total_inc_tax"]
    body = {"event": "purchase", "method": "credit_card", "gateway": "stripe", "amount": str(total)}
    shop.control("transactions", {"order_id": order_id, **body})


def ship(shop: Shop, order_id: int, units: int) -> None:
    (line,) = shop.call("GET", f"/v2/orders/{order_id}/products")
    items = [{"order_product_id": line["id"], "quantity": units}]
    where = {"order_address_id": line["order_address_id"], "items": items}
    shop.call("POST", f"/v2/orders/{order_id}/shipments", where)


def booked(terminal: Terminal, order_id: int) -> dict[str, Decimal]:
    """The order's vouchers: key → amount."""
    rows = [r for r in terminal.json("ledger", "list") if r["kind"] == "voucher" and r["order_id"] == order_id]
    return {row["key"].partition("/")[2]: Decimal(row["amount"]) for row in rows if row["state"] == "confirmed"}


def test_an_edit_waits_and_says_what_can_be_answered(booking: Terminal, edited: int) -> None:
    (row,) = booking.json("orders", "list")
    assert (row["state"], row["reason"]) == ("waiting", "conflict")
    assert "quantity 2 → 3" in row["error"]
    assert f"bcifs orders edited {edited} keep | adopt | by-hand" in row["remedy"]


def test_adopted_the_books_end_at_zero_on_the_new_total(shop: Shop, booking: Terminal, edited: int) -> None:
    (waiting,) = booking.json("orders", "list")
    (row,) = booking.json("orders", "edited", edited, "adopt", "--note", "one more by phone", "--wait", "20")
    assert (row["state"], [w["code"] for w in row["warnings"]]) == ("synced", ["edit_adopt"])
    total = Decimal(str(shop.call("GET", f"/v2/orders/{edited}")["total_inc_tax"])).quantize(Decimal("0.01"))
    paid = next(iter(booked(booking, edited).values()))
    assert Decimal(waiting["total"]) == total > paid
    pay(shop, edited, total - paid)
    ship(shop, edited, 3)
    (row,) = booking.json("orders", "sync", edited, "--wait", "20")
    assert (row["state"], row["settled"]) == ("synced", True)
    shipped = [amount for key, amount in booked(booking, edited).items() if key.startswith("SHIP/")]
    assert shipped == [total]
    detail = booking.json("orders", "show", edited)
    (told,) = [step for step in detail["timeline"] if step["event"] == "order.edit_answered"]
    assert (told["detail"]["choice"], told["detail"]["note"]) == ("adopt", "one more by phone")
    assert any("quantity 2 → 3" in change for change in told["detail"]["changes"])


def test_kept_the_books_end_at_what_was_sent(shop: Shop, booking: Terminal, edited: int) -> None:
    sent = next(iter(booked(booking, edited).values()))
    booking("orders", "edited", edited, "keep", "--wait", "20")
    ship(shop, edited, 3)
    (row,) = booking.json("orders", "sync", edited, "--wait", "20")
    assert (row["state"], row["settled"]) == ("synced", True)
    shipped = [amount for key, amount in booked(booking, edited).items() if key.startswith("SHIP/")]
    assert shipped == [sent]


def test_by_hand_nothing_more_is_posted_and_the_days_are_explained(shop: Shop, booking: Terminal, edited: int) -> None:
    said = booking("orders", "edited", edited, "by-hand", "--reference", "M-2026-17").out
    assert "quantity 2 → 3" in said
    ship(shop, edited, 3)
    (row,) = booking.json("orders", "sync", edited, "--wait", "20")
    assert (row["state"], row["settled"]) == ("synced", False)
    assert "M-2026-17" in row["warnings"][0]["message"]
    assert not [key for key in booked(booking, edited) if key.startswith("SHIP/")]
    rows = booking.json("reconcile", "--from", "2026-01-01", "--to", "2035-12-31")
    left = [d for found in rows for d in found["differences"] if "/SHIP/" in (d["key"] or "")]
    assert [d["verdict"] for d in left] == ["explained"]
    assert "books it by hand (M-2026-17)" in left[0]["explanation"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("by-hand",), "needs a reference"),
        (("keep", "--reference", "M-1"), "only that takes one"),
    ],
)
def test_a_reference_belongs_to_by_hand_alone(
    booking: Terminal, edited: int, words: tuple[str, ...], fault: str
) -> None:
    assert fault in booking("orders", "edited", edited, *words, code=2).said


def test_an_order_that_is_not_edited_has_nothing_to_answer(shop: Shop, booking: Terminal) -> None:
    order_id = shop.place(order())
    booking("orders", "sync", order_id, "--wait", "20")
    assert "is not edited" in booking("orders", "edited", order_id, "keep", code=1).said


def test_one_order_is_left_out_and_taken_in_again(shop: Shop, booking: Terminal) -> None:
    order_id = shop.place(UNKNOWN)
    booking("orders", "sync", order_id, "--wait", "20", code=1)
    assert "why" in booking("orders", "skip", order_id, code=2).said
    booking("orders", "skip", order_id, "--note", "a test of the shop", "--wait", "20")
    assert booking.state_of(order_id) == "skipped"
    booking("orders", "skip", order_id, "--undo", "--wait", "20", code=1)
    assert booking.state_of(order_id) == "waiting"


def test_what_ifs_has_is_not_left_out(booking: Terminal, edited: int) -> None:
    assert "cannot be left out" in booking("orders", "skip", edited, "--note", "oops", code=1).said
