"""What the two shops of the scene sell, to whom, and by which rules: goods, buyers, orders, policies, mapping rules.

Amounts are coherent to the cent, so that the planner has nothing to say against them unless the story wants it to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.movements import (
    Refund,
    RefundItem,
    RefundItemType,
    RefundPayment,
    Shipment,
    ShippedItem,
    Tender,
)
from bcifs_console.domain.orders import Address, Charge, ChargeKind, LineType, Order, OrderLine, TaxRow
from bcifs_console.domain.rules import (
    Condition,
    ConditionField,
    MappingRule,
    Policy,
    Purpose,
    RevenuePosting,
    Rules,
    VoucherTransport,
)
from tests.accounting.building import line, order, rule

#: The moment at which the scene is looked at: a Monday, 10:42 in Chicago.
NOW: Final = datetime(2026, 11, 23, 16, 42, 10, tzinfo=UTC)
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    price: Decimal  #: without tax in the US shop, with it in the EU shop
    type: LineType = LineType.PHYSICAL


def _product(sku: str, name: str, price: str, type: LineType = LineType.PHYSICAL) -> Product:
    return Product(sku, name, Decimal(price), type)


BREWER: Final = _product("BREWER-V60", "Pour-over brewer, 2 cups", "34.00")
GRINDER: Final = _product("GRINDER-M2", "Hand grinder M2", "189.00")
KETTLE: Final = _product("KETTLE-GN", "Gooseneck kettle, 1 l", "79.50")
FILTERS: Final = _product("FILTER-100", "Paper filters, 100", "8.90")
ETHIOPIA: Final = _product("BEANS-ETH-1KG", "Ethiopia Guji, 1 kg", "38.00")
COLOMBIA: Final = _product("BEANS-COL-1KG", "Colombia Huila, 1 kg", "31.00")
MUG: Final = _product("MUG-STONE", "Stoneware mug", "14.25")
COURSE: Final = _product("COURSE-HOME", "Home barista course", "59.00", LineType.DIGITAL)
GIFT_BOX: Final = _product("GIFTBOX-XMAS26", "Holiday gift box 2026", "49.00")  # no revenue rule covers it
CARAFE: Final = _product("CARAFE-600", "Glass carafe, 600 ml", "24.00")  # IFS has no such sales part


@dataclass(frozen=True, slots=True)
class Person:
    """A buyer. `ifs`: the IFS customer that holds the e-mail, "" where IFS knows nobody of that e-mail."""

    number: int  #: the store's customer id, 0 for a guest
    first: str
    last: str
    email: str
    city: str
    zip: str
    ifs: str = ""
    company: str = ""
    phone: str = ""
    country: str = "US"

    @property
    def address(self) -> Address:
        names = {"US": "United States", "DE": "Germany", "AT": "Austria"}
        return Address(
            1, self.first, self.last, self.company, f"{17 + self.number % 80} Elm Street", "", self.city, "", self.zip,
            names[self.country], self.country, self.phone, self.email, "Courier",
        )  # fmt: skip


HALE: Final = Person(301, "Rosa", "Hale", "rosa.hale@example.com", "Austin", "78704", ifs="C1004")
OKAFOR: Final = Person(302, "David", "Okafor", "d.okafor@example.com", "Denver", "80205", ifs="C1007")
LINDQVIST: Final = Person(303, "Ana", "Lindqvist", "ana@lindqvist.example", "Madison", "53703", ifs="C1011")
NORTHWIND: Final = Person(
    304, "Priya", "Nair", "purchasing@northwind.example", "Chicago", "60607", "C2001", "Northwind Offices"
)
BEAN_BARN: Final = Person(
    305, "Tom", "Ferris", "orders@beanbarn.example", "Portland", "97209", "C2014", "The Bean Barn"
)
#: Nobody in IFS has their e-mail: five decisions wait.
ACME: Final = Person(
    311, "Jane", "Doe", "jane.doe@acme-industrial.example", "Houston", "77002",
    company="Acme Industrial Ltd", phone="+1 713 555 0142",
)  # fmt: skip
TORRES: Final = Person(312, "Miguel", "Torres", "mtorres@example.net", "El Paso", "79901", phone="+1 915 555 0177")
SANTOS: Final = Person(0, "Beatriz", "Santos", "bea.santos@example.org", "Tampa", "33602")
KEPLER: Final = Person(
    314, "Ingrid", "Kepler", "ingrid@kepler-labs.example", "Boston", "02110", company="Kepler Labs Inc"
)
#: Questions about them were answered this morning: created, linked, skipped.
WREN: Final = Person(315, "Olivia", "Wren", "olivia.wren@example.com", "Reno", "89501", phone="+1 775 555 0109")
DUBOIS: Final = Person(316, "Claire", "Dubois", "c.dubois@example.com", "Baton Rouge", "70802")
TESTER: Final = Person(317, "QA", "Tester", "qa@acme-shop.example", "Austin", "78701")
WEISS: Final = Person(411, "Jonas", "Weiß", "jonas.weiss@example.de", "Köln", "50667", country="DE")
BRANDT: Final = Person(412, "Lena", "Brandt", "lena.brandt@example.de", "Hamburg", "20095", "K3002", country="DE")
HOFER: Final = Person(413, "Paul", "Hofer", "paul.hofer@example.at", "Wien", "1060", "K3005", country="AT")

#: Buyers whose words are weapons: escape sequences, markup, C1 controls, text that runs backwards.
HOSTILE: Final = (
    Person(901, "Mallory", "\x1b]52;c;ZXZpbA==\x07\x1b[31m", "mallory@evil.example", "Nowhere", "00001"),
    Person(902, "Acme [/b]", "[link=http://evil.example]Ltd[", "markup@evil.example", "[red]", "00002"),
    Person(903, "C1 \x9b31m\x9d0;owned\x9c", "\x85Next", "c1@evil.example", "\x7f", "00003"),
    Person(904, "Invoice", "\u202egnp.exe\u2066", "bidi@evil.example", "\u200f", "00004"),
)


Goods = Sequence[tuple[Product, int]]


def sale(number: int, buyer: Person, placed_at: datetime, *goods: tuple[Product, int], **changes: Any) -> Order:
    """An order of the US shop, or of the EU shop where the buyer lives there. Paid by card where `changes` say nothing.

    `off` makes the stated total wrong by so much.
    """
    is_eu = buyer.country != "US"
    percent, tax_name = (Decimal(19), "VAT 19%") if is_eu else (Decimal("8.25"), "Sales tax")
    lines = [
        _line(number * 10 + place, product, units, percent, inclusive=is_eu)
        for place, (product, units) in enumerate(goods, 1)
    ]
    gross = sum((li.total_inc_tax for li in lines), ZERO)
    tax = sum((li.total_tax for li in lines), ZERO)
    shipping = _shipping(lines, percent, inclusive=is_eu)
    rows = [TaxRow(tax_name, percent, li.total_tax, "Default", "item", li.id, 1) for li in lines]
    rows += [TaxRow(tax_name, percent, c.tax, "Default", "shipping", None, 1) for c in shipping]
    total = gross + sum((c.inc_tax for c in shipping), ZERO) + Decimal(changes.pop("off", 0))
    currency = "EUR" if is_eu else "USD"
    tax += sum((c.tax for c in shipping), ZERO)
    whole = order(lines, inc=str(total), tax=str(tax), id=number, currency=currency, tax_inclusive=is_eu)
    gateway = ("stripe", "paypal")[number % 2]
    paid = Tender(number * 7, "purchase", "credit_card", gateway, total, currency, "ok", placed_at)
    facts: dict[str, Any] = {
        "customer_id": buyer.number,
        "placed_at": placed_at,
        "modified_at": placed_at,
        "charges": shipping,
        "taxes": tuple(rows),
        "billing": buyer.address,
        "shipping": (buyer.address,),
        "payment_method": "Credit Card",
        "payment_provider": gateway,
        "tenders": (paid,),
        "shipments": (),
        "refunds": (),
    }
    return replace(whole, **(facts | changes))


def _line(id: int, product: Product, units: int, percent: Decimal, *, inclusive: bool) -> OrderLine:
    stated = product.price * units
    other = (stated * 100 / (100 + percent) if inclusive else stated * (100 + percent) / 100).quantize(_CENT)
    net, gross = (other, stated) if inclusive else (stated, other)
    made = line(id, ex=str(net), inc=str(gross), quantity=units)
    return replace(made, sku=product.sku, name=product.name, type=product.type)


def _shipping(lines: Sequence[OrderLine], percent: Decimal, *, inclusive: bool) -> tuple[Charge, ...]:
    if all(li.type is LineType.DIGITAL for li in lines):
        return ()
    gross = Decimal("6.90") if inclusive else (Decimal("9.00") * (100 + percent) / 100).quantize(_CENT)
    net = (gross * 100 / (100 + percent)).quantize(_CENT) if inclusive else Decimal("9.00")
    return (Charge(ChargeKind.SHIPPING, net, gross, gross - net, "Courier"),)


def shipped(of: Order, at: datetime, *, first_only: bool = False) -> Order:
    """The order once it is out: in one parcel; with `first_only` its first line in a parcel and the rest without, as
    where a shop sets the status by hand."""
    parcel = [li for li in of.lines if li.type is LineType.PHYSICAL][: 1 if first_only else None]
    sent = {li.id for li in parcel}
    lines = tuple(replace(li, quantity_shipped=li.quantity) if li.id in sent else li for li in of.lines)
    shipment = Shipment(
        of.id * 3, at, tuple(ShippedItem(li.id, li.quantity) for li in parcel),
        carrier="UPS", tracking_number=f"1Z999AA1{of.id}",
    )  # fmt: skip
    return replace(
        of, lines=lines, shipments=(*(of.shipments or ()), shipment), modified_at=at, shipped_at=at,
        status_id=2, status="Shipped", items_shipped=sum(li.quantity for li in parcel),
    )  # fmt: skip


def refunded(of: Order, at: datetime, reason: str = "Arrived broken") -> Order:
    """The order once the goods of its first line were paid back."""
    first = of.lines[0]
    given, tax = first.total_inc_tax, first.total_tax
    item = RefundItem(RefundItemType.PRODUCT, first.id, first.quantity, given)
    payment = RefundPayment(of.id * 5 + 1, of.payment_provider, given, is_offline=True)
    refund = Refund(of.id * 5, of.id, at, given, tax, (item,), (payment,), reason=reason)
    lines = (replace(first, quantity_refunded=first.quantity), *of.lines[1:])
    return replace(
        of, lines=lines, refunds=(refund,), modified_at=at, status_id=14, status="Partially Refunded",
    )  # fmt: skip


# -- policies and rules ------------------------------------------------------------------------------------------------

US_POLICY: Final = Policy(
    start_at=datetime(2026, 11, 1, 6, tzinfo=UTC),
    revenue_posting=RevenuePosting.VOUCHER,
    order_type_never_invoices=True,
    voucher_transport=VoucherTransport.REST,
    time_zone="America/Chicago",
    contract="100",
)
EU_POLICY: Final = Policy(
    start_at=datetime(2026, 11, 9, tzinfo=UTC),
    revenue_posting=RevenuePosting.IFS_INVOICE,
    voucher_transport=VoucherTransport.REST,
    time_zone="Europe/Berlin",
    contract="200",
    order_reference="EU-{order_id}",
)
_ACCOUNTS: Final[dict[Purpose, str]] = {
    Purpose.CUSTOMER_BALANCE: "2420",
    Purpose.GIFT_CERTIFICATE_LIABILITY: "2421",
    Purpose.STORE_CREDIT_LIABILITY: "2422",
    Purpose.TAX_ACCOUNT: "2610",
    Purpose.TAX_ON_PREPAYMENTS: "2615",
    Purpose.RETURNS: "4900",
    Purpose.SHIPPING_INCOME: "4100",
    Purpose.HANDLING_INCOME: "4110",
    Purpose.WRAPPING_INCOME: "4120",
    Purpose.FEE_INCOME: "4130",
    Purpose.RETAINED_INCOME: "4140",
    Purpose.GOODWILL: "4910",
    Purpose.ROUNDING: "7990",
}
#: How the US shop's rules came to be: when, who, why, and the whole list of one purpose that was saved.
Saved = tuple[datetime, str, str, Purpose, tuple[MappingRule, ...]]


def _revenue(*skus: tuple[str, str]) -> tuple[MappingRule, ...]:
    return tuple(rule(Purpose.REVENUE, account, place, sku=sku) for place, (sku, account) in enumerate(skus, 1))


_FIRST_REVENUE: Final = (("BREWER-*", "4010"), ("GRINDER-*", "4010"), ("BEANS-*", "4000"))
_MORE_REVENUE: Final = (*_FIRST_REVENUE, ("KETTLE-*", "4010"), ("FILTER-*", "4000"), ("MUG-*", "4020"))
US_HISTORY: Final[tuple[Saved, ...]] = (
    (NOW - timedelta(days=24), "anna", "First set-up", Purpose.REVENUE, _revenue(*_FIRST_REVENUE)),
    (
        NOW - timedelta(days=24), "anna", "First set-up", Purpose.CLEARING,
        (rule(Purpose.CLEARING, "1580", 1),),
    ),
    (
        NOW - timedelta(days=20), "anna", "Kettles, filters and mugs are sold now", Purpose.REVENUE,
        (*_revenue(*_MORE_REVENUE), rule(Purpose.REVENUE, "4020", 7, line_type="digital")),
    ),
    (
        NOW - timedelta(days=12), "finance", "PayPal pays out by itself: its own clearing account", Purpose.CLEARING,
        (rule(Purpose.CLEARING, "1585", 1, gateway="paypal"), rule(Purpose.CLEARING, "1580", 2)),
    ),
    (
        NOW - timedelta(days=6), "anna", "Courses are services", Purpose.REVENUE,
        (*_revenue(*_MORE_REVENUE), rule(Purpose.REVENUE, "4030", 7, line_type="digital")),
    ),
    (
        NOW - timedelta(days=3), "ben", "Every Northwind branch is one customer", Purpose.CUSTOMER,
        (rule(Purpose.CUSTOMER, "C2001", 1, email_domain="northwind.example"),),
    ),
)  # fmt: skip
_FIXED: Final = tuple(rule(purpose, account) for purpose, account in _ACCOUNTS.items())
_ON_INCOME: Final = Condition(ConditionField.PURPOSE, ("*_income", "returns"))
_COST_CENTRE: Final = MappingRule(Purpose.CODE_PART_B, 1, "WEB", (_ON_INCOME,))
US_FIXED: Final = Rules((*_FIXED, _COST_CENTRE, *default_rules()))
EU_RULES: Final = Rules(
    (
        *_FIXED,
        rule(Purpose.REVENUE, "8400"),
        rule(Purpose.CLEARING, "1360"),
        rule(Purpose.TAX, "code:VAT19", 1, tax_rate="19"),
        *(made for made in default_rules() if made.purpose is not Purpose.TAX),
    )
)
