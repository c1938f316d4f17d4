"""The mapping part of a connection file, and mapping files of their own: rules as people write them (DESIGN §8).

`[mapping.accounts]` is the short form for an account that does not depend on anything: a rule without conditions, tried
after the written ones of its purpose and before the shipped ones. Rules that can never do what they say are refused
with their line (`mapping_faults`); what is saved, and how, is in `mapping`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.accounting.mapping_faults import faults_of
from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.rules import (
    ACCOUNT_PURPOSES,
    CODE_PART_PURPOSES,
    Condition,
    ConditionField,
    MappingRule,
    Purpose,
)
from bcifs_console.operations import toml_lines
from bcifs_console.operations.toml_file import at_line, complaint, parse_toml, read_text

_STRICT: Final = ConfigDict(extra="forbid", frozen=True)
_Text = Annotated[str, Field(min_length=1)]
_Patterns = str | list[str] | bool | int


def _is_account(purpose: Purpose) -> Purpose:
    if purpose not in ACCOUNT_PURPOSES:
        known = ", ".join(each.value for each in Purpose if each in ACCOUNT_PURPOSES)
        raise ValueError(f"{purpose.value} is no account; known: {known}")
    return purpose


class RuleTable(BaseModel):
    """One `[[mapping.rules]]`."""

    model_config = _STRICT
    purpose: Purpose
    when: dict[ConditionField, _Patterns] = Field(default_factory=dict)
    result: _Text

    @model_validator(mode="after")
    def _purpose_is_tested_where_there_is_one(self) -> Self:
        """Only a code part is asked for with a purpose in hand: which account it stands beside."""
        tested = self.when.get(ConditionField.PURPOSE)
        if tested is None:
            return self
        if self.purpose not in CODE_PART_PURPOSES:
            raise ValueError(
                f"a rule for {self.purpose.value} cannot test purpose: only code part rules "
                "(code_part_b to code_part_j) know what the account beside them is for"
            )
        known = [purpose.value for purpose in Purpose if purpose in ACCOUNT_PURPOSES]
        for pattern in patterns_of(tested):
            if not any(fnmatchcase(purpose, pattern.strip().casefold()) for purpose in known):
                raise ValueError(f"no account has the purpose {pattern!r}; known: {', '.join(known)}")
        return self


class MappingTable(BaseModel):
    """`[mapping]`, or a mapping file."""

    model_config = _STRICT
    revenue_account: str = ""
    file: str = ""
    empty: list[Purpose] = Field(default_factory=list)  #: purposes without any rule, not even the shipped ones
    accounts: dict[Annotated[Purpose, AfterValidator(_is_account)], _Text] = Field(default_factory=dict)
    rules: list[RuleTable] = Field(default_factory=list)

    @model_validator(mode="after")
    def _revenue_is_named_once(self) -> Self:
        twice = self.accounts.get(Purpose.REVENUE, self.revenue_account)
        if self.revenue_account and twice != self.revenue_account:
            raise ValueError("revenue_account and accounts.revenue name two accounts; leave one of them out")
        return self


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that rules stand in: its path, and the line of everything in it."""

    path: Path
    lines: Mapping[toml_lines.Path, int]
    inside: toml_lines.Path = ()  #: where the mapping stands in the file


@dataclass(frozen=True, slots=True)
class _Written:
    """A rule with the place it was written at."""

    rule: MappingRule
    source: _Source
    place: toml_lines.Path

    def line(self, *below: str) -> int | None:
        return toml_lines.line_of(self.source.lines, (*self.source.inside, *self.place, *below))


def read_mapping(path: Path) -> tuple[MappingRule, ...]:
    """The rules of a mapping file, in the order they are tried, the shipped ones of purposes it does not name behind.

    Raises UsageProblem naming the line and the reason of everything that is wrong.
    """
    table, source = _read(path)
    return _complete(_of_table(table, source), table)


