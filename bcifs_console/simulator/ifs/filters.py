"""`$filter`: parsed by odata-query, type-checked against the entity, compiled to a test that is kept by its shape.

String literals are taken out before parsing, so that ten thousand filters which differ in an order number alone are
parsed once.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from bcifs_console.simulator.ifs.errors import malformed, not_implemented
from bcifs_console.simulator.ifs.schema import BOOLEAN, DATE, NUMBER, STRING, TIMESTAMP, Entity, Projection
from bcifs_console.simulator.money import Json

Value = Callable[[Json, "list[str]"], Any]

_LITERAL = re.compile(r"(IfsApp(?:\.\w+)+)?'((?:[^']|'')*)'")
_MARK = "§"
# The lexer takes `All…` for the lambda keyword, and knows no list of a single item.
_CLASHING = re.compile(r"\b((?:any|all|null|true|false)\w+)", re.IGNORECASE)
_SINGLE_IN = re.compile(r"\bin\s*\(\s*('[^']*'|[\d.]+)\s*\)", re.IGNORECASE)
_SHIELD = "x__"

_COMPARATORS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_NULL = "null"


@dataclass(frozen=True)
class Filter:
    """`equals`: fields that must equal a literal, for the index; the test still runs on what the index finds."""

    test: Value
    equals: tuple[tuple[str, Value], ...]
    members: tuple[tuple[int, tuple[str, ...]], ...]  # literals that must be members of an enum

    def check(self, literals: list[str]) -> None:
        for place, members in self.members:
            if literals[place] not in members:
                raise malformed("URI_PARSER_SEMANTIC_ERROR", f"'{literals[place]}' is no member of its enumeration.")


class Filters:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Filter] = {}
        self._lexer = ODataLexer()
        self._parser = ODataParser()

    def compiled(self, text: str, entity: Entity, projection: Projection) -> tuple[Filter, list[str]]:
        shape, literals = _shape(text)
        key = (projection.name, entity.name, shape)
        found = self._kept.get(key)
        if found is None:
            try:
                tree = self._parser.parse(self._lexer.tokenize(shape))
            except ODataException as error:
                text = f"The system query option '$filter' is invalid: {error}"
                raise malformed("URI_PARSER_SYNTAX_ERROR", text) from error
            compiler = _Compiler(entity, projection)
            condition, equals = compiler.condition(tree), tuple(compiler.equalities(tree))
            found = self._kept[key] = Filter(condition, equals, tuple(compiler.members))
        found.check(literals)
        return found, literals


def _shape(text: str) -> tuple[str, list[str]]:
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[2].replace("''", "'"))
        return f"'{_MARK}{len(literals) - 1}{_MARK}{match[1] or ''}'"

    marked = _LITERAL.sub(keep, text)
    pieces = re.split(r"('[^']*')", marked)
    shielded = "".join(p if p.startswith("'") else _CLASHING.sub(_SHIELD + r"\1", p) for p in pieces)
    return _SINGLE_IN.sub(r"in (\1,)", shielded.strip()), literals


class _Compiler:
    def __init__(self, entity: Entity, projection: Projection) -> None:
        self._entity = entity
        self._projection = projection
        self.members: list[tuple[int, tuple[str, ...]]] = []

    def condition(self, node: Any) -> Value:
        value, kind = self._typed(node)
        if kind != BOOLEAN:
            raise malformed("URI_PARSER_SEMANTIC_ERROR", "The filter is not a boolean expression.")
        return value

    def equalities(self, node: Any) -> list[tuple[str, Value]]:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            return [*self.equalities(node.left), *self.equalities(node.right)]
        match node:
            case ast.Compare(ast.Eq(), ast.Identifier() as left, ast.String() | ast.Integer() as right):
                return [(self._name(left), self._typed(right)[0])]
        return []

    def _name(self, node: ast.Identifier) -> str:
        return node.name.removeprefix(_SHIELD)

    def _typed(self, node: Any) -> tuple[Value, str]:
        match node:
            case ast.Identifier():
                return self._field(self._name(node))
            case ast.String():
                return self._string(node.val)
            case ast.Integer() | ast.Float():
                number = Decimal(node.val)
                return (lambda row, literals: number), NUMBER
            case ast.Boolean():
                truth = node.val.lower() == "true"
                return (lambda row, literals: truth), BOOLEAN
            case ast.Null():
                return (lambda row, literals: None), _NULL
            case ast.Date():
                day = _midnight(node.val)
                return (lambda row, literals: day), DATE
            case ast.DateTime():
                moment = _moment(node.val)
                return (lambda row, literals: moment), TIMESTAMP
            case ast.Compare():
                return self._comparison(node), BOOLEAN
            case ast.BoolOp():
                return self._logic(node), BOOLEAN
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp():
                return self._arithmetic(node), NUMBER
            case ast.Call():
                return self._call(node)
        raise not_implemented()

    def _field(self, name: str) -> tuple[Value, str]:
        prop = self._entity.properties.get(name)
        if prop is None:
            kind = f"{self._projection.namespace}.{self._entity.name}"
            raise malformed(
                "EXPRESSION_PROPERTY_NOT_IN_TYPE",
                f"The property '{name}', used in a query expression, is not defined in type '{kind}'.",
            )
        if prop.enum:
            return (lambda row, literals: row.get(name)), f"{self._projection.namespace}.{prop.enum}"
        if prop.type == DATE:
            return (lambda row, literals: _day(row.get(name))), DATE
        if prop.type == TIMESTAMP:
            return (lambda row, literals: _moment(row.get(name))), TIMESTAMP
        return (lambda row, literals: row.get(name)), prop.type

    def _string(self, marked: str) -> tuple[Value, str]:
        _, index, qualified = marked.split(_MARK)
        place = int(index)
        if not qualified:
            return (lambda row, literals: literals[place]), STRING
        enum = qualified.removeprefix(f"{self._projection.namespace}.")
        if enum not in self._projection.enums:
            raise malformed("URI_PARSER_SEMANTIC_ERROR", f"The type '{qualified}' is not known.")
        self.members.append((place, self._projection.enums[enum]))
        return (lambda row, literals: literals[place]), qualified

    def _comparison(self, node: ast.Compare) -> Value:
        left, left_kind = self._typed(node.left)
        if isinstance(node.comparator, ast.In):
            if not isinstance(node.right, ast.List):
                raise malformed("URI_PARSER_SYNTAX_ERROR", "The right side of 'in' must be a list.")
            members = [self._typed(item) for item in node.right.val]
            for _, kind in members:
                self._same(left_kind, kind)
            return lambda row, literals: left(row, literals) in [m(row, literals) for m, _ in members]
        right, right_kind = self._typed(node.right)
        self._same(left_kind, right_kind)
        compare = _COMPARATORS[type(node.comparator)]
        if isinstance(node.comparator, ast.Eq | ast.NotEq):
            return lambda row, literals: compare(left(row, literals), right(row, literals))

        def ordered(row: Json, literals: list[str]) -> bool:
            a, b = left(row, literals), right(row, literals)
            return a is not None and b is not None and compare(a, b)

        return ordered

    def _same(self, left: str, right: str) -> None:
        """A plain string against an enum is what fails here most often: `'Released'` must be qualified."""
        if _NULL in (left, right) or left == right or {left, right} == {DATE, TIMESTAMP}:
            return
        raise malformed(
            "URI_PARSER_SEMANTIC_ERROR", f"The types '{left}' and '{right}' are not compatible in an expression."
        )

    def _logic(self, node: ast.BoolOp) -> Value:
        left, right = self.condition(node.left), self.condition(node.right)
        if isinstance(node.op, ast.And):
            return lambda row, literals: left(row, literals) and right(row, literals)
        return lambda row, literals: left(row, literals) or right(row, literals)

    def _unary(self, node: ast.UnaryOp) -> tuple[Value, str]:
        value, kind = self._typed(node.operand)
        if isinstance(node.op, ast.Not):
            return (lambda row, literals: not value(row, literals)), BOOLEAN
        return (lambda row, literals: -value(row, literals)), kind

    def _arithmetic(self, node: ast.BinOp) -> Value:
        if type(node.op) not in _ARITHMETIC:
            raise not_implemented()
        apply = _ARITHMETIC[type(node.op)]
        left, right = self._typed(node.left)[0], self._typed(node.right)[0]
        return lambda row, literals: apply(left(row, literals) or Decimal(0), right(row, literals) or Decimal(0))

    def _call(self, node: ast.Call) -> tuple[Value, str]:
        name = node.func.name.lower()
        if name not in _FUNCTIONS:
            raise not_implemented()
        function, kind = _FUNCTIONS[name]
        arguments = [self._typed(argument)[0] for argument in node.args]

        def value(row: Json, literals: list[str]) -> Any:
            values = [argument(row, literals) for argument in arguments]
            return None if values[0] is None else function(*values)

        def truth(row: Json, literals: list[str]) -> bool:
            return bool(value(row, literals))

        return (truth if kind == BOOLEAN else value), kind


def _midnight(text: str) -> datetime:
    """Days are compared as their midnight, so that a date and a timestamp can meet."""
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(value: Any) -> datetime | None:
    return None if value is None else _midnight(str(value)[:10])


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# Maths functions, lambdas and `has` are documented as not supported; whatever stands not here answers 501.
_FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "contains": (lambda text, part: part in text, BOOLEAN),
    "startswith": (lambda text, part: text.startswith(part), BOOLEAN),
    "endswith": (lambda text, part: text.endswith(part), BOOLEAN),
    "tolower": (lambda text: text.lower(), STRING),
    "toupper": (lambda text: text.upper(), STRING),
    "trim": (lambda text: text.strip(), STRING),
    "concat": (lambda text, other: text + (other or ""), STRING),
    "length": (lambda text: Decimal(len(text)), NUMBER),
    "indexof": (lambda text, part: Decimal(text.find(part)), NUMBER),
    "substring": (
        lambda text, start, count=None: text[int(start) :][: None if count is None else int(count)],
        STRING,
    ),
    "year": (lambda moment: Decimal(moment.year), NUMBER),
    "month": (lambda moment: Decimal(moment.month), NUMBER),
    "day": (lambda moment: Decimal(moment.day), NUMBER),
}
