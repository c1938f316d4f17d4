"""What is wrong with mapping rules, each rule looked at by itself and beside the others (DESIGN §8).

Two grades. A *fault* is a rule that can never do what it says: it is refused wherever rules are read. A *finding* is a
rule that earlier ones take everything from: lawful, almost certainly not meant, and always shown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Final

from bcifs_console.accounting.mapping import holds, rate_text
from bcifs_console.accounting.mapping_facts import VALUES, always_there, asked_with
from bcifs_console.accounting.patterns import covers, fits_everything, is_plain
from bcifs_console.accounting.placement import SALES_PART_LENGTH, tax_result
from bcifs_console.domain.rules import CODE_PART_PURPOSES, Condition, ConditionField, MappingRule, Purpose, Rules

_CURRENCY_LENGTH: Final = 3
_COUNTRY_LENGTH: Final = 2
_RATE: Final = re.compile(r"[0-9]{1,3}(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in one rule. `field` is the condition it is about, None for the result or the rule as a whole."""

    message: str
    field: ConditionField | None = None


class FindingKind(StrEnum):
    UNREACHABLE = "unreachable"  #: rules before it take every case
    CONFLICT = "conflict"  #: one before it is for the very same cases and says something else


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that never decides anything, and the rules before it that take its cases."""

    kind: FindingKind
    rule: MappingRule
    by: tuple[MappingRule, ...]
    message: str


# -- one rule --------------------------------------------------------------------------------------------------------


def faults_of(rule: MappingRule) -> tuple[Fault, ...]:
    """Every mistake of one rule; empty where there is none."""
    found = [*_result_faults(rule)]
    fields = [condition.field for condition in rule.conditions]
    known = asked_with(rule.purpose, tests_purpose=ConditionField.PURPOSE in fields)
    for condition in rule.conditions:
        found += _condition_faults(rule.purpose, condition, known, is_twice=fields.count(condition.field) > 1)
    return tuple(dict.fromkeys(found))


def _result_faults(rule: MappingRule) -> Iterator[Fault]:
    result = rule.result
    if not result:
        yield Fault("the result is empty")
    elif any(not character.isprintable() for character in result):
        yield Fault("the result has characters that cannot be printed")
    elif rule.purpose is Purpose.TAX and tax_result(result) is None:
        yield Fault(f"{result!r} says no tax treatment: write code:X, default or charge:TYPE")
    elif rule.purpose is Purpose.SALES_PART and len(result) > SALES_PART_LENGTH:
        yield Fault(f"sales part {result!r} is {len(result)} characters long; IFS takes {SALES_PART_LENGTH}")


def _condition_faults(
    purpose: Purpose, condition: Condition, known: frozenset[ConditionField], *, is_twice: bool
) -> Iterator[Fault]:
    field = condition.field
    if field not in known:
        yield Fault(_unasked(purpose, field, known), field)
        return
    if is_twice:
        yield Fault(f"{field} is tested twice; write one list of patterns", field)
    if not condition.patterns:
        yield Fault(f"{field} has no pattern, so nothing fits it", field)
    for pattern in condition.patterns:
        reason = _never_fits(field, pattern)
        if reason:
            yield Fault(f"{field} = {pattern!r} fits nothing: {reason}", field)


def _unasked(purpose: Purpose, field: ConditionField, known: frozenset[ConditionField]) -> str:
    names = ", ".join(each.value for each in ConditionField if each in known)
    text = f"a {purpose} rule is never asked with {field}, so it never holds; it may test {names}"
    if purpose in CODE_PART_PURPOSES:
        return f"{text}; beside purpose, every fact of a voucher row"
    return text


def _never_fits(field: ConditionField, pattern: str) -> str:
    """Why no value of the fact fits the pattern, "" where some may."""
    values = VALUES.get(field)
    if values is not None:
        if any(holds(Condition(field, (pattern,)), {field: value}) for value in values):
            return ""
        return f"known are {', '.join(values)}"
    text = pattern.strip()
    if not is_plain(text):
        return ""
    match field:
        case ConditionField.CURRENCY if len(text) != _CURRENCY_LENGTH:
            return "a currency has three letters, as USD"
        case ConditionField.COUNTRY if len(text) not in (0, _COUNTRY_LENGTH):
            return "a country has two letters, as US"
        case ConditionField.CHANNEL if not text.isdecimal():
            return "a channel is a number"
        case ConditionField.TAX_RATE:
            return _rate_fault(text)
        case _:
            return ""


def _rate_fault(text: str) -> str:
    if not _RATE.fullmatch(text):
        return "a tax rate is a number of per cent, as 8.25"
    written = rate_text(Decimal(text))
    return "" if written == text else f"write the rate as {written}"


# -- rules beside each other -----------------------------------------------------------------------------------------


@lru_cache(maxsize=4)  # whoever shows a draft asks at every turn
def findings(rules: Rules) -> tuple[Finding, ...]:
    """Rules that can never decide anything because others stand before them, in the order they are tried.

    What facts with few values (line type, charge, yes or no) leave over is worked out case by case, so a rule behind
    "guest" and "not guest" is found as well; of texts, a rule counts as taken where one rule before it takes it whole.
    """
    found: list[Finding] = []
    for purpose in Purpose:
        ordered = [rule for rule in rules.of(purpose) if not faults_of(rule)]
        for position, rule in enumerate(ordered):
            taking = _taken_by(rule, ordered[:position])
            if taking:
                found.append(_finding(rule, taking))
    return tuple(found)


def _finding(rule: MappingRule, taking: tuple[MappingRule, ...]) -> Finding:
    named = " and ".join(_position(other) for other in taking)
    twin = next((other for other in taking if _is_before(rule, other) and other.result != rule.result), None)
    if twin is not None:
        message = (
            f"{_position(rule)} is for the same cases as {_position(twin)}, which comes first: "
            f"{twin.result!r} is used, never {rule.result!r}"
        )
        return Finding(FindingKind.CONFLICT, rule, taking, message)
    takes = "take" if len(taking) > 1 else "takes"
    message = f"{_position(rule)} never decides anything: {named} {takes} every case before it"
    return Finding(FindingKind.UNREACHABLE, rule, taking, message)


def _position(rule: MappingRule) -> str:
    return f"{rule.purpose}#{rule.position}"


def _taken_by(rule: MappingRule, before: Sequence[MappingRule]) -> tuple[MappingRule, ...]:
    """The rules that together take every case of `rule`, each as early as it comes; empty where a case is left."""
    cases, taking = _Cases(rule), dict[MappingRule, None]()
    for case in cases.told_apart_by(before):
        first = next((other for other in before if cases.are_taken_by(other, case)), None)
        if first is None:
            return ()
        taking[first] = None
    return tuple(taking)


def _is_before(rule: MappingRule, other: MappingRule) -> bool:
    """Whether `rule` would take every case of `other`, too: then the two are for the same cases."""
    cases = _Cases(other)
    return all(cases.are_taken_by(rule, case) for case in cases.told_apart_by((rule,)))


_Case = dict[ConditionField, str]


class _Cases:
    """The cases that a rule holds for."""

    def __init__(self, rule: MappingRule) -> None:
        self._own = {condition.field: condition for condition in rule.conditions}
        self._is_of_rows = ConditionField.PURPOSE in self._own
        self._always = always_there(rule.purpose, tests_purpose=self._is_of_rows)

    def told_apart_by(self, others: Sequence[MappingRule]) -> Iterator[_Case]:
        """Every combination of the facts with few values that are always there and are tested."""
        own = self._own
        tested = {*own, *(condition.field for other in others for condition in other.conditions)}
        fields = [field for field in VALUES if field in tested and (field in self._always or field in own)]
        choices = [
            [value for value in VALUES[field] if field not in own or holds(own[field], {field: value})]
            for field in fields
        ]
        for values in product(*choices):
            yield dict(zip(fields, values, strict=True))

    def are_taken_by(self, other: MappingRule, case: _Case) -> bool:
        """Whether `other` holds whenever the rule does, in this case."""
        if self._is_of_rows and all(c.field is not ConditionField.PURPOSE for c in other.conditions):
            return False  # it is not asked about rows of vouchers
        for condition in other.conditions:
            field = condition.field
            if field in case:
                if not holds(condition, case):
                    return False
            elif field in self._own:
                if not covers(condition.patterns, self._own[field].patterns):
                    return False
            elif field not in self._always or not fits_everything(condition.patterns):
                return False
        return True
