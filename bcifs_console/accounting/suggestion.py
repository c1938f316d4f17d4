"""The rule that would answer a question no rule answered: its conditions. What it says is a person's business.

Suggested are the facts that tell such a case from others of its purpose, as few as people would write.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bcifs_console.domain.rules import CODE_PART_PURPOSES, Condition, ConditionField, Purpose, Question

_F = ConditionField
#: The first of these that is known tells the case.
_TELLING: Final[Mapping[Purpose, tuple[ConditionField, ...]]] = MappingProxyType(
    {
        Purpose.REVENUE: (_F.SKU, _F.NAME),
        Purpose.RETURNS: (_F.SKU, _F.NAME),
        Purpose.SALES_PART: (_F.SKU, _F.NAME),
        Purpose.CHARGE_TYPE: (_F.CHARGE,),
        Purpose.TAX: (_F.TAX_NAME, _F.TAX_CLASS, _F.TAX_RATE, _F.COUNTRY),
        Purpose.TAX_ACCOUNT: (_F.TAX_CODE, _F.TAX_NAME),
        Purpose.TAX_ON_PREPAYMENTS: (_F.TAX_CODE, _F.TAX_NAME),
        Purpose.CLEARING: (_F.GATEWAY, _F.PAYMENT_METHOD),
        Purpose.PAY_TERM: (_F.PAYMENT_METHOD,),
        Purpose.SHIP_VIA: (_F.SHIPPING_METHOD,),
    }
)


def suggested(question: Question) -> tuple[Condition, ...]:
    """The conditions of a rule for the question's case; none where one account for all is the usual thing."""
    facts = dict(question.facts)
    telling = (_F.SKU, _F.NAME) if question.purpose in CODE_PART_PURPOSES else _TELLING.get(question.purpose, ())
    known = next((field for field in telling if facts.get(field, "").strip()), None)
    return () if known is None else (Condition(known, (facts[known].strip(),)),)
