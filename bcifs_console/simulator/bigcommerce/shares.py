"""What parts of an order are worth, and how units of a line divide its amount so that they sum to it exactly."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.money import ZERO, Json, rounded


@dataclass(frozen=True)
class Worth:
    """Gross and the tax inside of it."""

    gross: Decimal = ZERO
    tax: Decimal = ZERO

    def part(self, before: Decimal, after: Decimal, whole: Decimal, currency: str) -> Worth:
        """From `before` to `after` of `whole`: what has been taken up to one less what up to the other."""
        return Worth(_step(self.gross, before, after, whole, currency), _step(self.tax, before, after, whole, currency))


def _step(amount: Decimal, before: Decimal, after: Decimal, whole: Decimal, currency: str) -> Decimal:
    if not whole:
        return ZERO
    return rounded(amount * after / whole, currency) - rounded(amount * before / whole, currency)


def line_worth(order: StoredOrder, number: int) -> Worth:
    """A line after discounts."""
    for line, own in zip(order.draft.pricing.lines, order.numbers.products, strict=True):
        if own == number:
            return Worth(line.discounted_inc, line.tax_after)
    raise KeyError(number)


def wrapping_worth(product: Json) -> Worth:
    return Worth(Decimal(product["wrapping_cost_inc_tax"]), Decimal(product["wrapping_cost_tax"]))


def shipping_worth(address: Json) -> Worth:
    return Worth(Decimal(address["cost_inc_tax"]), Decimal(address["cost_tax"]))


def handling_worth(address: Json) -> Worth:
    return Worth(Decimal(address["handling_cost_inc_tax"]), Decimal(address["handling_cost_tax"]))


def fee_worth(fee: Json) -> Worth:
    return Worth(Decimal(fee["cost_inc_tax"]), Decimal(fee["cost_tax"]))


def children(order: StoredOrder, product: Json) -> list[Json]:
    return [row for row in order.products if row["parent_order_product_id"] == product["id"]]


def shipped(order: StoredOrder, product: Json) -> int:
    """Units that left; a bundle's own line may stand in no shipment, it has gone as far as its least-shipped child."""
    own = int(product["quantity_shipped"])
    parts = [int(child["quantity_shipped"]) for child in children(order, product)]
    return max(own, min(parts)) if parts else own


def to_ship(order: StoredOrder, product: Json) -> int:
    """Physical units that are neither shipped nor refunded before they were."""
    if product["type"] != "physical":
        return 0
    held = order.held_back.get(product["id"], 0)
    return max(0, int(product["quantity"]) - shipped(order, product) - held)
