"""The mapping as a person edits it: what was read, what is wanted, and every step back. Nothing of a widget is here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bcifs_console.domain.rules import MappingRule, Purpose, Rules


class MappingDraft:
    """Rules under edit. Edits are kept here until they are saved; `base` is what they are compared with."""

    def __init__(self, base: Rules) -> None:
        self.base: Rules = base
        self.wanted: Rules = base
        #: somebody else saved while this was being edited: it can only be discarded
        self.is_overtaken = False
        self._steps: Final[list[tuple[str, Rules]]] = []

    @property
    def edits(self) -> int:
        """How many edits are not saved."""
        return len(self._steps)

    def of(self, purpose: Purpose) -> tuple[MappingRule, ...]:
        """The wanted rules of one purpose, in the order they are tried."""
        return self.wanted.of(purpose)

    def add(self, rule: MappingRule, index: int = 0) -> MappingRule:
        """Put a rule before the one at `index` (from 0). Returns it as it stands in the list."""
        rules = list(self.of(rule.purpose))
        rules.insert(index, _fresh(rule))
        self._put(f"added a rule for {rule.purpose}", rule.purpose, rules)
        return self.of(rule.purpose)[index]

    def change(self, index: int, rule: MappingRule) -> None:
        """Put a rule in place of the one at `index`; one that says the same changes nothing."""
        rules = list(self.of(rule.purpose))
        if rules[index].says == rule.says:
            return
        rules[index] = _fresh(rule)
        self._put(f"changed {rule.purpose}#{index + 1}", rule.purpose, rules)

    def delete(self, purpose: Purpose, index: int) -> None:
        """Take the rule at `index` out."""
        rules = list(self.of(purpose))
        del rules[index]
        self._put(f"deleted {purpose}#{index + 1}", purpose, rules)

    def move(self, purpose: Purpose, index: int, by: int) -> int:
        """Move the rule at `index` by so many places, as far as the list goes. Returns where it is then."""
        rules = list(self.of(purpose))
        to = min(max(index + by, 0), len(rules) - 1)
        if to != index:
            rules.insert(to, rules.pop(index))
            self._put(f"moved {purpose}#{index + 1}", purpose, rules)
        return to

    def take_back(self) -> str:
        """Take the last edit back and return what it was; "" where there is none."""
        if not self._steps:
            return ""
        said, self.wanted = self._steps.pop()
        return said

    def discard(self, base: Rules | None = None) -> None:
        """Give up every edit, and begin anew with `base`."""
        self.base = self.base if base is None else base
        self.wanted = self.base
        self.is_overtaken = False
        self._steps.clear()

    def follow(self, in_force: Rules) -> None:
        """Take over what is in force now, unless there are edits: they were made beside the old rules."""
        if _said(in_force) == _said(self.base):
            return
        if self._steps:
            self.is_overtaken = True
        else:
            self.discard(in_force)

    def _put(self, said: str, purpose: Purpose, rules: Sequence[MappingRule]) -> None:
        numbered = tuple(_at(rule, position) for position, rule in enumerate(rules, 1))
        if numbered == self.of(purpose):
            return
        others = (rule for rule in self.wanted.rules if rule.purpose is not purpose)
        self._steps.append((said, self.wanted))
        self.wanted = Rules((*others, *numbered))


def _fresh(rule: MappingRule) -> MappingRule:
    """What a person has just written: nobody's yet, and of no version."""
    return MappingRule(rule.purpose, rule.position, rule.result, rule.conditions)


def _at(rule: MappingRule, position: int) -> MappingRule:
    return rule if rule.position == position else replace(rule, position=position)


def _said(rules: Rules) -> frozenset[tuple[int, str, int]]:
    return frozenset((rule.id, rule.purpose.value, rule.position) for rule in rules.rules)
