"""The priced basis of an order as a hash: what, when it changes after the order was sent, is an *edit* (ACCOUNTING §1).

In the basis: line ids, SKUs, quantities, unit prices, line totals, what is left of each line after discounts, the
order's discounts, its charges, its currency and its total including tax. Prices stand on the exact side, the one that
`is_tax_inclusive_pricing` names; the other is the store's estimate (facts §3.3).

Not in it, because the store changes them without an edit: statuses, shipped and refunded quantities, addresses, notes,
payments; coupon and tax rows, which it may drop after a refund (facts §7.14, 20), and with them every amount of tax and
each figure derived from one (`total_tax`, `total_ex_tax`, the tax of lines and charges). A tax that is really changed
moves the total including tax, or on a tax-inclusive order nothing that anyone paid. Discount rows on a line count
only where the store does not state the line's amount after discounts: that is what they are for.
"""

import hashlib
import json
from decimal import Decimal

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Charge, Order, OrderLine


def fact_hash(order: Order) -> str:
    """SHA-256, in hex, of the order's priced basis. `5` and `5.0000` are equal, lines and charges have no order."""
    basis = {
        "charges": sorted(_charge(charge) for charge in order.charges if charge.inc_tax),
        "currency": order.currency.strip().upper(),
        "discounts": [_canonical(order.discount_amount), _canonical(order.coupon_discount)],
        "lines": [_line(line, inclusive=order.tax_inclusive) for line in sorted(order.lines, key=lambda li: li.id)],
        "total": _canonical(order.total_inc_tax),
    }
    text = json.dumps(basis, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _line(line: OrderLine, *, inclusive: bool) -> list[int | str]:
    price, total = (line.price_inc_tax, line.total_inc_tax) if inclusive else (line.price_ex_tax, line.total_ex_tax)
    left = line.discounted_total_inc_tax
    if left is None:
        left = line.total_inc_tax - sum((d.amount for d in line.applied_discounts), ZERO)
    return [line.id, line.sku.strip(), line.quantity, _canonical(price), _canonical(total), _canonical(left)]


def _charge(charge: Charge) -> list[str]:
    return [charge.kind.value, str(charge.id), _canonical(charge.inc_tax)]


def _canonical(amount: Decimal) -> str:
    return f"{amount.normalize():f}" if amount else "0"
