"""Currency rates and accounting periods as IFS keeps them: reads only.

Whether a period is closed is asked for here after a refusal; the refusal's text is never read (facts §3).
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.money import minor_unit
from bcifs_console.domain.vouchers import Rate
from bcifs_console.ifs.naming import split_path
from bcifs_console.ifs.odata import all_of, at_least, at_most, eq
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.records import number, text
from bcifs_console.ifs.transport import ODataClient
from bcifs_console.ifs.voucher_records import Period, PeriodStatus, period
from bcifs_console.ifs.wire import Record

#: Rates read to see whether several rate types are in use; the newest comes first.
_RATES_READ: Final = "50"
_ONE: Final = Decimal(1)


class CurrencyRates:
    """The company's currency rates."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._setting = setting
        self._names = setting.profile.voucher.rate

    async def on(self, currency: str, day: date, minor_units: Mapping[str, int]) -> Rate | None:
        names = self._names
        if currency == names.accounting_currency:
            return _one_to_one(currency, minor_units)
        if not names.path:
            return None
        rows = await self._newest(
            f"read the rate of {currency}", [eq(names.currency, currency), at_most(names.valid_from, day)]
        )
        if rows:
            return self._rate(rows[0], currency, minor_units)
        if names.accounting_currency or not names.accounting_currency_property:
            return None
        # The accounting currency itself need have no rate: it is the one that the others' rates lead to.
        of_others = [eq(names.accounting_currency_property, currency), at_most(names.valid_from, day)]
        leading_here = await self._newest(f"read the rates into {currency}", of_others)
        return _one_to_one(currency, minor_units) if leading_here else None

    async def _newest(self, what: str, conditions: list[str]) -> list[Record]:
        """Rates, the newest first. Raises ConfigurationProblem where several rate types are mixed."""
        names = self._names
        mine = [eq(names.company, self._setting.access.company)]
        if names.type and names.type_value:
            mine.append(eq(names.type, names.type_value))
        page = await self._odata.get(
            what,
            self._odata.url(*split_path(names.path)),
            {"$filter": all_of([*mine, *conditions]), "$orderby": f"{names.valid_from} desc", "$top": _RATES_READ},
        )
        rows: list[Record] = [row for row in page.get("value") or [] if isinstance(row, dict)]
        types = {text(row, names.type) for row in rows} if names.type else set()
        if len(types) > 1:
            raise ConfigurationProblem(
                f"{what}: IFS has rates of several types: {', '.join(sorted(types))}.",
                remedy="Name the one to book with in the IFS profile: voucher.rate.type_value.",
            )
        return rows

    def _rate(self, row: Record, currency: str, minor_units: Mapping[str, int]) -> Rate:
        names = self._names
        rate = number(row, names.rate)
        accounting = names.accounting_currency or text(row, names.accounting_currency_property)
        if rate is None or rate <= 0 or not accounting:
            what = "no rate above zero" if accounting else "no accounting currency"
            raise ConfigurationProblem(
                f"IFS's rate of {currency} has {what}.",
                remedy="Correct [voucher.rate] in the IFS profile: rate, accounting_currency_property or "
                "accounting_currency.",
            )
        factor = number(row, names.factor) if names.factor else None
        return Rate(rate, accounting, factor=factor or _ONE, accounting_unit=minor_unit(accounting, minor_units))


def _one_to_one(currency: str, minor_units: Mapping[str, int]) -> Rate:
    return Rate(_ONE, currency, accounting_unit=minor_unit(currency, minor_units))


class AccountingPeriods:
    """The company's accounting periods."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._setting = setting
        self._names = setting.profile.voucher.period

    async def status(self, day: date) -> PeriodStatus:
        names = self._names
        if names.are_months:
            conditions = [eq(names.year, day.year), eq(names.period, day.month)]
        else:
            conditions = [at_most(names.first_day, day), at_least(names.last_day, day)]
        found = [item for item in await self._read(conditions) if item.first_day <= day <= item.last_day]
        if not found:
            return PeriodStatus.UNKNOWN
        return PeriodStatus.OPEN if any(item.is_open for item in found) else PeriodStatus.CLOSED

    async def next_open_day(self, day: date) -> date | None:
        names = self._names
        conditions = [at_least(names.year, day.year)] if names.are_months else [at_least(names.last_day, day)]
        days = [
            max(day, item.first_day) for item in await self._read(conditions) if item.is_open and item.last_day >= day
        ]
        return min(days, default=None)

    async def _read(self, conditions: list[str]) -> list[Period]:
        names = self._names
        if not names.path:
            return []
        mine = [eq(names.company, self._setting.access.company)]
        if names.user_group:
            mine.append(eq(names.user_group, self._setting.profile.voucher.user_group))
        rows = await self._odata.get_all(
            "read accounting periods",
            self._odata.url(*split_path(names.path)),
            {"$filter": all_of([*mine, *conditions]), "$orderby": f"{names.year},{names.period}"},
        )
        return [found for found in (period(row, names) for row in rows) if found is not None]
