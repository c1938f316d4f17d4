"""The `$metadata` of a projection (EDMX) as a small frozen model (facts §2): sets, types, navigations, actions, enums.

Only names, types and lengths: IFS's metadata does not say what is required.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from bcifs_console.ifs.errors import IfsError

_EDM: Final = "{http://docs.oasis-open.org/odata/ns/edm}"
_COLLECTION: Final = "Collection("


class UnreadableMetadata(IfsError):
    """The document is no EDMX, or one that a server has no business sending (with a DTD)."""

    default_remedy = "Open the $metadata address by hand: a gateway may have answered in place of IFS."


@dataclass(frozen=True, slots=True)
class Property:
    """`type` is `Edm.String`, `Edm.Decimal` …, or the short name of an enumeration."""

    name: str
    type: str
    max_length: int | None


@dataclass(frozen=True, slots=True)
class EntityType:
    """`navigations` maps a navigation to the short name of the type it leads to."""

    name: str
    properties: Mapping[str, Property]
    navigations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Action:
    """`bound_to` is the short name of the entity type, None for an action of the projection itself."""

    name: str
    bound_to: str | None
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """One projection."""

    namespace: str
    types: Mapping[str, EntityType]
    sets: Mapping[str, str]  #: entity set → short name of its type
    actions: tuple[Action, ...]
    enums: Mapping[str, tuple[str, ...]]
    functions: tuple[Action, ...] = ()

    def type_of_set(self, name: str) -> EntityType | None:
        """The entity type of a set, None where there is no such set."""
        return self.types.get(self.sets.get(name, ""))

    def actions_of(self, entity: str | None) -> tuple[Action, ...]:
        """Actions bound to an entity type, or the unbound ones for None."""
        return tuple(action for action in self.actions if action.bound_to == entity)


def parse_metadata(document: bytes) -> Metadata:
    """The model of an EDMX document. Raises UnreadableMetadata.

    A DTD is refused before parsing: entities could expand without end or name files (both are useless in EDMX).
    """
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableMetadata("$metadata is not UTF-8.") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnreadableMetadata("$metadata carries a DTD; it was not read.")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - DTD and entities are refused above, size by the transport
    except ElementTree.ParseError as error:
        raise UnreadableMetadata(f"$metadata is no XML: {error}.") from error
    schema = root.find(f".//{_EDM}Schema")
    if schema is None:
        raise UnreadableMetadata("$metadata holds no schema.")
    return Metadata(
        namespace=schema.get("Namespace", ""),
        types={t.name: t for t in map(_entity_type, schema.findall(f"{_EDM}EntityType"))},
        sets={
            e.get("Name", ""): _short(e.get("EntityType", ""))
            for e in schema.iterfind(f"{_EDM}EntityContainer/{_EDM}EntitySet")
        },
        actions=tuple(map(_action, schema.findall(f"{_EDM}Action"))),
        functions=tuple(map(_action, schema.findall(f"{_EDM}Function"))),
        enums={
            e.get("Name", ""): tuple(m.get("Name", "") for m in e.findall(f"{_EDM}Member"))
            for e in schema.findall(f"{_EDM}EnumType")
        },
    )


def _entity_type(element: ElementTree.Element) -> EntityType:
    properties = map(_property, element.findall(f"{_EDM}Property"))
    return EntityType(
        name=element.get("Name", ""),
        properties={p.name: p for p in properties},
        navigations={
            n.get("Name", ""): _short(n.get("Type", "")) for n in element.findall(f"{_EDM}NavigationProperty")
        },
    )


def _property(element: ElementTree.Element) -> Property:
    kind = element.get("Type", "")
    length = element.get("MaxLength", "")
    return Property(
        name=element.get("Name", ""),
        type=kind if kind.startswith("Edm.") else _short(kind),
        max_length=int(length) if length.isdecimal() else None,
    )


def _action(element: ElementTree.Element) -> Action:
    parameters = element.findall(f"{_EDM}Parameter")
    is_bound = element.get("IsBound") == "true" and bool(parameters)
    own = parameters[1:] if is_bound else parameters
    return Action(
        name=element.get("Name", ""),
        bound_to=_short(parameters[0].get("Type", "")) if is_bound else None,
        parameters=tuple(p.get("Name", "") for p in own),
    )


def _short(qualified: str) -> str:
    """`Collection(IfsApp.X.CustomerOrderLine)` → `CustomerOrderLine`."""
    inner = qualified.removeprefix(_COLLECTION).removesuffix(")") if qualified.startswith(_COLLECTION) else qualified
    return inner.rpartition(".")[2]
