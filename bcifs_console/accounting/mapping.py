"""Resolving mapping rules: which rule, if any, decides a purpose for one subject (DESIGN §8, ACCOUNTING §5).

Rules are ordered lists, one per purpose; the first whose every condition holds wins. Conditions test *facts*: texts
taken from the order, a line, a charge or a tax row. What a result means for an IFS document is in `placement`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.patterns import expression
from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.orders import Charge, ChargeKind, Order, OrderLine, TaxRow
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules

Facts = Mapping[ConditionField, str]

#: The letter of each code part in IFS, and the purpose of its rules.
CODE_PARTS: Final = tuple((letter, Purpose(f"code_part_{letter.lower()}")) for letter in "BCDEFGHIJ")

_TAX_FACTS: Final = frozenset({ConditionField.TAX_NAME, ConditionField.TAX_CLASS, ConditionField.TAX_RATE})
_TAX_PURPOSES: Final = frozenset({Purpose.TAX, Purpose.TAX_ACCOUNT, Purpose.TAX_ON_PREPAYMENTS})

#: Shipped rules stand behind everything a person writes, wherever the lists are joined.
_SHIPPED_POSITION: Final = 1000
_SHIPPED_CHARGE_TYPES: Final = (
    (ChargeKind.SHIPPING, "FREIGHT"),
    (ChargeKind.HANDLING, "HANDLING"),
    (ChargeKind.WRAPPING, "WRAPPING"),
    (ChargeKind.FEE, "FEE"),
    (ChargeKind.DISCOUNT, "PROMO"),
    (ChargeKind.GIFT_CERTIFICATE, "GIFTCERT"),
)


class RuleBook:
    """Rules sorted once for many look-ups: building a document asks a dozen purposes for every line."""

    def __init__(self, rules: Rules) -> None:
        self._by_purpose: dict[Purpose, list[MappingRule]] = {}
        for rule in sorted(rules.rules, key=lambda each: each.position):
            self._by_purpose.setdefault(rule.purpose, []).append(rule)

    def first(self, purpose: Purpose, facts: Facts) -> MappingRule | None:
        """The rule that decides `purpose` for these facts, or None when no rule matches."""
        candidates = self._by_purpose.get(purpose, ())
        return next((rule for rule in candidates if all(holds(c, facts) for c in rule.conditions)), None)

    def code_parts(self, facts: Facts) -> tuple[tuple[str, str], ...]:
        """Letter and value of every code part that a rule decides for these facts."""
        found = ((letter, self.first(purpose, facts)) for letter, purpose in CODE_PARTS)
        return tuple((letter, rule.result) for letter, rule in found if rule and rule.result)


def resolve(rules: Rules, purpose: Purpose, facts: Facts) -> MappingRule | None:
    """The first rule of `purpose`, by position, whose every condition holds; None when there is none."""
    return RuleBook(rules).first(purpose, facts)


def needs_taxes(rules: Rules) -> bool:
    """Whether any tax or tax account rule tests what only the store's `/taxes` can tell (DESIGN §5)."""
    return any(c.field in _TAX_FACTS for rule in rules.rules if rule.purpose in _TAX_PURPOSES for c in rule.conditions)


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether one of the patterns fits the fact. A fact the subject does not have fits nothing, not even `*`."""
    text = facts.get(condition.field)
    if text is None:
        return False
    folded = text.strip().casefold()
    return any(expression(pattern).fullmatch(folded) is not None for pattern in condition.patterns)


def facts_of_order(order: Order) -> dict[ConditionField, str]:
    """What is so for the whole order. An order without a shipping address has no shipping method."""
    facts = {
        ConditionField.CHANNEL: str(order.channel_id),
        ConditionField.CURRENCY: order.currency,
        ConditionField.COUNTRY: order.country,
        ConditionField.PAYMENT_METHOD: order.payment_method,
        ConditionField.TAX_INCLUSIVE: _truth(order.tax_inclusive),
        ConditionField.GUEST: _truth(order.is_guest),
    }
    if order.shipping:
        facts[ConditionField.SHIPPING_METHOD] = order.shipping[0].shipping_method
    return facts


def facts_of_buyer(buyer: Buyer) -> dict[ConditionField, str]:
    """What a customer rule may test: the buyer as the order shows him. Without a valid e-mail there is no domain."""
    facts = {
        ConditionField.CHANNEL: str(buyer.channel_id),
        ConditionField.CURRENCY: buyer.currency,
        ConditionField.COUNTRY: buyer.country,
        ConditionField.GUEST: _truth(buyer.is_guest),
    }
    if buyer.email:
        facts[ConditionField.EMAIL_DOMAIN] = buyer.email_domain
    return facts


def facts_of_line(order: Order, line: OrderLine) -> dict[ConditionField, str]:
    """The order's facts and the line's own; country and shipping method are those of the line's address."""
    facts = facts_of_order(order)
    facts[ConditionField.SKU] = line.sku
    facts[ConditionField.NAME] = line.name
    facts[ConditionField.LINE_TYPE] = line.type.value
    go_to(order, line.address_id, facts)
    return facts


def facts_of_charge(order: Order, charge: Charge) -> dict[ConditionField, str]:
    """The order's facts, the charge's kind and its name (a fee's display name, a shipping method)."""
    facts = facts_of_order(order)
    facts[ConditionField.CHARGE] = charge.kind.value
    facts[ConditionField.NAME] = charge.name
    return facts


def facts_of_tax(subject: Facts, row: TaxRow) -> dict[ConditionField, str]:
    """The facts of a taxed line or charge with those of one of its tax rows. A rate reads `8.25`, `20`, `0`."""
    return {
        **subject,
        ConditionField.TAX_NAME: row.name,
        ConditionField.TAX_CLASS: row.tax_class,
        ConditionField.TAX_RATE: rate_text(row.rate),
    }


def rate_text(rate: Decimal) -> str:
    """A percentage the way people write it, without trailing zeros."""
    return f"{rate.normalize():f}" if rate else "0"


def default_rules() -> tuple[MappingRule, ...]:
    """The rules every connection starts with. None says what an order line's revenue account is: a person must."""
    charges = tuple(
        MappingRule(
            Purpose.CHARGE_TYPE,
            _SHIPPED_POSITION + offset,
            charge_type,
            (Condition(ConditionField.CHARGE, (kind.value,)),),
            author="shipped",
        )
        for offset, (kind, charge_type) in enumerate(_SHIPPED_CHARGE_TYPES)
    )
    inclusive = Condition(ConditionField.TAX_INCLUSIVE, (_truth(True),))
    taxes = (
        MappingRule(Purpose.TAX, _SHIPPED_POSITION, "default", (inclusive,), author="shipped"),
        MappingRule(Purpose.TAX, _SHIPPED_POSITION + 1, "charge:SALESTAX", author="shipped"),
    )
    return charges + taxes


def go_to(order: Order, address_id: int, facts: dict[ConditionField, str]) -> None:
    """Put country and shipping method of one of the order's addresses in the place of the order's own."""
    address = next((a for a in order.shipping if a.id == address_id), None)
    if address is None:
        return
    facts[ConditionField.SHIPPING_METHOD] = address.shipping_method
    if address.country_iso2:
        facts[ConditionField.COUNTRY] = address.country_iso2


def _truth(value: bool) -> str:
    return "true" if value else "false"
