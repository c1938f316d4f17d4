"""How a projection is described: entities with typed properties, keys, navigations, actions, enums.

The description drives everything: `$metadata`, the checks of bodies and filters, and how URLs are followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from bcifs_console.simulator.words import words

STRING = "Edm.String"
NUMBER = "Edm.Decimal"
BOOLEAN = "Edm.Boolean"
DATE = "Edm.Date"
TIMESTAMP = "Edm.DateTimeOffset"

STATES = words("Planned Released Reserved Picked PartiallyDelivered Delivered Invoiced Cancelled Blocked")


@dataclass(frozen=True)
class Property:
    name: str
    type: str = STRING
    max_length: int = 0
    enum: str = ""  # name of the enum, when it is one


@dataclass(frozen=True)
class Navigation:
    """`join` pairs a field of the parent with one of the child; values of the parent are given to new children."""

    name: str
    entity: str
    join: tuple[tuple[str, str], ...]
    many: bool = True


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str = STRING


@dataclass(frozen=True)
class Action:
    name: str
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""


@dataclass(frozen=True)
class Entity:
    name: str
    table: str
    key: tuple[str, ...]
    properties: dict[str, Property]
    navigations: dict[str, Navigation] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    has_default: bool = False


@dataclass(frozen=True)
class Projection:
    name: str
    entities: dict[str, Entity]
    sets: dict[str, str]
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    functions: dict[str, Action] = field(default_factory=dict)
    creatable: frozenset[str] = frozenset()  # sets that take a POST; none: the projection is for reading
    description: str = ""
    api_class: str = "Standard"

    @property
    def namespace(self) -> str:
        return f"IfsApp.{self.name}"


_LENGTHS = {
    "OrderNo": 12,
    "LineNo": 4,
    "RelNo": 4,
    "CatalogNo": 25,
    "PartNo": 25,
    "CustomerNo": 20,
    "CustomerId": 20,
    "CustomerPoNo": 50,
    "CustomerPoLineNo": 12,
    "Contract": 5,
    "Company": 20,
    "CurrencyCode": 3,
    "OrderId": 3,
    "AuthorizeCode": 20,
    "ShipViaCode": 3,
    "DeliveryTerms": 5,
    "PayTermId": 20,
    "BillAddrNo": 50,
    "ShipAddrNo": 50,
    "AddressId": 50,
    "ChargeType": 25,
    "TaxCode": 20,
    "NoteText": 2000,
    "ExternalRef": 50,
    "CustRef": 30,
    "CancelReason": 10,
    "VoucherType": 3,
    "Account": 20,
    "AccountNo": 10,
    "Text": 200,
    "VoucherText": 2000,
    "ReferenceNumber": 50,
    "ReferenceSerie": 50,
    "OptionalCode": 20,
    "Objkey": 50,
    "luname": 80,
    "keyref": 4000,
    "Objgrants": 2000,
    "Name": 100,
    **{f"Codeno{letter}": 10 for letter in "BCDEFGHIJ"},
    **{f"Code{letter}": 20 for letter in "BCDEFGHIJ"},
}


def properties(
    strings: Iterable[str] = (),
    numbers: Iterable[str] = (),
    booleans: Iterable[str] = (),
    timestamps: Iterable[str] = (),
    dates: Iterable[str] = (),
    enums: dict[str, str] | None = None,
) -> dict[str, Property]:
    """Every entity begins with luname, keyref and Objgrants (recorded)."""
    listed = [Property(name, STRING, _LENGTHS[name]) for name in ("luname", "keyref", "Objgrants")]
    listed += [Property(name, STRING, _LENGTHS.get(name, 200)) for name in strings]
    listed += [Property(name, NUMBER) for name in numbers]
    listed += [Property(name, BOOLEAN) for name in booleans]
    listed += [Property(name, TIMESTAMP) for name in timestamps]
    listed += [Property(name, DATE) for name in dates]
    listed += [Property(name, STRING, enum=enum) for name, enum in (enums or {}).items()]
    return {prop.name: prop for prop in listed}


def entity(
    name: str,
    table: str,
    key: str,
    props: dict[str, Property],
    navigations: Iterable[Navigation] = (),
    actions: Iterable[Action] = (),
    has_default: bool = False,
) -> Entity:
    return Entity(
        name,
        table,
        tuple(key.split()),
        props,
        {nav.name: nav for nav in navigations},
        {action.name: action for action in actions},
        has_default,
    )


def only(source: Entity, name: str, keep: Iterable[str] = ()) -> Entity:
    """The same table seen through a list page: no actions, fewer navigations."""
    kept = {nav: source.navigations[nav] for nav in keep}
    return replace(source, name=name, navigations=kept, actions={}, has_default=False)


def projection(
    name: str,
    description: str,
    sets: dict[str, Entity],
    others: Iterable[Entity] = (),
    enums: Mapping[str, Iterable[str]] | None = None,
    actions: Iterable[Action] = (),
    functions: Iterable[Action] = (),
    creatable: Iterable[str] = (),
) -> Projection:
    entities = {e.name: e for e in (*sets.values(), *others)}
    return Projection(
        name,
        entities,
        {set_name: e.name for set_name, e in sets.items()},
        {enum: tuple(members) for enum, members in (enums or {}).items()},
        {action.name: action for action in actions},
        {function.name: function for function in functions},
        frozenset(creatable),
        description,
    )
