"""Comparing an order as the store has it with what stands in IFS: lines, accounts, charges, totals to the cent."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def money(value: object) -> Decimal:
    return Decimal(str(value))


def assert_equal_to_store(
    sold: Mapping[str, Any], products: list[dict[str, Any]], booked: Mapping[str, Any], *, account: str = "4000"
) -> None:
    """Every line of the store's order stands in IFS, each on the account, and both sides total the same."""
    wanted = {
        str(p["id"]): (p["sku"].strip().upper(), money(p["quantity"]))
        for p in products
        if p["type"] != "giftcertificate"
    }
    found = {line["CustomerPoLineNo"]: (line["CatalogNo"], money(line["BuyQtyDue"])) for line in booked["lines"]}
    assert found == wanted
    assert len(booked["lines"]) == len(wanted)
    assert {line["Account"] for line in booked["lines"]} == {account}
    assert booked["CurrencyCode"] == sold["default_currency_code"]
    assert money(booked["TotalGrossInclChrgCurr"]) == money(sold["total_inc_tax"])
    parts = [money(row["GrossAmountCurr"]) for row in booked["lines"]]
    parts += [money(row["GrossAmtCurr"]) for row in booked["charges"]]
    assert sum(parts) == money(sold["total_inc_tax"])


def assert_charges_equal_store(sold: Mapping[str, Any], booked: Mapping[str, Any]) -> None:
    """Each charge carries what the store says of it; the store's tax is a charge where prices exclude tax."""
    by_type: Counter[str] = Counter()
    side = "inc" if sold["is_tax_inclusive_pricing"] else "ex"
    for charge in booked["charges"]:
        by_type[charge["ChargeType"]] += money(charge["GrossAmtCurr"])  # type: ignore[assignment]  # a sum of Decimals
    expected = {
        "FREIGHT": money(sold[f"shipping_cost_{side}_tax"]),
        "HANDLING": money(sold[f"handling_cost_{side}_tax"]),
        "WRAPPING": money(sold[f"wrapping_cost_{side}_tax"]),
        "SALESTAX": money(sold["total_tax"]) if side == "ex" else Decimal(0),
    }
    for kind, amount in expected.items():
        assert money(by_type[kind]) == amount, kind
