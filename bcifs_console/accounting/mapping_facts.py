"""Which facts a rule of each purpose is asked with, and what values they may have (ACCOUNTING §5).

A rule that tests a fact its purpose never comes with can never hold. The facts themselves are made in `mapping` and
`sheet`; a test watches every question of many lives and compares.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bcifs_console.domain.orders import ChargeKind, LineType
from bcifs_console.domain.rules import ACCOUNT_PURPOSES, CODE_PART_PURPOSES, ConditionField, Purpose

_F = ConditionField
_ORDER: Final = frozenset(
    {_F.CHANNEL, _F.CURRENCY, _F.COUNTRY, _F.PAYMENT_METHOD, _F.TAX_INCLUSIVE, _F.GUEST, _F.SHIPPING_METHOD}
)
_LINE: Final = frozenset({_F.SKU, _F.NAME, _F.LINE_TYPE})
_CHARGE: Final = frozenset({_F.CHARGE, _F.NAME})
_TAX: Final = frozenset({_F.TAX_NAME, _F.TAX_CLASS, _F.TAX_RATE})
_TENDER: Final = frozenset({_F.GATEWAY})
_NOTHING: Final[frozenset[ConditionField]] = frozenset()
#: What a customer rule is asked with: a buyer, not an order (`mapping.facts_of_buyer`).
_BUYER_ALWAYS: Final = frozenset({_F.CHANNEL, _F.CURRENCY, _F.COUNTRY, _F.GUEST})
_BUYER: Final = _BUYER_ALWAYS | {_F.EMAIL_DOMAIN}

#: Facts beside the order's own.
_BESIDE: Final[Mapping[Purpose, frozenset[ConditionField]]] = MappingProxyType(
    {
        Purpose.REVENUE: _LINE,
        Purpose.SALES_PART: _LINE,
        Purpose.RETURNS: _LINE,
        Purpose.CHARGE_TYPE: _LINE | _CHARGE,  # a gift certificate that is sold is a line and a charge
        Purpose.TAX: _LINE | _CHARGE | _TAX,
        Purpose.TAX_ACCOUNT: _LINE | _CHARGE | _TAX | {_F.TAX_CODE},
        Purpose.TAX_ON_PREPAYMENTS: _TAX | {_F.TAX_CODE},
        Purpose.CLEARING: _TENDER,
        Purpose.STORE_CREDIT_LIABILITY: _TENDER,
        Purpose.GIFT_CERTIFICATE_LIABILITY: _TENDER | _LINE,
        Purpose.SHIPPING_INCOME: _CHARGE,
        Purpose.HANDLING_INCOME: _CHARGE,
        Purpose.WRAPPING_INCOME: _CHARGE,
        Purpose.FEE_INCOME: _CHARGE,
        Purpose.RETAINED_INCOME: _LINE | _CHARGE,
        Purpose.GOODWILL: _LINE | _CHARGE,
    }
)

_ORDER_ALWAYS: Final = _ORDER - {_F.SHIPPING_METHOD}
_TENDER_PURPOSES: Final = frozenset(
    {Purpose.CLEARING, Purpose.STORE_CREDIT_LIABILITY, Purpose.GIFT_CERTIFICATE_LIABILITY}
)
#: Facts beside the order's own that every question comes with.
_ALWAYS_BESIDE: Final[Mapping[Purpose, frozenset[ConditionField]]] = MappingProxyType(
    {
        Purpose.REVENUE: _LINE,
        Purpose.SALES_PART: _LINE,
        Purpose.RETURNS: _LINE,
        Purpose.CHARGE_TYPE: frozenset({_F.CHARGE}),
        Purpose.TAX_ACCOUNT: frozenset({_F.TAX_CODE}),
        Purpose.TAX_ON_PREPAYMENTS: frozenset({_F.TAX_CODE}),
        Purpose.CLEARING: _TENDER,
        Purpose.STORE_CREDIT_LIABILITY: _TENDER,
        Purpose.SHIPPING_INCOME: _CHARGE,
        Purpose.HANDLING_INCOME: _CHARGE,
        Purpose.WRAPPING_INCOME: _CHARGE,
        Purpose.FEE_INCOME: _CHARGE,
    }
)

_TRUTHS: Final = ("true", "false")
#: Every value there is, of the facts that have few.
VALUES: Final[Mapping[ConditionField, tuple[str, ...]]] = MappingProxyType(
    {
        _F.LINE_TYPE: tuple(kind.value for kind in LineType),
        _F.CHARGE: tuple(kind.value for kind in ChargeKind if kind is not ChargeKind.TAX),
        _F.TAX_INCLUSIVE: _TRUTHS,
        _F.GUEST: _TRUTHS,
        _F.PURPOSE: tuple(purpose.value for purpose in Purpose if purpose in ACCOUNT_PURPOSES),
    }
)


def asked_with(purpose: Purpose, *, tests_purpose: bool = False) -> frozenset[ConditionField]:
    """The facts a rule of `purpose` may test.

    A code part rule that does not test the purpose beside it is asked about order lines alone (`accounts`); one that
    does is asked about every row of a voucher.
    """
    if purpose is Purpose.CUSTOMER:
        return _BUYER
    if purpose not in CODE_PART_PURPOSES:
        return _ORDER | _BESIDE.get(purpose, _NOTHING)
    if tests_purpose:
        return _ORDER | _LINE | _CHARGE | _TAX | _TENDER | {_F.TAX_CODE, _F.PURPOSE}
    return _ORDER | _LINE


def always_there(purpose: Purpose, *, tests_purpose: bool = False) -> frozenset[ConditionField]:
    """Those of them that every question comes with, so that a pattern which fits everything tests nothing."""
    if purpose is Purpose.CUSTOMER:
        return _BUYER_ALWAYS
    if purpose in CODE_PART_PURPOSES:
        return _ORDER_ALWAYS - {_F.PAYMENT_METHOD} if tests_purpose else _ORDER_ALWAYS | _LINE
    always = _ORDER_ALWAYS - ({_F.PAYMENT_METHOD} if purpose in _TENDER_PURPOSES else _NOTHING)
    return always | _ALWAYS_BESIDE.get(purpose, _NOTHING)
