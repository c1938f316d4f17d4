"""The priced basis of an order: what every voucher takes its amounts from (ACCOUNTING §1, frozen basis; §2).

Made once, when the customer order is drawn up, and kept in its draft: the store may forget taxes and coupons later.
Amounts are in the order's currency, in whole minor units.
"""

from dataclasses import dataclass
from decimal import Decimal

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import ChargeKind, LineType


@dataclass(frozen=True, slots=True)
class TaxShare:
    """A part of a tax with the facts by which its account is found."""

    amount: Decimal
    code: str = ""  #: the IFS tax code by mapping, empty where IFS decides or the tax is a charge
    name: str = ""
    tax_class: str = ""
    rate: str = ""  #: percent as people write it, empty where unknown


@dataclass(frozen=True, slots=True)
class BasisLine:
    """One order line after discounts. `taxes` add up to `tax`."""

    id: int
    type: LineType
    quantity: int
    gross: Decimal
    tax: Decimal
    taxes: tuple[TaxShare, ...] = ()
    sku: str = ""
    name: str = ""
    address_id: int = 0
    parent_id: int = 0  #: the bundle's line, 0 for none
    account: str = ""  #: revenue account as frozen with the order; empty: ask the rules
    code_parts: tuple[tuple[str, str], ...] = ()
    rule: str = ""  #: the rule that chose the account

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


@dataclass(frozen=True, slots=True)
class BasisCharge:
    """One charge inside the order's total; a wrapping charge has one of these for each line it wraps."""

    key: str  #: shipping, handling, fee:7, wrapping:17; unique on the order
    kind: ChargeKind
    gross: Decimal
    tax: Decimal
    taxes: tuple[TaxShare, ...] = ()
    line_id: int = 0  #: the wrapped line
    name: str = ""

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


@dataclass(frozen=True, slots=True)
class Basis:
    """Lines and charges; they add up to the order's total."""

    currency: str
    gross: Decimal
    tax: Decimal
    lines: tuple[BasisLine, ...]
    charges: tuple[BasisCharge, ...] = ()

    def line(self, line_id: int) -> BasisLine | None:
        return next((line for line in self.lines if line.id == line_id), None)

    @property
    def is_consistent(self) -> bool:
        """Whether lines and charges add up, as they must."""
        parts: tuple[BasisLine | BasisCharge, ...] = (*self.lines, *self.charges)
        return (
            sum((part.gross for part in parts), ZERO) == self.gross
            and sum((part.tax for part in parts), ZERO) == self.tax
        )
