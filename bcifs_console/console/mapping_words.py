"""How the console says mapping rules: names of purposes and facts, rules as sentences, patterns as people type them.

Pure: `Content` and texts, no widgets.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.domain.rules import (
    ACCOUNT_PURPOSES,
    CODE_PART_PURPOSES,
    Condition,
    ConditionField,
    MappingRule,
    Purpose,
)

_NAMED: Final[Mapping[Purpose, str]] = MappingProxyType(
    {
        Purpose.REVENUE: "Revenue",
        Purpose.TAX: "Tax code",
        Purpose.PAY_TERM: "Payment terms",
        Purpose.CLEARING: "Clearing (payments)",
        Purpose.GIFT_CERTIFICATE_LIABILITY: "Gift certificates",
        Purpose.STORE_CREDIT_LIABILITY: "Store credit",
        Purpose.CUSTOMER: "IFS customer",
    }
)
#: The purposes as they are listed: what an order needs first, what its vouchers need after it.
LISTED: Final[tuple[Purpose, ...]] = (
    Purpose.REVENUE,
    Purpose.SALES_PART,
    Purpose.TAX,
    Purpose.CHARGE_TYPE,
    Purpose.PAY_TERM,
    Purpose.SHIP_VIA,
    Purpose.CUSTOMER,
    Purpose.CUSTOMER_BALANCE,
    Purpose.CLEARING,
    Purpose.GIFT_CERTIFICATE_LIABILITY,
    Purpose.STORE_CREDIT_LIABILITY,
    Purpose.TAX_ACCOUNT,
    Purpose.TAX_ON_PREPAYMENTS,
    Purpose.RETURNS,
    Purpose.SHIPPING_INCOME,
    Purpose.HANDLING_INCOME,
    Purpose.WRAPPING_INCOME,
    Purpose.FEE_INCOME,
    Purpose.RETAINED_INCOME,
    Purpose.GOODWILL,
    Purpose.ROUNDING,
    *sorted(CODE_PART_PURPOSES),
)
_FIELDS: Final[Mapping[ConditionField, str]] = MappingProxyType({ConditionField.SKU: "SKU"})
#: What a rule of the purpose gives, beside an account.
_RESULTS: Final[Mapping[Purpose, str]] = MappingProxyType(
    {
        Purpose.SALES_PART: "a sales part (CatalogNo), at most 25 characters",
        Purpose.CHARGE_TYPE: "a charge type, as FREIGHT",
        Purpose.TAX: "code:X, default (IFS decides) or charge:TYPE",
        Purpose.PAY_TERM: "a payment term, as 30",
        Purpose.SHIP_VIA: "a ship-via code, as UPS",
        Purpose.CUSTOMER: "an IFS customer number",
    }
)
_EMPTY: Final = "(empty)"
#: What rules lead to: (purpose, result) → (how IFS answered, its words).
Standings = Mapping[tuple[Purpose, str], tuple[str, str]]


def purpose_title(purpose: Purpose) -> str:
    """The purpose's name to people: "Revenue", "Code part B"."""
    if purpose in CODE_PART_PURPOSES:
        return f"Code part {purpose.value[-1].upper()}"
    return _NAMED.get(purpose, purpose.value.replace("_", " ").capitalize())


def rule_title(rule: MappingRule) -> str:
    """The rule's name to people: "Sales part rule 2"."""
    return f"{purpose_title(rule.purpose)} rule {rule.position}"


def result_hint(purpose: Purpose) -> str:
    """What is to be written as the result of a rule."""
    if purpose in ACCOUNT_PURPOSES:
        return "an account in IFS, as 4000"
    return _RESULTS.get(purpose, "a value of this code part, as 100")


def field_title(field: ConditionField) -> str:
    """The fact's name to people: "SKU", "payment method"."""
    return _FIELDS.get(field, field.value.replace("_", " "))


def when(conditions: Sequence[Condition], *, is_last: bool = True) -> Content:
    """Conditions as people read them: `SKU is BREWER-* or GRINDER-*, and guest is true`."""
    if not conditions:
        return Content.styled("everything else" if not is_last else "everything", DIM)
    parts: list[Content | tuple[str, str] | str] = []
    for number, condition in enumerate(conditions):
        parts += [(", and ", DIM)] if number else []
        parts.append((f"{field_title(condition.field)} is ", DIM))
        for at, pattern in enumerate(condition.patterns):
            parts += [(" or ", DIM)] if at else []
            parts.append(safe_text(pattern) or (_EMPTY, DIM))
    return Content.assemble(*parts)


# -- patterns as they are typed --------------------------------------------------------------------------------------


def typed(patterns: Iterable[str]) -> str:
    r"""Patterns in one field: `BREWER-* | GRINDER-*`. `\` takes what is behind it literally."""
    return " | ".join(_escaped(pattern) for pattern in patterns)


def _escaped(pattern: str) -> str:
    if not pattern:
        return _EMPTY
    text = pattern.replace("\\", "\\\\").replace("|", "\\|")
    return f"\\{text}" if text == _EMPTY else text


def patterns_of(text: str) -> tuple[str, ...]:
    """The patterns that were typed; nothing where nothing was. Spaces around each are no part of it."""
    if not text.strip():
        return ()
    return tuple("" if part == _EMPTY else _literal(part) for part in _parts(text))


def _parts(text: str) -> list[str]:
    parts, current, is_taken = [], "", False
    for character in text:
        if character == "|" and not is_taken:
            parts.append(current.strip())
            current = ""
            continue
        current += character
        is_taken = character == "\\" and not is_taken
    return [*parts, current.strip()]


def _literal(part: str) -> str:
    found, is_taken = "", False
    for character in part:
        if character == "\\" and not is_taken:
            is_taken = True
            continue
        found += character
        is_taken = False
    return found
