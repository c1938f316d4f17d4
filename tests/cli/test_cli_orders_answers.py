"""`bcifs orders edited` and `orders skip`: a person's answers about single orders, to the end in both systems."""

from datetime import date, timedelta
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
    assert "to show another total" in booking("orders", "accept", order_id, "--note", "why not", code=1).said


def close(shop: Shop, *, again: bool = False) -> None:
    """Close the month that it is in IFS, or open it again."""
    month = shop.control("state", side="ifs")["now"][:7]
    shop.control("set", {"ifs": {"open_periods" if again else "close_periods": [month]}})


def in_ifs(shop: Shop, order_id: int) -> list[str]:
    """Keys of the order's vouchers in IFS, without the order's reference."""
    texts = [str(voucher["VoucherText"]) for voucher in shop.control("state", side="ifs")["vouchers"]]
    return sorted(text.partition("/")[2] for text in texts if text.startswith(f"BC-{order_id}/"))


def person_books(shop: Shop, amount: str) -> str:
    """What a person enters in IFS for a payment, in a month that is open; its reference."""
    body = {"reference": "BANK", "amount": amount, "debit_account": "1580", "credit_account": "2420"}
    this_month = date.fromisoformat(shop.control("state", side="ifs")["now"][:10]).replace(day=1)
    next_month = (this_month + timedelta(days=31)).replace(day=1)
    made = shop.control("vouchers", {"add": {**body, "date": f"{next_month}"}}, side="ifs")["added"]
    return f"{made['VoucherType']}-{made['AccountingYear']}-{made['VoucherNo']}"


def test_a_voucher_booked_by_hand_is_never_posted_and_the_order_comes_out_even(shop: Shop, booking: Terminal) -> None:
    order_id = shop.place(order(product(101, 2)))
    close(shop)
    pay(shop, order_id)
    (row,) = booking.json("orders", "sync", order_id, "--wait", "20", code=1)
    (key,) = [r["key"] for r in booking.json("ledger", "list", "--kind", "voucher")]
    assert (row["state"], row["reason"]) == ("waiting", "period")
    assert f"bcifs orders booked {order_id} {key} --reference" in row["remedy"]
    assert "where the voucher is booked" in booking("orders", "booked", order_id, key, code=2).said
    assert "no voucher PAY/1 " in booking("orders", "booked", order_id, "PAY/1", "--reference", "M-1", code=1).said
    short, reference = key.partition("/")[2], person_books(shop, row["total"])
    by_hand = ("orders", "booked", order_id, short, "--reference", reference)
    (row,) = booking.json(*by_hand, "--note", "October is closed", "--wait", "20")
    assert (row["state"], [w["code"] for w in row["warnings"]]) == ("synced", ["answered"])
    assert reference in row["warnings"][0]["message"]
    assert "by hand already" in booking(*by_hand, code=1).said

    close(shop, again=True)
    ship(shop, order_id, 2)
    (row,) = booking.json("orders", "sync", order_id, "--wait", "20")
    assert (row["state"], row["settled"]) == ("synced", True), "what it takes counts as booked"
    assert [text.partition("/")[0] for text in in_ifs(shop, order_id)] == ["SHIP"]
    assert "was booked since" in booking("orders", "booked", order_id, short, "--undo", code=1).said
    rows = booking.json("reconcile", "--from", "2026-01-01", "--to", "2035-12-31")
    ours, theirs = sorted((d for found in rows for d in found["differences"]), key=lambda d: str(d["what"]))
    assert (ours["key"], ours["what"], ours["verdict"]) == (key, "missing", "explained")
    assert f"by hand: {reference}" in ours["explanation"]
    assert (theirs["ifs_reference"], theirs["what"], theirs["verdict"]) == (reference, "stray", "explained")
    assert f"by hand: {reference}" in booking("mapping", "explain", order_id).err
    (told,) = [s for s in booking.json("orders", "show", order_id)["timeline"] if s["event"] == "order.booked_by_hand"]
    assert (told["detail"]["reference"], told["detail"]["note"]) == (reference, "October is closed")


def test_a_voucher_is_booked_by_hand_after_all_not_and_what_ifs_has_is_not(shop: Shop, booking: Terminal) -> None:
    order_id = shop.place(order(product(101, 2)))
    close(shop)
    pay(shop, order_id)
    booking("orders", "sync", order_id, "--wait", "20", code=1)
    (key,) = [r["key"] for r in booking.json("ledger", "list", "--kind", "voucher")]
    assert "Nobody said" in booking("orders", "booked", order_id, key, "--undo", code=1).said
    booking("orders", "booked", order_id, key, "--reference", "M-1", "--wait", "20")
    close(shop, again=True)
    (row,) = booking.json("orders", "booked", order_id, key, "--undo", "--wait", "20")
    assert (row["state"], row["warnings"]) == ("synced", [])
    assert in_ifs(shop, order_id) == [key.partition("/")[2]]
    assert "may have" in booking("orders", "booked", order_id, key, "--reference", "M-1", code=1).said


def test_an_invoice_in_ifs_is_red_and_the_orders_problem_until_it_is_credited(shop: Shop, booking: Terminal) -> None:
    order_id, looked_at = shop.place(order(product(101, 2))), shop.place(order(product(101, 2)))
    booking("orders", "sync", order_id, looked_at, "--wait", "20")
    for number in (order_id, looked_at):
        (there,) = shop.ifs_orders(number)
        shop.control("customer_orders", {"order_no": there["OrderNo"], "state": "Invoiced"}, side="ifs")
    ship(shop, looked_at, 2)  # its tracking goes on the IFS order: what a look reads there anyway tells it
    booking("orders", "sync", order_id, looked_at, "--wait", "20", code=1)
    assert (booking.state_of(order_id), booking.state_of(looked_at)) == ("synced", "waiting")

    days = ("reconcile", "--from", "2026-01-01", "--to", "2035-12-31")
    rows = booking.json(*days, code=1)
    faults = [d["order_id"] for found in rows for d in found["differences"] if d["what"] == "fault"]
    assert sorted(faults) == [order_id, looked_at]
    listed = booking.json("orders", "sync", order_id, "--wait", "20", code=1) + booking.json("orders", "list")
    assert {(row["state"], row["reason"]) for row in listed} == {("waiting", "conflict")}
    assert all("booked twice" in row["error"] for row in listed)
    assert f"bcifs orders accept {order_id}" in listed[0]["remedy"]
    assert {row["orders"] for row in booking.json("problems", "list")} == {1}

    assert "why" in booking("orders", "accept", order_id, code=2).said
    for number in (order_id, looked_at):
        booking("orders", "accept", number, "--note", "credited by CR-17", "--wait", "20")
    rows = booking.json(*days)
    assert {d["verdict"] for found in rows for d in found["differences"] if d["what"] == "fault"} == {"explained"}
    assert {booking.state_of(order_id), booking.state_of(looked_at)} == {"synced"}


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
