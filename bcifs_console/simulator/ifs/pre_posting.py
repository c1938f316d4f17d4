"""Pre-posting: which account and code parts an order line carries. The distribution belongs to the line, not to the
virtual record through which it is entered."""

from __future__ import annotations

import itertools

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.ifs.customer_orders import CustomerOrders
from bcifs_console.simulator.ifs.errors import Ora, mandatory, missing
from bcifs_console.simulator.ifs.master import CODE_PARTS, REVENUE_ACCOUNTS
from bcifs_console.simulator.ifs.tables import Database
from bcifs_console.simulator.money import ZERO, Json
from bcifs_console.simulator.options import COMPANY

_LETTERS = "BCDEFGHIJ"


class PrePosting:
    def __init__(self, db: Database, clock: Clock, orders: CustomerOrders) -> None:
        self._db = db
        self._clock = clock
        self._orders = orders
        self._keys = itertools.count(1)
        self.virtuals = db.make("PreAccountingVirtual", ("Objkey",), ("PreAccountingId",))
        self.rows = db.make(
            "PreAccountingDistribution", ("ParentPreAccountingId", "PreAccountingId"), ("PreAccountingId",)
        )

    def open(self, values: Json) -> Json:
        """The same id may be opened again: another virtual, the same data."""
        number = values.get("PreAccountingId")
        if number is None:
            raise mandatory("PreAccounting", "PreAccountingId")
        if not any(True for _ in self._orders.lines.where("PreAccountingId", number)) and not any(
            order["PreAccountingId"] == number for order in self._orders.orders.rows.values()
        ):
            raise missing("PreAccounting", "Pre Accounting")
        self._check_company(values)
        given = {name: value for name, value in values.items() if value is not None}
        return self.virtuals.add({**given, "Objkey": f"{next(self._keys):032X}"})

    def _check_company(self, values: Json) -> None:
        if values.get("Company", COMPANY) != COMPANY:
            raise missing("Company", "Company")

    def distribute(self, values: Json) -> Json:
        for name in ("PreAccountingId", "Percentage"):
            if values.get(name) is None:
                raise mandatory("PreAccountingDistribution", name)
        self._check_company(values)
        number = values["PreAccountingId"]
        account = values.get("AccountNo")
        if account is not None:
            self._check_account(account)
        for letter in _LETTERS:
            code = values.get(f"Codeno{letter}")
            if code is not None and code not in CODE_PARTS.get(letter, ()):
                raise missing(f"Code{letter}", f"Code{letter}")
        taken = sum((row["Percentage"] for row in self.rows.where("PreAccountingId", number)), ZERO)
        if values["Percentage"] <= 0 or taken + values["Percentage"] > 100:
            raise Ora(20110, "PreAccounting.PERCENTAGE", "The percentages of a pre posting may not exceed 100.")
        given = {name: value for name, value in values.items() if value is not None}
        row = self.rows.add({**given, "ParentPreAccountingId": next(self._keys) + 9_000_000})
        for line in self._orders.lines.where("PreAccountingId", number):
            self._orders.lines.touch(line)
        return row

    def _check_account(self, account: str) -> None:
        row = self._db["Account"].get(COMPANY, account)
        if row is None or row["ValidUntil"] < f"{self._clock.now():%Y-%m-%d}":
            raise missing("Account", "Account")

    def of(self, line: Json) -> list[Json]:
        """For the truth that tests compare with."""
        names = ("AccountNo", *(f"Codeno{letter}" for letter in _LETTERS), "Percentage")
        rows = self.rows.where("PreAccountingId", line["PreAccountingId"])
        return [{name: row[name] for name in names if name in row} for row in rows]

    def account(self, line: Json) -> str | None:
        """Where the revenue lands: the pre-posting if there is one, else posting control by sales group."""
        for row in self.rows.where("PreAccountingId", line["PreAccountingId"]):
            if row.get("AccountNo"):
                return str(row["AccountNo"])
        part = self._db["SalesPart"].get(line["Contract"], line["CatalogNo"])
        return None if part is None else REVENUE_ACCOUNTS.get(part["CatalogGroup"])
