"""Net, tax and gross of order lines and charges, recalculated by IFS from price, quantity and tax code."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bcifs_console.simulator.ifs.errors import missing
from bcifs_console.simulator.ifs.master import TAX_RATES
from bcifs_console.simulator.ifs.rates import COMPANY_CURRENCY, CURRENCY_RATES
from bcifs_console.simulator.money import ONE, ZERO, Json, rounded


def number(values: Json, name: str, default: Decimal = ZERO) -> Decimal:
    value = values.get(name)
    return default if value is None else Decimal(value)


def tax_code(values: Json, flag: str, default: str | None, unit: str) -> str | None:
    """ "TRUE": the default decides. Otherwise the given code, which must exist; none given means no tax."""
    if values.get(flag) == "TRUE":
        return default
    code = values.get("TaxCode")
    if code is None or code == "":
        return None
    if code not in TAX_RATES:
        raise missing("StatutoryFee", f"Tax Code [{code}] of {unit}")
    return str(code)


def split(
    quantity: Decimal, net_price: Decimal, gross_price: Decimal, *, leads: str, code: str | None, currency: str
) -> Any:
    """The leading side is rounded first, the tax is rounded from it, the other side follows."""
    rate = TAX_RATES[code] if code else ZERO
    if leads == "gross":
        gross = rounded(quantity * gross_price, currency)
        tax = rounded(gross * rate / (ONE + rate), currency)
        return gross - tax, tax, gross
    net = rounded(quantity * net_price, currency)
    tax = rounded(net * rate, currency)
    return net, tax, net + tax


def base(amount: Decimal, currency: str) -> Decimal:
    """In the company's currency."""
    return rounded(amount * CURRENCY_RATES[currency], COMPANY_CURRENCY)
