"""Customers: creating them and everything below them, copying a template."""

from __future__ import annotations

import itertools

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.ifs import master
from bcifs_console.simulator.ifs.errors import Ora, exists, mandatory, missing
from bcifs_console.simulator.ifs.tables import Database, Table
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.options import COMPANY
from bcifs_console.simulator.words import words

_REQUIRED = ("Name", "CreationDate", "Country", "CountryCode", "DefaultLanguage", "PartyType", "DefaultDomain")
_TEMPLATE_PARTS = ("CustOrdCustomer", "CustomerInvoice", "CustomerCredit")


class Customers:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._numbers = itertools.count(5001)
        self.table = db["CustomerInfo"]

    def create(self, values: Json) -> Json:
        for name in _REQUIRED:
            if values.get(name) in (None, ""):
                raise mandatory("CustomerInfo", name)
        if values["PartyType"] != "Customer":
            raise Ora(20110, "CustomerInfo.PARTYTYPE", "The party type must be Customer.")
        if values["DefaultDomain"] is not True:
            raise Ora(20110, "CustomerInfo.DEFAULTDOMAIN", "The default domain must be set.")
        for name in ("Country", "CountryCode"):
            if len(values[name]) != 2 or not values[name].isupper():
                raise missing("IsoCountry", "Iso Country")
        number = values.get("CustomerId") or f"{next(self._numbers)}"
        self._check_number(number)
        given = {name: value for name, value in values.items() if value is not None}
        return self.table.add({"CustomerCategory": "Customer", "OneTime": False, **given, "CustomerId": number})

    def _check_number(self, number: str) -> None:
        if number != number.upper():
            raise Ora(20124, "CustomerInfo.FND_ITEM_FORMAT", "Field [CustomerId] must be in upper case.")
        if self.table.get(number) is not None:
            raise exists("CustomerInfo", "Customer Info")

    def _owner(self, values: Json, unit: str, field: str = "CustomerId") -> Json:
        if not values.get(field):
            raise mandatory(unit, field)
        owner = self.table.get(values[field])
        if owner is None:
            raise missing("CustomerInfo", "Customer Info")
        return owner

    def add_address(self, values: Json) -> Json:
        owner = self._owner(values, "CustomerInfoAddress")
        for name in ("AddressId", "Country", "PartyType"):
            if not values.get(name):
                raise mandatory("CustomerInfoAddress", name)
        # Fails without it (reported by those who use the API).
        if values.get("DefaultDomain") is not True:
            raise Ora(20110, "CustomerInfoAddress.DEFAULTDOMAIN", "The address must belong to the default domain.")
        row = self._added("CustomerInfoAddress", values, "Customer Info Address")
        self.table.touch(owner)
        return row

    def add_address_type(self, values: Json) -> Json:
        self._owner(values, "CustomerInfoAddressType")
        if not values.get("AddressTypeCode"):
            raise mandatory("CustomerInfoAddressType", "AddressTypeCode")
        return self._added("AddressType", {"DefAddress": False, **values}, "Customer Info Address Type")

    def add_method(self, values: Json) -> Json:
        """The custom field mirrors the first e-mail, as an administrator would have it kept."""
        owner = self._owner(values, "CommMethod")
        for name in ("MethodId", "Value"):
            if not values.get(name):
                raise mandatory("CommMethod", name)
        if "CommId" in values:
            raise Ora(20121, "CommMethod.FND_ITEM_INSERT", "Field [CommId] may not be specified for new objects.")
        number = str(owner["CustomerId"])
        row = master.add_method(self._db, number, values["MethodId"], values["Value"], values.get("Name") or "")
        row.update({name: value for name, value in values.items() if value is not None})
        if values["MethodId"] == "EMail" and not owner.get("Cf_Email"):
            self.table.change(owner, {"Cf_Email": values["Value"]})
        return row

    def add_contact(self, values: Json) -> Json:
        owner = self._owner(values, "CustomerInfoContact")
        names = (values.get("FirstName"), values.get("LastName"))
        full = values.get("FullName") or " ".join(name for name in names if name)
        if not full:
            raise mandatory("CustomerInfoContact", "FullName")
        person = values.get("PersonId") or f"{next(self._numbers)}"
        kept = {name: value for name, value in values.items() if value is not None and name in _CONTACT_FIELDS}
        today = f"{self._clock.now():%Y-%m-%d}"
        row = self._added(
            "CustomerContact",
            {**kept, "PersonId": person, "FullName": full, "Created": today},
            "Customer Info Contact",
        )
        self.table.touch(owner)
        return row

    def add_order_info(self, values: Json) -> Json:
        number = values.get("CustomerNo") or values.get("CustomerId")
        owner = self._owner({"CustomerNo": number}, "CustOrdCustomer", "CustomerNo")
        for name in ("CurrencyCode", "CustGrp", "OrderId"):
            if not values.get(name):
                raise mandatory("CustOrdCustomer", name)
        for name, table in (
            ("CurrencyCode", "IsoCurrency"),
            ("CustGrp", "CustomerGroup"),
            ("OrderId", "CustOrderType"),
        ):
            if not master.has(self._db, table, values[name]):
                raise missing(table, name)
        row = self._added(
            "CustOrdCustomer", {**values, "CustomerNo": number, "CustomerId": number}, "Cust Ord Customer"
        )
        self.table.touch(owner)
        return row

    def add_invoice_info(self, values: Json) -> Json:
        self._owner(values, "IdentityInvoiceInfo")
        self._check_company(values)
        return self._added("CustomerInvoice", {"Identity": values["CustomerId"], **values}, "Identity Invoice Info")

    def add_credit_info(self, values: Json) -> Json:
        self._owner(values, "CustomerCreditInfo")
        self._check_company(values)
        return self._added("CustomerCredit", {"Identity": values["CustomerId"], **values}, "Customer Credit Info")

    def _check_company(self, values: Json) -> None:
        if values.get("Company") != COMPANY:
            raise missing("Company", "Company")

    def _added(self, name: str, values: Json, what: str) -> Json:
        table: Table = self._db[name]
        row = {field: value for field, value in values.items() if value is not None}
        for field in table.key:
            if field not in row:
                raise mandatory(name, field)
        if table.get(*table.key_of(row)) is not None:
            raise exists(name, what)
        return table.add(row)

    def copy(self, values: Json) -> str:
        """The practical way to a complete customer: order, invoice and credit settings come with the copy."""
        source = self.table.get(values.get("CustomerId"))
        if source is None:
            raise missing("CustomerInfo", "Customer Info")
        number = values.get("NewId") or f"{next(self._numbers)}"
        self._check_number(number)
        kept = {name: value for name, value in source.items() if name not in ("@odata.etag", "luname", "keyref")}
        category = values.get("NewCategory") or source["CustomerCategory"]
        self.table.add(
            {
                **kept,
                "CustomerId": number,
                "Name": values.get("NewName") or source["Name"],
                "CustomerCategory": category,
                "CreationDate": f"{self._clock.now():%Y-%m-%d}",
                "Cf_Email": None,
            }
        )
        for name in _TEMPLATE_PARTS:
            self._copy_part(name, str(source["CustomerId"]), number)
        return number

    def _copy_part(self, name: str, source: str, number: str) -> None:
        for row in list(self._db[name].where("CustomerId", source)):
            new = {field: value for field, value in row.items() if field not in ("@odata.etag", "luname", "keyref")}
            new.update({field: number for field in ("CustomerId", "CustomerNo", "Identity") if field in new})
            self._db[name].add(new)

    def by_email(self, given: Json) -> list[Json]:
        """The site's quick report: whose communication methods hold the e-mail, one row for each."""
        if given.get("CompanyId") != COMPANY:
            return []
        wanted = str(given.get("Email") or "").strip().lower()
        held = (row for row in self._db["CommMethod"].rows.values() if row["MethodId"] == "EMail")
        return [
            {
                "CUSTOMER_ID": row["CustomerId"],
                "NAME": (self.table.get(row["CustomerId"]) or {}).get("Name"),
                "E_MAIL": row["Value"],
            }
            for row in held
            if wanted and str(row["Value"]).strip().lower() == wanted
        ]

    def change(self, row: Json, values: Json) -> None:
        if "CustomerId" in values and values["CustomerId"] != row["CustomerId"]:
            raise Ora(20122, "CustomerInfo.FND_ITEM_UPDATE", "Field [CustomerId] may not be modified.")
        self.table.change(row, values)


_CONTACT_FIELDS = frozenset(
    words(
        "CustomerId PersonId FirstName LastName FullName Role CustomerAddress Phone Mobile Email Fax NoteText "
        "CustomerPrimary CustomerSecondary"
    )
)
