"""Master data of the simulated company: sites, accounts, tax codes, charge types, parts, customers, periods."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bcifs_console.simulator import world
from bcifs_console.simulator.ifs import periods, rates
from bcifs_console.simulator.ifs.rates import COMPANY_CURRENCY, CURRENCY_RATES
from bcifs_console.simulator.ifs.tables import Database
from bcifs_console.simulator.money import ZERO, Json
from bcifs_console.simulator.options import COMPANY, SITE

TAX_RATES = {
    "US825": Decimal("0.0825"),
    "US0": ZERO,
    "VAT20": Decimal("0.20"),
    "VAT0": ZERO,
    "JP10": Decimal("0.10"),
    "GCC5": Decimal("0.05"),
    "OVR": ZERO,
}

# Default tax code per charge type; None: never taxed.
CHARGE_TYPES = {
    "FREIGHT": "US825",
    "HANDLING": "US825",
    "WRAPPING": "US825",
    "FEE": "US825",
    "PROMO": "US825",
    "SALESTAX": None,
    "GIFTCERT": None,
}

ACCOUNTS = {
    "1510": ("Accounts receivable, web shop", "Assets"),
    "1910": ("Bank", "Assets"),
    "1580": ("Card clearing", "Assets"),
    "1585": ("Wallet clearing", "Assets"),
    "2420": ("Customer balance, web shop", "Liabilities"),
    "2421": ("Gift certificates", "Liabilities"),
    "2422": ("Store credit", "Liabilities"),
    "2610": ("Sales tax payable", "Liabilities"),
    "2611": ("VAT payable", "Liabilities"),
    "2615": ("Tax on prepayments", "Liabilities"),
    "4000": ("Revenue, apparel", "Revenues"),
    "4010": ("Revenue, hardware", "Revenues"),
    "4020": ("Revenue, home", "Revenues"),
    "4030": ("Revenue, digital", "Revenues"),
    "4040": ("Revenue, food", "Revenues"),
    "4100": ("Shipping income", "Revenues"),
    "4110": ("Handling income", "Revenues"),
    "4120": ("Wrapping income", "Revenues"),
    "4130": ("Fee income", "Revenues"),
    "4140": ("Retained income", "Revenues"),
    "4900": ("Sales returns", "Revenues"),
    "4910": ("Goodwill", "Cost"),
    "4999": ("Revenue, closed account", "Revenues"),
    "7990": ("Rounding differences", "Cost"),
}
CLOSED_ACCOUNTS = frozenset({"4999"})

# Posting control: the sales group decides the revenue account unless a pre-posting does.
REVENUE_ACCOUNTS = {"APPAREL": "4000", "HARDWARE": "4010", "HOME": "4020", "DIGITAL": "4030", "FOOD": "4040"}

CODE_PARTS = {"B": ("100", "200", "WEB"), "C": ("RETAIL", "WEB"), "D": ("P-100", "P-200")}

VOUCHER_TYPES = {"M": "Manual voucher", "WEB": "Web shop voucher", "K": "Correction"}
USER_GROUPS = ("AC", "YE")

TEMPLATE_CUSTOMER = "TEMPLATE-WEB"
SHOP_CUSTOMER = "WEBSHOP"
BARE_CUSTOMER = "C1900"

_LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "Site": ("Contract", {SITE: "Main site", "200": "Second site"}),
    "CustOrderType": ("OrderId", {"NO": "Normal order", "SEO": "Service order", "WEB": "Web order, never invoiced"}),
    "OrderCoordinator": ("AuthorizeCode", {"WEB": "Web shop", "ADMIN": "Administrator"}),
    "MpccomShipVia": ("ShipViaCode", {"STD": "Standard", "EXP": "Express", "NON": "No delivery"}),
    "OrderDeliveryTerm": ("DeliveryTerms", {"DDP": "Delivered duty paid", "EXW": "Ex works", "DAP": "At place"}),
    "PaymentTerm": ("PayTermId", {"0": "Immediate", "30": "30 days net", "CC": "Paid by card"}),
    "IsoCurrency": ("CurrencyCode", {code: code for code in CURRENCY_RATES}),
    "CancelReason": ("CancelReason", {"WEB": "Cancelled in the shop", "ERR": "Entered in error"}),
    "CustomerGroup": ("CustGrp", {"WEB": "Web shop", "RET": "Retail"}),
}


def build(db: Database, now: datetime) -> None:
    for name, (key, rows) in _LISTS.items():
        table = db.make(name, (key,))
        for code, text in rows.items():
            table.add({key: code, "Description": text, "Company": COMPANY})
    _finance(db, now)
    _parts(db)
    _customers(db)


def has(db: Database, table: str, code: object) -> bool:
    return db[table].get(code) is not None


def _finance(db: Database, now: datetime) -> None:
    accounts = db.make("Account", ("Company", "Account"))
    for number, (text, kind) in ACCOUNTS.items():
        closed = number in CLOSED_ACCOUNTS
        row: Json = {"Company": COMPANY, "Account": number, "Description": text, "AccountType": kind}
        accounts.add({**row, "ValidFrom": "2000-01-01", "ValidUntil": "2020-12-31" if closed else "2049-12-31"})
    for letter, values in CODE_PARTS.items():
        table = db.make(f"Code{letter}", ("Company", f"Code{letter}"))
        for value in values:
            table.add({"Company": COMPANY, f"Code{letter}": value, "Description": value})
    taxes = db.make("StatutoryFee", ("Company", "FeeCode"))
    for code, rate in TAX_RATES.items():
        taxes.add({"Company": COMPANY, "FeeCode": code, "Description": code, "FeeRate": rate * 100})
    charges = db.make("SalesChargeType", ("Contract", "ChargeType"))
    for kind, tax in CHARGE_TYPES.items():
        charges.add({"Contract": SITE, "ChargeType": kind, "Description": kind.title(), "TaxCode": tax})
    kinds = db.make("VoucherType", ("Company", "VoucherType"))
    for kind, text in VOUCHER_TYPES.items():
        kinds.add({"Company": COMPANY, "VoucherType": kind, "Description": text, "FunctionGroup": kind[0]})
    periods.build(db, now)
    rates.build(db, now)


def _parts(db: Database) -> None:
    table = db.make("SalesPart", ("Contract", "CatalogNo"), ("CatalogNo",))
    for part in world.PARTS:
        if not part.in_ifs:
            continue
        number = part.sku.upper()
        table.add(
            {
                "Contract": SITE,
                "CatalogNo": number,
                "CatalogDesc": part.name,
                "PartNo": number,
                "CatalogType": "InventoryPart" if part.kind == "physical" else "NonInventoryPart",
                "CatalogGroup": part.sales_group,
                "SalesUnitMeas": "EA",
                "PriceUnitMeas": "EA",
                "ListPrice": part.price,
                "TaxCode": "US0" if part.sales_group == world.ZERO_RATED_GROUP else "US825",
                "ActiveInd": "ActivePart",
                "Company": COMPANY,
            }
        )


def _customers(db: Database) -> None:
    db.make("CustomerInfo", ("CustomerId",), ("Cf_Email",))
    db.make("CustomerInfoAddress", ("CustomerId", "AddressId"), ("CustomerId",))
    db.make("AddressType", ("CustomerId", "AddressId", "AddressTypeCode"), ("CustomerId",))
    db.make("CommMethod", ("CustomerId", "CommId"), ("CustomerId", "Value"))
    db.make("CustomerContact", ("CustomerId", "PersonId"), ("CustomerId",))
    db.make("CustOrdCustomer", ("CustomerNo",), ("CustomerId",))
    db.make("CustomerInvoice", ("CustomerId", "Company"), ("CustomerId",))
    db.make("CustomerCredit", ("CustomerId", "Company"), ("CustomerId",))
    for buyer in world.BUYERS:
        for number in buyer.ifs_ids:
            name = buyer.company or f"{buyer.first_name} {buyer.last_name}"
            add_customer(db, number, name, buyer.email, buyer.phone, buyer.address)
    home = world.KNOWN_BUYERS[0].address
    add_customer(db, SHOP_CUSTOMER, "Web shop guests", "", "", home)
    add_customer(db, TEMPLATE_CUSTOMER, "Template for web customers", "", "", home)
    add_customer(db, BARE_CUSTOMER, "Not set up for orders", "bare@example.com", "", home, with_order_info=False)


def add_customer(
    db: Database,
    number: str,
    name: str,
    email: str,
    phone: str,
    place: world.Address,
    *,
    with_order_info: bool = True,
) -> None:
    db["CustomerInfo"].add(
        {
            "CustomerId": number,
            "Name": name,
            "CreationDate": "2026-01-15",
            "Country": place.country_iso2,
            "CountryCode": place.country_iso2,
            "DefaultLanguage": "en",
            "PartyType": "Customer",
            "CustomerCategory": "Customer",
            "DefaultDomain": True,
            "OneTime": False,
            "B2bCustomer": False,
            "IdentifierRefValidation": "None",
            "Cf_Email": email or None,
        }
    )
    db["CustomerInfoAddress"].add(
        {
            "CustomerId": number,
            "AddressId": "01",
            "Name": name,
            "Address1": place.street,
            "City": place.city,
            "State": place.state,
            "ZipCode": place.zip,
            "Country": place.country_iso2,
            "PartyType": "Customer",
            "DefaultDomain": True,
        }
    )
    for kind in ("Delivery", "Document"):
        db["AddressType"].add({"CustomerId": number, "AddressId": "01", "AddressTypeCode": kind, "DefAddress": True})
    if email:
        add_method(db, number, "EMail", email, "E-mail")
    if phone:
        add_method(db, number, "Phone", phone, "Phone")
    if with_order_info:
        db["CustOrdCustomer"].add(order_info(number))
        db["CustomerInvoice"].add(
            {
                "CustomerId": number,
                "Company": COMPANY,
                "Identity": number,
                "PayTermId": "0",
                "DefCurrency": COMPANY_CURRENCY,
            }
        )


def add_method(db: Database, number: str, method: str, value: str, text: str) -> Json:
    own = 1 + sum(1 for _ in db["CommMethod"].where("CustomerId", number))
    return db["CommMethod"].add(
        {
            "CustomerId": number,
            "CommId": own,
            "Name": text,
            "Description": text,
            "MethodId": method,
            "Value": value,
            "MethodDefault": own == 1,
        }
    )


def order_info(number: str) -> Json:
    return {
        "CustomerNo": number,
        "CustomerId": number,
        "CurrencyCode": "USD",
        "CustGrp": "WEB",
        "OrderId": "NO",
        "BackorderOption": "AllowWithBackorderDate",
        "Discount": 0,
        "Priority": None,
        "CrStop": "Normal",
    }
