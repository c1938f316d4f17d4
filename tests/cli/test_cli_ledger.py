"""`bcifs ledger list|export`: shapes key by key, T-accounts for people, files that other programs accept."""

import csv
import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.shop import Shop, Terminal, write_connection
from tests.integration.bookkeeping import books
from tests.integration.storefront import order, product

BEAN_CHECK = Path(sys.executable).parent / "bean-check"
#: DESIGN §12, in its order.
KEYS = ["connection", "order_id", "key", "kind", "state", "amount", "currency", "ifs_reference", "confirmed_at"]


@pytest.fixture
def booking(shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path) -> Terminal:
    """A connection that makes vouchers by rest."""
    bcifs("connection", "add", write_connection(shop, tmp_path, **books()))
    return bcifs


def sell(shop: Shop, bcifs: Terminal, *, ship: bool = True) -> int:
    """An order paid and, if asked for, shipped; booked."""
    order_id = shop.place(order(product(113, 2)))
    total = shop.call("GET", f"/v2/orders/{order_id}")["total_inc_tax"]
    shop.control(
        "transactions",
        {"order_id": order_id, "event": "purchase", "method": "credit_card", "gateway": "stripe", "amount": total},
    )
    if ship:
        shop.call("PUT", f"/v2/orders/{order_id}", {"status_id": 2})
    bcifs("orders", "sync", order_id, "--wait", "20")
    return order_id


def test_the_list_has_the_agreed_keys_and_vouchers_their_rows(shop: Shop, booking: Terminal) -> None:
    order_id = sell(shop, booking, ship=False)
    rows = booking.json("ledger", "list")
    voucher, customer_order = rows
    assert list(customer_order) == KEYS
    assert list(voucher) == [*KEYS, "voucher_kind", "rows"]
    assert (customer_order["kind"], customer_order["key"], customer_order["order_id"]) == (
        "customer_order",
        f"BC-{order_id}",
        order_id,
    )
    assert (voucher["connection"], voucher["order_id"], voucher["kind"]) == ("acme-us", order_id, "voucher")
    assert (voucher["voucher_kind"], voucher["state"], voucher["currency"]) == ("PAY", "confirmed", "USD")
    (in_ifs,) = shop.control("state", side="ifs")["vouchers"]
    assert voucher["ifs_reference"] == f"{in_ifs['VoucherType']}-{in_ifs['AccountingYear']}-{in_ifs['VoucherNo']}"
    assert datetime.fromisoformat(voucher["confirmed_at"]).tzinfo is not None
    assert voucher["confirmed_at"].endswith("Z")
    amount = voucher["amount"]
    debit, credit = voucher["rows"]
    assert list(debit) == ["account", "code_parts", "debit", "credit", "text"]
    assert (debit["account"], debit["debit"], Decimal(debit["credit"])) == ("1580", amount, Decimal(0))
    assert (credit["account"], Decimal(credit["debit"]), credit["credit"]) == ("2420", Decimal(0), amount)
    assert debit["code_parts"] == {}


def test_the_list_is_narrowed_by_order_kind_day_and_limit(shop: Shop, booking: Terminal) -> None:
    first, second = sell(shop, booking), sell(shop, booking, ship=False)
    kinds = [(row["order_id"], row.get("voucher_kind", row["kind"])) for row in booking.json("ledger", "list")]
    assert kinds[:2] == [(second, "PAY"), (second, "customer_order")], "written down last comes first"
    assert {row["order_id"] for row in booking.json("ledger", "list", "--order", first)} == {first}
    vouchers = booking.json("ledger", "list", "--kind", "voucher")
    assert {row["kind"] for row in vouchers} == {"voucher"}
    assert len(booking.json("ledger", "list", "--limit", "1")) == 1
    today = datetime.now(UTC)
    early, late = f"{today - timedelta(days=2):%Y-%m-%d}", f"{today + timedelta(days=2):%Y-%m-%d}"
    assert booking.json("ledger", "list", "--from", early, "--to", late) == vouchers
    assert booking.json("ledger", "list", "--from", late) == []
    assert booking.json("ledger", "list", "--to", early) == []
    assert booking.json("ledger", "list", "--order", "999") == []


@pytest.mark.parametrize(
    "wrong",
    [
        ("--from", "yesterday"),
        ("--kind", "invoice"),
        ("--limit", "0"),
        ("--from", "2026-12-02", "--to", "2026-12-01"),
    ],
)
def test_what_the_list_does_not_take_is_usage(connected: Terminal, wrong: tuple[str, ...]) -> None:
    assert connected("ledger", "list", *wrong, code=2).out == ""


