"""GL vouchers: header, rows, confirmation. Balance, periods, accounts and code parts are checked as IFS does."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.ifs import amounts, master, periods
from bcifs_console.simulator.ifs.errors import Ora, mandatory, missing
from bcifs_console.simulator.ifs.rates import COMPANY_CURRENCY, Rate, rate_on
from bcifs_console.simulator.ifs.tables import Database
from bcifs_console.simulator.money import ONE, ZERO, Json, rounded
from bcifs_console.simulator.options import COMPANY

HEADER_KEY = ("Company", "VoucherType", "AccountingYear", "VoucherNo")
_AMOUNTS = (
    ("CurrencyDebetAmount", "CurrencyCreditAmount", "CurrencyAmount"),
    ("DebetAmount", "CreditAmount", "Amount"),
)


_TAX_ACCOUNT = "2610"


class Vouchers:
    """Two knobs: `automatic_tax`, and `update_gl`, which takes confirmed vouchers out of the hold table at once."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self.automatic_tax = False
        self.updates_gl = False
        self.posted: dict[tuple[Any, ...], Json] = {}  # headers that "Update GL" took out of the hold table
        self._series: dict[tuple[str, int], itertools.count[int]] = {}
        self.headers = db.make("Voucher", HEADER_KEY, ("VoucherText", "VoucherDate"))
        self.rows = db.make("VoucherRow", (*HEADER_KEY, "RowNo"), ("ReferenceNumber", "VoucherNo"))

    def create(self, values: Json) -> Json:
        for name in ("Company", "VoucherType", "VoucherDate"):
            if values.get(name) in (None, ""):
                raise mandatory("Voucher", name)
        if values["Company"] != COMPANY:
            raise missing("Company", "Company")
        kind = self._db["VoucherType"].get(COMPANY, values["VoucherType"])
        if kind is None:
            raise missing("VoucherType", "Voucher Type")
        if values.get("UserGroup", "AC") not in master.USER_GROUPS:
            raise missing("UserGroupFinance", "User Group")
        if values.get("VoucherNo"):
            raise Ora(20121, "Voucher.FND_ITEM_INSERT", "Field [VoucherNo] may not be specified for new objects.")
        year, period = periods.opened(self._db, values["VoucherDate"])
        if values.get("AccountingYear") not in (None, year):
            raise Ora(20110, "Voucher.WRONGYEAR", "The accounting year does not match the voucher date.")
        series = self._series.setdefault((values["VoucherType"], year), itertools.count(1))
        given = {name: value for name, value in values.items() if value is not None}
        return self.headers.add(
            {
                "UserGroup": "AC",
                "CurrencyCode": COMPANY_CURRENCY,
                "FunctionGroup": kind["FunctionGroup"],
                **given,
                "AccountingYear": year,
                "AccountingPeriod": period,
                "VoucherNo": next(series),
                "EntryDate": f"{self._clock.now():%Y-%m-%d}",
                "Objstate": "AwaitingApproval",
            }
        )

    def _header(self, values: Json) -> Json:
        header = self.headers.get(*(values.get(field) for field in HEADER_KEY))
        if header is None:
            raise missing("Voucher", "Voucher")
        if header["Objstate"] != "AwaitingApproval":
            raise Ora(20110, "VoucherRow.CONFIRMED", f"Voucher {header['VoucherNo']} is {header['Objstate']}.")
        return header

    def add_row(self, values: Json) -> Json:
        header = self._header(values)
        self._check_codes(values)
        taken = [row["RowNo"] for row in self.rows_of(header)]
        row: Json = {
            **{name: value for name, value in values.items() if value is not None},
            **{field: header[field] for field in HEADER_KEY},
            "RowNo": max(taken, default=0) + 1,
            "VoucherDate": header["VoucherDate"],
            "AccountingPeriod": header["AccountingPeriod"],
            "FunctionGroup": header["FunctionGroup"],
            "CurrencyCode": values.get("CurrencyCode") or header["CurrencyCode"],
        }
        self._complete(row, header)
        added = self.rows.add(row)
        if self.automatic_tax and not row.get("AutoTaxVouEntry"):
            self._add_tax(header, added)
        self.headers.touch(header)
        return added

    def _add_tax(self, header: Json, row: Json) -> None:
        """What IFS does by itself for a row with a tax code: net rows get a tax row, gross ones are split by it."""
        rate = master.TAX_RATES.get(row.get("OptionalCode") or "", ZERO)
        if not rate:
            return
        currency = row["CurrencyCode"]
        gross = header.get("AmountMethod") == "Gross"
        share = rate / (ONE + rate) if gross else rate
        signed = row["CurrencyAmount"]
        tax = rounded(abs(signed) * share, currency)
        side = "CurrencyDebetAmount" if signed > 0 else "CurrencyCreditAmount"
        if gross:
            for name in (*_AMOUNTS[0], *_AMOUNTS[1]):
                row.pop(name, None)
            row[side] = abs(signed) - tax
            self._complete(row, header)
            self.rows.touch(row)
        kept = ("CurrencyCode", "CurrencyRate", "ConversionFactor", "OptionalCode", "ReferenceNumber", "Text")
        copied = {name: row[name] for name in kept if name in row}
        key = {field: header[field] for field in HEADER_KEY}
        self.add_row({**copied, **key, "Account": _TAX_ACCOUNT, "AutoTaxVouEntry": True, side: tax})

    def _check_codes(self, values: Json) -> None:
        if not values.get("Account"):
            raise mandatory("VoucherRow", "Account")
        account = self._db["Account"].get(COMPANY, values["Account"])
        if account is None or account["ValidUntil"] < f"{self._clock.now():%Y-%m-%d}":
            raise missing("Account", "Account")
        for letter in "BCDEFGHIJ":
            code = values.get(f"Code{letter}")
            if code is not None and code not in master.CODE_PARTS.get(letter, ()):
                raise missing(f"Code{letter}", f"Code{letter}")
        tax = values.get("OptionalCode")
        if tax is not None and tax not in master.TAX_RATES:
            raise missing("StatutoryFee", "Tax Code")

    def _complete(self, row: Json, header: Json) -> None:
        """Amounts come as debit or credit (or one signed amount); the accounting currency follows at the rate."""
        usual = rate_on(self._db, row["CurrencyCode"], header["VoucherDate"])
        debit, credit = _sides(row, *_AMOUNTS[0])
        own = row["CurrencyCode"] == header["CurrencyCode"]
        quoted = row.get("CurrencyRate") or (header.get("CurrencyRate") if own else None) or usual.rate
        rate = Rate(Decimal(quoted), Decimal(row.get("ConversionFactor") or usual.factor))
        row.update(CurrencyRate=rate.rate, ConversionFactor=rate.factor)
        if not any(row.get(name) is not None for name in _AMOUNTS[1]):
            for side, amount in (("DebetAmount", debit), ("CreditAmount", credit)):
                if amount:
                    row[side] = rounded(rate.convert(amount), COMPANY_CURRENCY)
        _sides(row, *_AMOUNTS[1])

    def confirm(self, header: Json) -> None:
        if header["Objstate"] != "AwaitingApproval":
            raise Ora(20132, "Voucher.FND_STATE_EVENT", f"The voucher is already {header['Objstate']}.")
        rows = self.rows_of(header)
        if len(rows) < 2:
            raise Ora(20110, "Voucher.NOROWS", "A voucher needs at least two rows.")
        periods.opened(self._db, header["VoucherDate"])
        for name in ("CurrencyAmount", "Amount"):
            if sum((row[name] for row in rows), ZERO) != 0:
                raise Ora(20110, "Voucher.NOTBALANCED", f"Voucher {header['VoucherNo']} is not in balance ({name}).")
        self.headers.change(header, {"Objstate": "Confirmed"})
        if self.updates_gl:
            self._post(header)

    def _post(self, header: Json) -> None:
        self.headers.remove(header)
        self.posted[self.headers.key_of(header)] = header

    def update_gl(self) -> None:
        """Moves what is confirmed; the rows stay to be analysed."""
        for header in list(self.headers.rows.values()):
            if header["Objstate"] == "Confirmed":
                self._post(header)

    def everything(self) -> list[Json]:
        """All headers, in the hold table and in the ledger."""
        return [*self.posted.values(), *self.headers.rows.values()]

    def drop(self, header: Json) -> None:
        if self.posted.pop(self.headers.key_of(header), None) is None:
            self.headers.remove(header)

    def rows_of(self, header: Json) -> list[Json]:
        return [row for row in self.rows.where("VoucherNo", header["VoucherNo"]) if _of(header, row)]

    def change(self, header: Json, values: Json) -> None:
        self._header(header)
        if set(values) - {"VoucherText", "UserGroup"}:
            raise Ora(20122, "Voucher.FND_ITEM_UPDATE", f"Field [{min(values)}] may not be modified.")
        self.headers.change(header, values)

    def remove_row(self, row: Json) -> None:
        header = self._header(row)
        self.rows.remove(row)
        self.headers.touch(header)

    def truth(self) -> list[Json]:
        by_header: dict[tuple[object, ...], list[Json]] = {}
        for row in self.rows.rows.values():
            by_header.setdefault(tuple(row[field] for field in HEADER_KEY), []).append(row)
        return [
            {**header, "rows": by_header.get(self.headers.key_of(header), []), "in_gl": key in self.posted}
            for header in self.everything()
            for key in (self.headers.key_of(header),)
        ]


def _of(header: Json, row: Json) -> bool:
    return all(header[field] == row[field] for field in HEADER_KEY)


def _sides(row: Json, debit_name: str, credit_name: str, signed_name: str) -> tuple[Decimal, Decimal]:
    debit, credit = amounts.number(row, debit_name), amounts.number(row, credit_name)
    if debit and credit:
        raise Ora(20110, "VoucherRow.BOTHSIDES", "A row carries either a debit or a credit amount.")
    if not debit and not credit:
        signed = amounts.number(row, signed_name)
        debit, credit = max(signed, ZERO), max(-signed, ZERO)
    if not debit and not credit:
        raise mandatory("VoucherRow", debit_name)
    row[signed_name] = debit - credit
    if debit:
        row[debit_name] = debit
    if credit:
        row[credit_name] = credit
    return debit, credit
