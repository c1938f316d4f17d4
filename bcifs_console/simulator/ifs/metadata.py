"""`$metadata` (EDMX) and the service document, rendered from a projection's description in the recorded style."""

from __future__ import annotations

from functools import cache
from xml.sax.saxutils import quoteattr

from bcifs_console.simulator.ifs.schema import NUMBER, Action, Entity, Projection, Property
from bcifs_console.simulator.money import Json

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"

# Present in every recorded document.
_COMPLEX_TYPES = (
    ("StreamInfoRec", ("FileName", "MimeType")),
    ("EntityDec", ("ETag", "Info", "Attr")),
)


def _type(name: str, projection: Projection) -> str:
    if name.startswith("Edm."):
        return name
    if name.startswith("Collection("):
        return f"Collection({_type(name[len('Collection(') : -1], projection)})"
    return f"{projection.namespace}.{name}"


def _property(prop: Property, projection: Projection) -> str:
    if prop.enum:
        return f"<Property Name={quoteattr(prop.name)} Type={quoteattr(_type(prop.enum, projection))}></Property>"
    size = ' Precision="130" Scale="65"' if prop.type == NUMBER else ""
    if prop.max_length:
        size = f' MaxLength="{prop.max_length}"'
    return f"<Property Name={quoteattr(prop.name)} Type={quoteattr(prop.type)}{size}></Property>"


def _entity(entity: Entity, projection: Projection) -> str:
    keys = "".join(f"<PropertyRef Name={quoteattr(key)}/>" for key in entity.key)
    props = "".join(_property(prop, projection) for prop in entity.properties.values())
    navs = []
    for nav in entity.navigations.values():
        target = _type(nav.entity, projection)
        target = f"Collection({target})" if nav.many else target
        joins = "".join(
            f"<ReferentialConstraint Property={quoteattr(own)} ReferencedProperty={quoteattr(other)}/>"
            for own, other in nav.join
        )
        navs.append(
            f"<NavigationProperty Name={quoteattr(nav.name)} Type={quoteattr(target)}>{joins}</NavigationProperty>"
        )
    return f"<EntityType Name={quoteattr(entity.name)}><Key>{keys}</Key>{props}{''.join(navs)}</EntityType>"


def _callable(tag: str, action: Action, projection: Projection, bound_to: str = "", collection: bool = False) -> str:
    parameters = ""
    if bound_to:
        target = _type(bound_to, projection)
        target = f"Collection({target})" if collection else target
        parameters = f"<Parameter Name={quoteattr(bound_to)} Type={quoteattr(target)}></Parameter>"
    for parameter in action.parameters:
        kind = _type(parameter.type, projection)
        parameters += f"<Parameter Name={quoteattr(parameter.name)} Type={quoteattr(kind)}></Parameter>"
    result = f"<ReturnType Type={quoteattr(_type(action.returns, projection))}/>" if action.returns else ""
    bound = ' IsBound="true"' if bound_to else ""
    return f"<{tag} Name={quoteattr(action.name)}{bound}>{parameters}{result}</{tag}>"


def _enum(name: str, members: tuple[str, ...]) -> str:
    rows = "".join(f'<Member Name={quoteattr(member)} Value="{i}"></Member>' for i, member in enumerate(members))
    return f'<EnumType Name={quoteattr(name)} IsFlags="false" UnderlyingType="Edm.Int32">{rows}</EnumType>'


def _set(name: str, entity: Entity, projection: Projection) -> str:
    by_entity = {target: set_name for set_name, target in projection.sets.items()}
    bindings = "".join(
        f"<NavigationPropertyBinding Path={quoteattr(nav.name)} Target={quoteattr(by_entity[nav.entity])}/>"
        for nav in entity.navigations.values()
        if nav.entity in by_entity
    )
    kind = _type(entity.name, projection)
    return f"<EntitySet Name={quoteattr(name)} EntityType={quoteattr(kind)}>{bindings}</EntitySet>"


@cache
def _complex_types() -> str:
    return "".join(
        f"<ComplexType Name={quoteattr(name)}>"
        + "".join(f'<Property Name={quoteattr(field)} Type="Edm.String"></Property>' for field in fields)
        + "</ComplexType>"
        for name, fields in _COMPLEX_TYPES
    )


def edmx(projection: Projection) -> bytes:
    parts = [_enum(name, members) for name, members in projection.enums.items()]
    parts += [_entity(entity, projection) for entity in projection.entities.values()]
    parts.append(_complex_types())
    for entity in projection.entities.values():
        parts += [_callable("Action", action, projection, entity.name) for action in entity.actions.values()]
        if entity.has_default:
            default = Action(f"{entity.name}_Default", returns=entity.name)
            parts.append(_callable("Function", default, projection, entity.name, collection=True))
    parts += [_callable("Action", action, projection) for action in projection.actions.values()]
    parts += [_callable("Function", function, projection) for function in projection.functions.values()]
    container = "".join(_set(name, projection.entities[entity], projection) for name, entity in projection.sets.items())
    for tag, group in (("Action", projection.actions), ("Function", projection.functions)):
        for name in group:
            target = f"{projection.namespace}.{name}"
            container += f"<{tag}Import Name={quoteattr(name)} {tag}={quoteattr(target)}></{tag}Import>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<edmx:Edmx Version="4.0" xmlns:edmx="{_EDMX}"><edmx:DataServices>'
        f'<Schema xmlns="{_EDM}" Namespace={quoteattr(projection.namespace)}>{"".join(parts)}'
        f'<EntityContainer Name="DefaultContainer">{container}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    ).encode()


def service_document(projection: Projection, context: str) -> Json:
    rows = [{"name": name, "url": name} for name in projection.sets]
    rows += [{"name": name, "kind": "FunctionImport", "url": name} for name in projection.functions]
    return {"@odata.context": context, "value": rows}