def test_people_get_a_table_or_t_accounts(shop: Shop, booking: Terminal) -> None:
    assert "Nothing stands in IFS yet" in booking("ledger", "list").out
    order_id = sell(shop, booking, ship=False)
    shown = booking("ledger", "list").out
    assert f"BC-{order_id}/PAY/" in shown
    assert "✓ confirmed" in shown
    sides = booking("ledger", "list", "--rows").out
    (line,) = [line for line in sides.splitlines() if line.startswith("1580")]
    left, _, right = line.partition("│")
    assert left.split()[0] == "1580"
    assert right.split()[0] == "2420"
    assert left.split()[-1] == right.split()[-1]


def test_an_export_for_beancount_passes_bean_check_with_a_zero_customer_balance(
    shop: Shop, booking: Terminal, tmp_path: Path
) -> None:
    kinds = ("plain", "tax_inclusive", "jpy", "kwd", "gift_wrapping", "coupon")
    ids = [shop.place_kind(kind) for kind in kinds]
    shop.control("lives", {"orders": ids, "kinds": ["shipped", "completed", "all_after_shipping"], "seed": 3})
    booking("orders", "sync", *ids, "--wait", "60", code=None)
    path = tmp_path / "books.beancount"
    path.write_text("an older export")
    done = booking.json("ledger", "export", "--format", "beancount", path)
    assert (done["format"], done["connection"], done["file"]) == ("beancount", "acme-us", str(path))
    assert done["vouchers"] == len(shop.control("state", side="ifs")["vouchers"]) > len(ids)
    settled = [row for row in booking.json("orders", "list") if row["settled"]]
    assert len(settled) == len(ids)
    last = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
    zero = "".join(
        f"\n{last} balance Liabilities:CustomerBalance:2420  0 {currency}" for currency in ("USD", "GBP", "JPY", "KWD")
    )
    path.write_text(path.read_text(encoding="utf-8") + zero + "\n", encoding="utf-8")
    checked = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_an_export_as_csv_has_a_line_for_each_row(shop: Shop, booking: Terminal, tmp_path: Path) -> None:
    order_id = sell(shop, booking)
    path = tmp_path / "books.csv"
    assert "vouchers of acme-us" in booking("ledger", "export", "--format", "csv", path).out
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    vouchers = booking.json("ledger", "list", "--kind", "voucher")
    posted = [row for voucher in vouchers if voucher["state"] == "confirmed" for row in voucher["rows"]]
    assert len(lines) == len(posted)
    assert {(line["order_id"], line["connection"]) for line in lines} == {(str(order_id), "acme-us")}
    assert sum(Decimal(line["debit"]) for line in lines) == sum(Decimal(line["credit"]) for line in lines)
    assert {line["purpose"] for line in lines} >= {"clearing", "customer_balance", "revenue", "tax_account"}
    empty = booking.json("ledger", "export", "--format", "csv", path, "--to", "2020-01-01")
    assert (empty["vouchers"], empty["rows"]) == (0, 0)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1, "written over whole"


def test_an_export_asks_for_format_and_a_place_to_write(connected: Terminal, tmp_path: Path) -> None:
    connected("ledger", "export", tmp_path / "x", code=2)
    connected("ledger", "export", "--format", "excel", tmp_path / "x", code=2)
    ran = connected("ledger", "export", "--format", "csv", tmp_path / "no" / "x", code=2)
    assert str(tmp_path / "no" / "x") in ran.said
    assert list(tmp_path.glob("**/x*")) == []


def test_several_connections_are_listed_together_and_exported_one_by_one(
    shop: Shop, booking: Terminal, tmp_path: Path
) -> None:
    policy = 'order_reference = "EU-{order_id}"'
    booking("connection", "add", write_connection(shop, tmp_path, name="acme-eu", **{**books(), "policy": policy}))
    assert booking.json("ledger", "list") == []
    assert booking.json("ledger", "list", "--connection", "acme-eu") == []
    booking("ledger", "list", "--connection", "nobody", code=1)
    several = booking("ledger", "export", "--format", "csv", tmp_path / "x.csv", code=2)
    assert "--connection" in several.said
    booking("ledger", "export", "--format", "csv", tmp_path / "x.csv", "--connection", "acme-eu")
