"""Mapping rules as TOML, in the form that `mapping_file` reads: what is written here and read there is the same rules.

Nothing but rules: who wrote them and when stays in the store, and secrets never come near.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import groupby
from types import MappingProxyType
from typing import Final

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.domain.rules import ACCOUNT_PURPOSES, Condition, MappingRule, Purpose, Rules

_HEADING: Final = """\
# The mapping of connection {connection}. Within a purpose the first rule whose conditions all hold decides.
# Change it and run: bcifs mapping import FILE; --dry-run shows what would change, bcifs mapping try FILE --since DAY
# what it would have meant for past orders. What may stand here: docs/operations.md, Mapping.
"""
_SHIPPED: Final = frozenset(rule.purpose for rule in default_rules())
#: TOML basic strings know the escapes of JSON; this character alone must be escaped in TOML and is not in JSON.
_DELETE: Final[Mapping[int, str]] = MappingProxyType({0x7F: "\\u007f"})


def mapping_toml(rules: Rules, connection: str) -> str:
    """Every rule as a file. Two sets of rules that say the same give the same text, byte for byte."""
    blocks = [_HEADING.format(connection=_comment(connection))]
    empty = [purpose for purpose in Purpose if purpose in _SHIPPED and not rules.of(purpose)]
    if empty:
        blocks.append(f"empty = {_list(purpose.value for purpose in empty)} # not even the shipped rules\n")
    ordered = [rule for purpose in Purpose for rule in rules.of(purpose)]
    for purpose, of_purpose in groupby(ordered, key=lambda rule: rule.purpose):
        blocks.append(f"# -- {_title(purpose)}\n")
        blocks += [rule_toml(rule) for rule in of_purpose]
    return "\n".join(blocks)


def rule_toml(rule: MappingRule) -> str:
    """One `[[rules]]`."""
    lines = ["[[rules]]", f"purpose = {_text(rule.purpose.value)}"]
    if rule.conditions:
        lines.append(f"when = {{ {', '.join(_condition(condition) for condition in rule.conditions)} }}")
    lines.append(f"result = {_text(rule.result)}")
    return "\n".join(lines) + "\n"


def rule_words(rule: MappingRule) -> str:
    """A rule on one line, for people: `revenue when sku = BREWER-* | GRINDER-* → 4010`."""
    tests = " and ".join(
        f"{c.field} = {' | '.join(pattern or '(empty)' for pattern in c.patterns)}" for c in rule.conditions
    )
    return f"{rule.purpose}{f' when {tests}' if tests else ''} → {rule.result}"


def _condition(condition: Condition) -> str:
    patterns = condition.patterns
    value = _text(patterns[0]) if len(patterns) == 1 else _list(patterns)
    return f"{condition.field.value} = {value}"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_DELETE)


def _comment(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _title(purpose: Purpose) -> str:
    return f"{purpose.value.replace('_', ' ')}{' account' if _is_account(purpose) else ''}"


def _is_account(purpose: Purpose) -> bool:
    return purpose in ACCOUNT_PURPOSES and purpose is not Purpose.TAX_ACCOUNT


def differences(before: Rules, after: Rules) -> Iterator[tuple[str, MappingRule]]:
    """`-` and `+` with the rules that would go and come, in the order they are tried.

    Rules that stay are left out, wherever what goes and comes before them puts them; one that is moved goes and comes.
    """
    for purpose in Purpose:
        old, new = before.of(purpose), after.of(purpose)
        same = SequenceMatcher(None, [rule.says for rule in old], [rule.says for rule in new], autojunk=False)
        for kind, old_from, old_to, new_from, new_to in same.get_opcodes():
            if kind != "equal":
                yield from (("-", rule) for rule in old[old_from:old_to])
                yield from (("+", rule) for rule in new[new_from:new_to])
