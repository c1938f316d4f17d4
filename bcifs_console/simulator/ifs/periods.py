"""Accounting periods: calendar months, open or closed. Which may be changed while the simulator runs."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime

from bcifs_console.simulator.control import ControlRefused
from bcifs_console.simulator.ifs.errors import Ora, missing
from bcifs_console.simulator.ifs.tables import Database
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.options import COMPANY

_MONTH = re.compile(r"(\d{4})-(\d\d)")


def build(db: Database, now: datetime) -> None:
    """Open: the previous month, the current one and all up to the end of next year. Closed: everything before."""
    table = db.make("AccountingPeriod", ("Company", "AccountingYear", "AccountingPeriod"))
    first_open = now.year * 12 + now.month - 2
    for year in (now.year - 1, now.year, now.year + 1):
        for month in range(1, 13):
            table.add(
                {
                    "Company": COMPANY,
                    "AccountingYear": year,
                    "AccountingPeriod": month,
                    "ValidFrom": date(year, month, 1).isoformat(),
                    "ValidUntil": date(year, month, calendar.monthrange(year, month)[1]).isoformat(),
                    "PeriodStatus": "Open" if year * 12 + month - 1 >= first_open else "Closed",
                }
            )


def opened(db: Database, day: str) -> tuple[int, int]:
    """Year and period of a day that may be posted to. Raises Ora when there is no period or it is closed."""
    year, month = int(day[:4]), int(day[5:7])
    row = db["AccountingPeriod"].get(COMPANY, year, month)
    if row is None:
        raise missing("AccountingPeriod", "Accounting Period")
    if row["PeriodStatus"] != "Open":
        raise Ora(20110, "Voucher.PERIODCLOSED", f"Period {month} of year {year} is not open for user group AC.")
    return year, month


def set_status(db: Database, months: object, status: str) -> None:
    """`["2026-11"]`. Raises ControlRefused for what is no period."""
    if not isinstance(months, list):
        raise ControlRefused("periods are a list of months, as 2026-11")
    rows = [_row(db, month) for month in months]
    for row in rows:
        db["AccountingPeriod"].change(row, {"PeriodStatus": status})


def _row(db: Database, month: object) -> Json:
    match = _MONTH.fullmatch(str(month))
    row = db["AccountingPeriod"].get(COMPANY, int(match[1]), int(match[2])) if match else None
    if row is None:
        raise ControlRefused(f"there is no accounting period {month!r}")
    return row
