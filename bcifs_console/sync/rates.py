"""Currency rates as IFS gives them, asked once for each currency and day."""

from collections.abc import Mapping
from datetime import date

from bcifs_console.domain.vouchers import Rate
from bcifs_console.ifs.client import IfsClient


class KnownRates:
    """Remembers rates while this runtime lives: a day's rate of the past does not change under an order."""

    def __init__(self) -> None:
        self._rates: dict[tuple[str, date], Rate] = {}
        self._accounting_currency = ""

    async def of(self, ifs: IfsClient, currency: str, day: date, minor_units: Mapping[str, int]) -> Rate | None:
        """The rate of `currency` on `day`; None where it is the accounting currency or IFS names no rate.

        Raises the errors of the IFS client.
        """
        if currency == self._accounting_currency:
            return None
        known = self._rates.get((currency, day))
        if known is None:
            known = await ifs.currency_rate(currency, day, minor_units)
            if known is None:
                return None
            self._accounting_currency = known.accounting_currency
            self._rates[currency, day] = known
        return None if known.is_one(currency) else known