def rules_of(given: MappingTable, path: Path) -> tuple[MappingRule, ...]:
    """The rules in the order they are tried: the written ones, the accounts, the shipped ones of purposes that the
    file says nothing about. Raises UsageProblem on rules, or a mapping file, that cannot be used."""
    source = _Source(path, toml_lines.lines_of(read_text(path)) if path.is_file() else {}, ("mapping",))
    if not given.file:
        return _complete(_of_table(given, source), given)
    inner, of_inner = _read(path.parent / given.file)
    if given.revenue_account or Purpose.REVENUE in given.accounts:
        kept = {purpose: account for purpose, account in inner.accounts.items() if purpose is not Purpose.REVENUE}
        inner = inner.model_copy(update={"revenue_account": "", "accounts": kept})
    left = {purpose: account for purpose, account in inner.accounts.items() if purpose not in given.accounts}
    inner = inner.model_copy(update={"accounts": left})
    # What the connection file says goes before what its mapping file says; accounts come after the rules of both.
    written = sorted(
        (*_of_table(given, source), *_of_table(inner, of_inner)), key=lambda each: each.place[0] != "rules"
    )
    return _complete(written, inner.model_copy(update={"empty": [*given.empty, *inner.empty]}))


def _read(path: Path) -> tuple[MappingTable, _Source]:
    text = read_text(path)
    data, lines = parse_toml(path, text), toml_lines.lines_of(text)
    try:
        table = MappingTable.model_validate(data)
    except ValidationError as error:
        remedy = "See config/mapping.example.toml."
        raise UsageProblem(complaint(path, error, lines), remedy=remedy) from None
    if table.file:
        line = toml_lines.line_of(lines, ("file",))
        raise UsageProblem(
            f"{path}: {at_line(line, 'a mapping file names no other file')}.", remedy="Put all rules into one file."
        )
    return table, _Source(path, lines)


def _of_table(table: MappingTable, source: _Source) -> Iterator[_Written]:
    for number, given in enumerate(table.rules):
        yield _Written(_rule(given), source, ("rules", number))
    for purpose, account in table.accounts.items():
        yield _Written(MappingRule(purpose, 0, account), source, ("accounts", purpose.value))
    if table.revenue_account and Purpose.REVENUE not in table.accounts:
        yield _Written(MappingRule(Purpose.REVENUE, 0, table.revenue_account), source, ("revenue_account",))


def _complete(written: Iterator[_Written] | Sequence[_Written], table: MappingTable) -> tuple[MappingRule, ...]:
    """The rules with their positions and the shipped ones behind. Raises UsageProblem where one can never work."""
    found = list(written)
    _refuse_faults(found, table)
    rules = [
        MappingRule(each.rule.purpose, position, each.rule.result, each.rule.conditions)
        for position, each in enumerate(found, 1)
    ]
    named = {rule.purpose for rule in rules} | set(table.empty)
    return (*rules, *(rule for rule in default_rules() if rule.purpose not in named))


def _refuse_faults(written: Sequence[_Written], table: MappingTable) -> None:
    named = {each.rule.purpose for each in written}
    found = [f"empty: {purpose} has rules, too" for purpose in table.empty if purpose in named]
    for each in written:
        where = ".".join(str(part) for part in each.place)
        for fault in faults_of(each.rule):
            line = each.line("when", fault.field.value) if fault.field is not None else each.line("result")
            found.append(f"{each.source.path}: {at_line(line, f'{where} ({each.rule.purpose})')}: {fault.message}")
    if found:
        raise UsageProblem("; ".join(found) + ".", remedy="Correct the file; nothing was changed.")


def _rule(given: RuleTable) -> MappingRule:
    conditions = tuple(Condition(field, patterns_of(value)) for field, value in given.when.items())
    return MappingRule(given.purpose, 0, given.result, conditions)


def patterns_of(value: _Patterns) -> tuple[str, ...]:
    """The patterns of a condition as it stands in TOML."""
    if isinstance(value, list):
        return tuple(value)
    return (str(value).lower() if isinstance(value, bool) else str(value),)
