"""Paths below a projection: sets with keys, navigations, actions. `CustomerOrderSet(OrderNo='P1')/OrderLinesArray`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bcifs_console.simulator.ifs.errors import IfsError, malformed
from bcifs_console.simulator.ifs.schema import NUMBER, Entity

_SEGMENT = re.compile(r"(?:[^/'(]|'(?:[^']|'')*'|\((?:[^')]|'(?:[^']|'')*')*\))+")
_PARTS = re.compile(r"([A-Za-z_][\w.]*|\$\w+)(?:\((.*)\))?", re.DOTALL)
_KEY = re.compile(r"\s*(?:(\w+)\s*=\s*)?((?:IfsApp[\w.]+)?'(?:[^']|'')*'|[^,']+)\s*(?:,|$)")


@dataclass(frozen=True)
class Segment:
    """`keys` is None without brackets; a key without a name stands under the empty name."""

    name: str
    keys: tuple[tuple[str, Any], ...] | None


def segments(path: str) -> list[Segment]:
    found = []
    for text in _SEGMENT.findall(path):
        match = _PARTS.fullmatch(text)
        if match is None:
            raise malformed("URI_PARSER_SYNTAX_ERROR", f"The path segment '{text}' is not valid.")
        found.append(Segment(match[1], None if match[2] is None else _keys(match[2])))
    return found


def _keys(text: str) -> tuple[tuple[str, Any], ...]:
    keys = []
    position = 0
    while position < len(text):
        match = _KEY.match(text, position)
        if match is None:
            raise malformed("URI_PARSER_SYNTAX_ERROR", f"The key '{text}' is not valid.")
        keys.append((match[1] or "", _literal(match[2].strip())))
        position = match.end()
    return tuple(keys)


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith("IfsApp"):
        return text.partition("'")[2][:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise malformed("URI_PARSER_SYNTAX_ERROR", f"The literal '{text}' is not valid.") from None
    return int(number) if number == number.to_integral_value() else number


def key_of(segment: Segment, entity: Entity, given: dict[str, Any]) -> tuple[Any, ...]:
    """The key in the entity's own order; `given` holds what the parent already fixes."""
    named = dict(segment.keys or ())
    if "" in named:
        open_fields = [field for field in entity.key if field not in given]
        if len(named) != 1 or len(open_fields) != 1:
            raise _invalid(entity)
        named = {open_fields[0]: named[""]}
    if set(named) - set(entity.key):
        raise _invalid(entity)
    values = {**given, **named}
    if set(entity.key) - set(values):
        raise _invalid(entity)
    for field in named:
        number = entity.properties[field].type == NUMBER
        if number != (isinstance(values[field], int | Decimal) and not isinstance(values[field], bool)):
            raise _invalid(entity)
    return tuple(values[field] for field in entity.key)


def _invalid(entity: Entity) -> IfsError:
    wanted = ", ".join(entity.key)
    return malformed("URI_PARSER_SEMANTIC_ERROR", f"The key of '{entity.name}' is not valid; it consists of {wanted}.")
