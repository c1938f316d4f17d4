"""`bcifs reconcile`: against the simulator's truth, what is planted there is found, and nothing else."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shop import Shop, Terminal, write_connection
from tests.integration.bookkeeping import books
from tests.integration.storefront import order, product

KEYS = [
    "connection",
    "day",
    "currency",
    "kind",
    "store_count",
    "store_sum",
    "ifs_count",
    "ifs_sum",
    "verdict",
    "differences",
]
FIRST = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
LAST = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
DAYS = ("--from", FIRST, "--to", LAST)
#: Every kind of fact, most of them more than once; led in turn.
LIVES = [
    *("shipped", "shipped_in_parts", "restocking_fee", "status_only", "refund_amid_shipping", "units_before_shipping"),
    *("payment_voided", "all_after_shipping", "recreated", "part_then_status", "cancelled_then_refunded"),
]


@pytest.fixture
def booking(shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path) -> Terminal:
    bcifs("connection", "add", write_connection(shop, tmp_path, **books()))
    return bcifs


@pytest.fixture
def traded(shop: Shop, booking: Terminal) -> list[int]:
    """Orders of many kinds that were paid, shipped and refunded in many ways; all booked."""
    kinds = ["plain", "multi_line", "tax_inclusive", "jpy", "digital", "gift_certificate_tender", "bundle", "plain"]
    ids = [int(number) for number in shop.control("orders", {"count": len(LIVES), "kinds": kinds})["orders"]]
    shop.control("lives", {"orders": ids, "seed": 5, "kinds": LIVES})
    booking("orders", "sync", *ids, "--wait", "60", code=None)
    return ids


def found(rows: list[dict[str, Any]], verdict: str) -> set[tuple[str, str | None]]:
    return {(d["what"], d["key"]) for row in rows for d in row["differences"] if d["verdict"] == verdict}


def truth(shop: Shop) -> dict[tuple[str, str, str], tuple[int, Decimal]]:
    """Count and sum by day, currency and kind, as the simulator works them out from the store's own records."""
    sums: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for row in shop.control(f"books?from={FIRST}&to={LAST}&time_zone=America/Chicago")["days"]:
        # What the status says was shipped has a row of its own there.
        place = row["day"], row["currency"], row["kind"].removeprefix("status_")
        count, amount = sums.get(place, (0, Decimal(0)))
        sums[place] = count + row["count"], amount + Decimal(row["sum"])
    return sums


def test_books_that_agree_are_green_in_the_agreed_shape(shop: Shop, booking: Terminal, traded: list[int]) -> None:
    rows = booking.json("reconcile", *DAYS)
    assert rows
    for row in rows:
        assert list(row) == KEYS
        assert row["verdict"] in ("green", "explained")
        if row["verdict"] == "green":
            assert (row["store_count"], Decimal(row["store_sum"])) == (row["ifs_count"], Decimal(row["ifs_sum"]))
            assert row["differences"] == []
    assert found(rows, "red") == set()
    assert {row["kind"] for row in rows} >= {"orders", "payments", "voids", "refunds", "shipments"}
    of_the_store = {
        (row["day"], row["currency"], row["kind"]): (row["store_count"], Decimal(row["store_sum"]))
        for row in rows
        if row["kind"] != "other"  # what follows from other facts: the store has no record of it
    }
    assert of_the_store == truth(shop)
    vouchers = shop.control("state", side="ifs")["vouchers"]
    assert sum(row["ifs_count"] for row in rows if row["kind"] != "orders") == len(vouchers)
    shop.control("set", {"ifs": {"update_gl": True}})  # the vouchers leave the hold table
    assert booking.json("reconcile", *DAYS) == rows


