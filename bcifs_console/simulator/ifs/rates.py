"""Currency rates of the company: what so many units (the conversion factor) of a currency are in its own, by date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from bcifs_console.simulator.ifs.errors import missing
from bcifs_console.simulator.ifs.tables import Database
from bcifs_console.simulator.money import ONE
from bcifs_console.simulator.options import COMPANY

COMPANY_CURRENCY = "USD"
CURRENCY_TYPE = "1"

# Company currency per unit: the rates in force at the start and after.
CURRENCY_RATES = {
    "USD": ONE,
    "EUR": Decimal("1.087"),
    "GBP": Decimal("1.266"),
    "JPY": Decimal("0.0066"),
    "KWD": Decimal("3.257"),
}
# Quoted per so many units.
_FACTORS = {"JPY": Decimal(100)}
# Half a year before the start the same currencies stood this much lower.
_EARLIER = Decimal("0.98")


@dataclass(frozen=True)
class Rate:
    rate: Decimal
    factor: Decimal

    def convert(self, amount: Decimal) -> Decimal:
        return amount * self.rate / self.factor


def build(db: Database, now: datetime) -> None:
    """Two generations of rates: one from the year before, one from the first of the month before the start."""
    table = db.make("CurrencyRate", ("Company", "CurrencyType", "CurrencyCode", "ValidFrom"), ("CurrencyCode",))
    last_month = date(now.year - (now.month == 1), (now.month - 2) % 12 + 1, 1)
    for code, rate in CURRENCY_RATES.items():
        if code == COMPANY_CURRENCY:
            continue
        factor = _FACTORS.get(code, ONE)
        for valid_from, quoted in (
            (date(now.year - 1, 1, 1), (rate * factor * _EARLIER).quantize(Decimal("0.0001"))),
            (last_month, rate * factor),
        ):
            table.add(
                {
                    "Company": COMPANY,
                    "CurrencyType": CURRENCY_TYPE,
                    "CurrencyCode": code,
                    "RefCurrencyCode": COMPANY_CURRENCY,
                    "ValidFrom": valid_from.isoformat(),
                    "CurrencyRate": quoted,
                    "ConvFactor": factor,
                }
            )


def rate_on(db: Database, code: str, day: str) -> Rate:
    """The latest rate that was valid by then. Raises Ora for a currency without one."""
    if code == COMPANY_CURRENCY:
        return Rate(ONE, ONE)
    rows = [row for row in db["CurrencyRate"].where("CurrencyCode", code) if row["ValidFrom"] <= day]
    if not rows:
        raise missing("CurrencyCode", "Currency Code")
    latest = max(rows, key=lambda row: str(row["ValidFrom"]))
    return Rate(latest["CurrencyRate"], latest["ConvFactor"])
