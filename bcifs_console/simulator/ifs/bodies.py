"""Request bodies: every property must exist in the entity and have its type, as OData demands."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bcifs_console.simulator.ifs.errors import IfsError, Ora, bad_body
from bcifs_console.simulator.ifs.schema import (
    BOOLEAN,
    DATE,
    NUMBER,
    TIMESTAMP,
    Action,
    Entity,
    Projection,
    Property,
)
from bcifs_console.simulator.money import Json

# Timestamps come without fractions (documented).
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def checked(body: Any, entity: Entity, projection: Projection) -> Json:
    if not isinstance(body, dict):
        raise bad_body("DESERIALIZER_SYNTAX", "The body must be a JSON object.")
    values: Json = {}
    for name, value in body.items():
        if name.startswith("@odata."):
            continue
        prop = entity.properties.get(name)
        if prop is None:
            raise bad_body(
                "DESERIALIZER_UNKNOWN_CONTENT",
                f"The property '{name}' is not defined in type '{projection.namespace}.{entity.name}'.",
            )
        values[name] = None if value is None else _checked(prop, value, entity, projection)
    return values


def _checked(prop: Property, value: Any, entity: Entity, projection: Projection) -> Any:
    if prop.enum:
        if value not in projection.enums.get(prop.enum, ()):
            raise _invalid(prop.name)
        return value
    if prop.type == NUMBER:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _invalid(prop.name)
        return value
    if prop.type == BOOLEAN:
        if not isinstance(value, bool):
            raise _invalid(prop.name)
        return value
    if not isinstance(value, str) or not _is_moment(prop.type, value):
        raise _invalid(prop.name)
    if prop.max_length and len(value) > prop.max_length:
        raise Ora(
            20126,
            f"{entity.name}.FND_ITEM_LENGTH",
            f"Field [{prop.name}] may hold {prop.max_length} characters at most.",
        )
    return value


def _is_moment(kind: str, value: str) -> bool:
    try:
        if kind == DATE:
            return bool(_DATE.fullmatch(value)) and date.fromisoformat(value) is not None
        if kind == TIMESTAMP:
            return bool(_TIMESTAMP.fullmatch(value)) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False
    return True


def _invalid(name: str) -> IfsError:
    return bad_body("DESERIALIZER_INVALID_VALUE_FOR_PROPERTY", f"Invalid value for property '{name}'.")


def parameters(body: Any, action: Action) -> Json:
    """An action's body: known parameters only; an empty body is `{}`."""
    if not isinstance(body, dict):
        raise bad_body("DESERIALIZER_SYNTAX", "The body must be a JSON object.")
    known = {parameter.name for parameter in action.parameters}
    for name in body:
        if name not in known:
            raise bad_body("DESERIALIZER_UNKNOWN_CONTENT", f"The parameter '{name}' is not defined.")
    return body