def test_a_deleted_a_changed_and_a_stray_voucher_are_found_exactly(
    shop: Shop, booking: Terminal, traded: list[int]
) -> None:
    before = found(booking.json("reconcile", *DAYS), "explained")
    vouchers = {v["VoucherText"]: v for v in shop.control("state", side="ifs")["vouchers"]}
    deleted = next(text for text in vouchers if "/PAY/" in text)
    changed = next(text for text in vouchers if "/SHIP/" in text)
    worth = sum(Decimal(str(row.get("CurrencyDebetAmount") or 0)) for row in vouchers[changed]["rows"])
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    shop.control("vouchers", {"delete": deleted}, side="ifs")
    shop.control("vouchers", {"change": changed, "amount": str(worth + 7)}, side="ifs")
    stray = {"reference": "RENT", "amount": "9.99", "debit_account": "4910", "credit_account": "1910", "date": today}
    shop.control("vouchers", {"add": stray}, side="ifs")
    rows = booking.json("reconcile", *DAYS, code=1)
    assert found(rows, "red") == {("missing", deleted), ("amount", changed), ("stray", "RENT")}
    assert found(rows, "explained") == before
    for row in rows:
        for difference in row["differences"]:
            assert set(difference) == {
                "what",
                "key",
                "order_id",
                "ifs_reference",
                "store_amount",
                "ifs_amount",
                "store_day",
                "ifs_day",
                "verdict",
                "explanation",
                "remedy",
            }
    said = booking("reconcile", *DAYS, code=1).out
    assert "✗ red" in said
    for key in (deleted, changed, "RENT"):
        assert key in said
    assert "→" in said


def test_the_csv_has_the_days_and_their_differences(shop: Shop, booking: Terminal, tmp_path: Path) -> None:
    order_id = shop.place(order(product(113)))
    path = tmp_path / "days.csv"
    booking("reconcile", *DAYS, "--csv", path, code=1)
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    day, difference = lines
    assert (day["kind"], day["store_count"], day["ifs_count"], day["verdict"]) == ("orders", "1", "0", "red")
    assert (difference["difference"], difference["key"], difference["order_id"]) == (
        "missing",
        f"BC-{order_id}",
        str(order_id),
    )
    assert difference["remedy"] == "Run: bcifs poll"
    assert difference["store_sum"] == "", "so that a column adds up"


def test_an_order_that_waits_explains_itself(shop: Shop, booking: Terminal) -> None:
    order_id = shop.place_kind("unknown_buyer")
    booking("orders", "sync", order_id, "--wait", "20", code=1)
    rows = booking.json("reconcile", *DAYS)
    assert {row["verdict"] for row in rows} == {"explained"}
    (why,) = {d["explanation"] for row in rows for d in row["differences"] if row["kind"] == "orders"}
    assert "waiting (customer)" in why


def test_without_vouchers_only_orders_are_compared(shop: Shop, connected: Terminal) -> None:
    order_id = shop.place_kind("plain")
    connected("orders", "sync", order_id, "--wait", "20")
    rows = connected.json("reconcile", *DAYS)
    assert {(row["kind"], row["verdict"]) for row in rows} == {("orders", "green"), ("payments", "explained")}
    assert "Vouchers are off" in connected("reconcile", *DAYS).out


def test_days_without_anything(connected: Terminal) -> None:
    assert connected.json("reconcile", "--from", "2020-01-01", "--to", "2020-01-02") == []
    assert "Neither side has anything" in connected("reconcile", "--from", "2020-01-01", "--to", "2020-01-02").out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--from", "2026-12-01"),
        ("--to", "2026-12-01"),
        ("--from", "December", "--to", "2026-12-01"),
        ("--from", "2026-12-02", "--to", "2026-12-01"),
    ],
)
def test_days_must_be_given_and_in_order(connected: Terminal, wrong: tuple[str, ...]) -> None:
    assert connected("reconcile", *wrong, code=2).out == ""


def test_a_side_that_refuses_is_said_without_a_traceback(shop: Shop, booking: Terminal) -> None:
    shop.control("set", {"bigcommerce": {"revoke_scopes": ["orders"]}})
    ran = booking("reconcile", *DAYS, code=1)
    assert "Traceback" not in ran.err
    assert "→" in ran.err
    assert ran.out == ""
