"""The seeded world that both fakes share: what the shop sells and who buys. Master data of IFS alone: ifs/master.py.

`docs/simulator.md` describes it for people; a test keeps the two in step.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Part:
    """A product of the shop; IFS knows it as a sales part unless `in_ifs` is false."""

    product_id: int
    sku: str  # as the shop writes it; IFS holds it in upper case
    name: str
    price: Decimal  # net, in USD
    sales_group: str
    kind: str = "physical"
    in_ifs: bool = True


@dataclass(frozen=True)
class Address:
    street: str
    city: str
    state: str
    zip: str
    country: str
    country_iso2: str


@dataclass(frozen=True)
class Buyer:
    """A shopper. `ifs_ids`: the IFS customers with this e-mail; none for an unknown one, two for a shared one."""

    store_id: int  # 0: guest
    first_name: str
    last_name: str
    email: str
    company: str
    phone: str
    address: Address
    ifs_ids: tuple[str, ...] = ()


_GROUPS = (
    (
        "APPAREL",
        (
            ("tee-black-s", "Tee, black, S", "18.00"),
            ("tee-black-m", "Tee, black, M", "18.00"),
            ("tee-black-l", "Tee, black, L", "18.00"),
            ("tee-white-m", "Tee, white, M", "17.50"),
            ("HOODIE-NAVY-M", "Hoodie, navy, M", "49.95"),
            ("HOODIE-NAVY-L", "Hoodie, navy, L", "49.95"),
            ("CAP-OLIVE", "Cap, olive", "21.00"),
            ("SCARF-WOOL", "Wool scarf", "34.90"),
            ("SOCKS-3PACK", "Socks, three pairs", "12.49"),
            ("BELT-LEATHER", "Leather belt", "39.00"),
            ("GLOVES-WORK", "Work gloves", "16.75"),
            ("RAINCOAT-M", "Raincoat, M", "89.00"),
        ),
    ),
    (
        "HARDWARE",
        (
            ("SIM-1001", "Bench vice", "129.00"),
            ("SIM-1002", "Claw hammer", "24.95"),
            ("SIM-1003", "Screwdriver set", "32.50"),
            ("SIM-1004", "Spirit level", "19.99"),
            ("SIM-1005", "Tape measure", "9.95"),
            ("SIM-1006", "Socket wrench", "44.00"),
            ("SIM-1007", "Cordless drill", "159.00"),
            ("SIM-1008", "Drill bit set", "27.80"),
            ("SIM-1009", "Hand saw", "22.15"),
            ("SIM-1010", "Wood chisel", "14.60"),
            ("SIM-1011", "Work lamp", "38.25"),
            ("SIM-1012", "Tool box", "64.00"),
        ),
    ),
    (
        "HOME",
        (
            ("MUG-GRY", "Coffee mug, grey", "10.12"),
            ("MUG-BLU", "Coffee mug, blue", "10.12"),
            ("TOWEL-BEIGE", "Chambray towel", "27.99"),
            ("LAMP-DESK", "Desk lamp", "58.00"),
            ("CANDLE-PINE", "Candle, pine", "13.33"),
            ("POSTER-A2", "Poster, A2", "11.05"),
            ("BREWER-1", "Coffee brewer", "37.40"),
            ("BREWER-FILTER", "Paper filters, 100", "4.19"),
        ),
    ),
    (
        "DIGITAL",
        (
            ("EBOOK-JOINERY", "E-book: Joinery", "15.00"),
            ("EBOOK-TOOLS", "E-book: Sharp tools", "12.00"),
            ("PATTERN-STOOL", "Plan: three-legged stool", "6.50"),
        ),
    ),
    (
        "FOOD",
        (
            ("COFFEE-BEANS-1KG", "Coffee beans, 1 kg", "19.20"),
            ("TEA-GREEN", "Green tea", "7.85"),
            ("HONEY-JAR", "Honey", "8.40"),
        ),
    ),
)

ZERO_RATED_GROUP = "FOOD"

# Sold at no charge inside the bundle; the bundle itself is a part too.
BUNDLE_SKU = "BUNDLE-COFFEE"
BUNDLE_CHILDREN = ("BREWER-1", "MUG-GRY")

# No catalogue product stands behind it in the shop, but IFS has the part.
CUSTOM_SKU = "CUSTOM-ENGRAVING"

UNMAPPED_SKU = "LEGACY-0815"


def _parts() -> tuple[Part, ...]:
    listed = [
        (sku, name, price, group, "digital" if group == "DIGITAL" else "physical")
        for group, rows in _GROUPS
        for sku, name, price in rows
    ]
    listed.append((BUNDLE_SKU, "Coffee starter bundle", "45.00", "HOME", "physical"))
    parts = [
        Part(100 + index, sku, name, Decimal(price), group, kind)
        for index, (sku, name, price, group, kind) in enumerate(listed, start=1)
    ]
    parts.append(Part(0, CUSTOM_SKU, "Custom engraving", Decimal("25.00"), "HARDWARE"))
    parts.append(Part(199, UNMAPPED_SKU, "Discontinued gadget", Decimal("29.00"), "HARDWARE", in_ifs=False))
    return tuple(parts)


PARTS = _parts()
PART_BY_SKU = {part.sku: part for part in PARTS}
PART_BY_PRODUCT = {part.product_id: part for part in PARTS if part.product_id}

_US = (
    Address("555 East Street", "Austin", "Texas", "78108", "United States", "US"),
    Address("12 Harbor Road", "Portland", "Maine", "04101", "United States", "US"),
    Address("908 Prairie Avenue", "Omaha", "Nebraska", "68102", "United States", "US"),
    Address("77 Canyon Drive", "Boulder", "Colorado", "80302", "United States", "US"),
    Address("4 Orchard Lane", "Salem", "Oregon", "97301", "United States", "US"),
)
_EUROPE = (
    Address("5 Mill Lane", "Leeds", "West Yorkshire", "LS1 4AP", "United Kingdom", "GB"),
    Address("18 rue des Tanneurs", "Lyon", "Rhône", "69002", "France", "FR"),
    Address("Lindenweg 9", "Köln", "Nordrhein-Westfalen", "50667", "Germany", "DE"),
)
_OTHER = (
    Address("2-4-1 Sakae", "Nagoya", "Aichi", "460-0008", "Japan", "JP"),
    Address("Block 3, Street 21", "Kuwait City", "Al Asimah", "15462", "Kuwait", "KW"),
)

_NAMES = [
    "Ada Lovelace",
    "Grace Hopper",
    "Mary Somerville",
    "Emmy Noether",
    "Sofia Kovalevskaya",
    "Hedy Lamarr",
    "Lise Meitner",
    "Rosalind Franklin",
    "Katherine Johnson",
    "Dorothy Vaughan",
    "Annie Cannon",
    "Vera Rubin",
    "Jocelyn Bell",
    "Chien Wu",
    "Maria Mitchell",
    "Ida Noddack",
    "Alan Turing",
    "George Boole",
    "Carl Gauss",
    "Leonhard Euler",
    "Niels Abel",
    "Bernhard Riemann",
    "Blaise Pascal",
    "Pierre Fermat",
    "Isaac Barrow",
    "John Wallis",
    "Robert Hooke",
    "Thomas Young",
    "James Joule",
    "Michael Faraday",
    "Joseph Fourier",
    "Simon Laplace",
    "Siméon Poisson",
    "Évariste Galois",
    "Hermann Minkowski",
    "David Hilbert",
    "Kurt Gödel",
    "Emil Post",
    "Alonzo Church",
    "Stephen Kleene",
]

_PLAIN = str.maketrans("éÉö", "eEo")


def _known() -> tuple[Buyer, ...]:
    places = _US * 7 + _EUROPE + _OTHER
    buyers = []
    for index, (name, place) in enumerate(zip(_NAMES, places, strict=True), start=1):
        first, last = name.split()
        email = f"{first}.{last}@example.com".lower().translate(_PLAIN)
        company = f"{last} Workshop" if index % 4 == 0 else ""
        buyers.append(Buyer(index, first, last, email, company, f"555-01{index:02d}", place, (f"C{1000 + index}",)))
    return tuple(buyers)


KNOWN_BUYERS = _known()

# Two of them look like people IFS knows under another address: candidates for the person who decides.
UNKNOWN_BUYERS = (
    Buyer(201, "Ada", "Lovelace", "ada@analytical-engines.example", "Analytical Engines", "555-0101", _US[0]),
    Buyer(202, "Tycho", "Brahe", "tycho.brahe@example.net", "", "555-0202", _US[1]),
    Buyer(203, "Grace", "Hopper-Murray", "g.hopper@example.net", "", "555-0203", _US[2]),
    Buyer(204, "Omar", "Khayyam", "omar.khayyam@example.net", "Rubaiyat Books", "555-0204", _US[3]),
    Buyer(0, "Hypatia", "Alexandria", "hypatia@example.net", "", "555-0205", _US[4]),
)

SHARED_BUYER = Buyer(
    301, "Buying", "Department", "purchasing@example.org", "Twin Works", "555-0301", _US[1], ("C1101", "C1102")
)

BUYERS = (*KNOWN_BUYERS, *UNKNOWN_BUYERS, SHARED_BUYER)
BUYER_BY_STORE_ID = {buyer.store_id: buyer for buyer in BUYERS if buyer.store_id}


def buyers_in(country: str) -> tuple[Buyer, ...]:
    return tuple(buyer for buyer in KNOWN_BUYERS if buyer.address.country_iso2 == country)
