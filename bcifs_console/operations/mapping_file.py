"""The mapping part of a connection file, and mapping files of their own: rules as people write them (DESIGN §8).

`[mapping.accounts]` is the short form for an account that does not depend on anything: a rule without conditions, tried
after the written ones of its purpose and before the shipped ones.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.rules import (
    ACCOUNT_PURPOSES,
    CODE_PART_PURPOSES,
    Condition,
    ConditionField,
    MappingRule,
    Purpose,
)
from bcifs_console.operations.toml_file import complaint, read_toml

_STRICT: Final = ConfigDict(extra="forbid", frozen=True)
_Text = Annotated[str, Field(min_length=1)]
_Patterns = str | list[str] | bool | int


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
    accounts: dict[Purpose, _Text] = Field(default_factory=dict)
    rules: list[RuleTable] = Field(default_factory=list)

    @model_validator(mode="after")
    def _accounts_are_of_account_purposes(self) -> Self:
        others = [purpose.value for purpose in self.accounts if purpose not in ACCOUNT_PURPOSES]
        if others:
            known = ", ".join(purpose.value for purpose in Purpose if purpose in ACCOUNT_PURPOSES)
            raise ValueError(f"accounts: {', '.join(others)} is no account; known: {known}")
        twice = self.accounts.get(Purpose.REVENUE, self.revenue_account)
        if self.revenue_account and twice != self.revenue_account:
            raise ValueError("revenue_account and accounts.revenue name two accounts; leave one of them out")
        return self


def rules_of(given: MappingTable, path: Path) -> tuple[MappingRule, ...]:
    """The rules in the order they are tried: the written ones, the accounts, the shipped ones of purposes that the
    file says nothing about. Raises UsageProblem on a mapping file that cannot be used."""
    if given.file:
        given = _joined(given, _read(path.parent / given.file))
    accounts = dict(given.accounts)
    if given.revenue_account:
        accounts[Purpose.REVENUE] = given.revenue_account
    rules = [_rule(rule, position) for position, rule in enumerate(given.rules, 1)]
    rules += [MappingRule(purpose, len(rules) + place, account) for place, (purpose, account) in _places(accounts)]
    named = {rule.purpose for rule in rules}
    return (*rules, *(rule for rule in default_rules() if rule.purpose not in named))


def _places(accounts: dict[Purpose, str]) -> enumerate[tuple[Purpose, str]]:
    return enumerate(accounts.items(), 1)


def _read(path: Path) -> MappingTable:
    try:
        return MappingTable.model_validate(read_toml(path))
    except ValidationError as error:
        raise UsageProblem(complaint(path, error), remedy="See config/mapping.example.toml.") from None


def _joined(outer: MappingTable, inner: MappingTable) -> MappingTable:
    """What the connection file says goes before what its mapping file says."""
    outer_accounts, inner_accounts = dict(outer.accounts), dict(inner.accounts)
    if outer.revenue_account or Purpose.REVENUE in outer_accounts:
        inner_accounts.pop(Purpose.REVENUE, None)
        inner = inner.model_copy(update={"revenue_account": ""})
    return MappingTable(
        revenue_account=outer.revenue_account or inner.revenue_account,
        accounts={**inner_accounts, **outer_accounts},
        rules=outer.rules + inner.rules,
    )


def _rule(given: RuleTable, position: int) -> MappingRule:
    conditions = tuple(Condition(field, patterns_of(value)) for field, value in given.when.items())
    return MappingRule(given.purpose, position, given.result, conditions)


def patterns_of(value: _Patterns) -> tuple[str, ...]:
    """The patterns of a condition as it stands in TOML."""
    if isinstance(value, list):
        return tuple(value)
    return (str(value).lower() if isinstance(value, bool) else str(value),)
