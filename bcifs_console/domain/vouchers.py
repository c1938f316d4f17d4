"""Drafts of GL vouchers (ACCOUNTING §3): complete as they stand, and replayed from the ledger to know what is taken."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.rules import Purpose


class VoucherKind(StrEnum):
    """What a voucher is for; also the word in its key."""

    PAYMENT = "PAY"
    VOID = "VOID"
    SHIPMENT = "SHIP"  #: by record, by status (SHIP/STATUS/n)
    REVERSAL = "REV"  #: of a shipment that vanished
    DIGITAL = "DIGITAL"
    GIFT = "GIFT"
    REFUND = "REFUND"
    CLOSE = "CLOSE"


class TakeKind(StrEnum):
    """What a voucher does to units or to an amount of the basis."""

    RECOGNISE = "recognise"  #: moved from the customer balance to income
    REVERSE = "reverse"  #: the opposite, of a shipment that vanished; units and amounts are negative
    REFUND_HELD = "refund_held"  #: given back before it was income: consumed
    REFUND_RECOGNISED = "refund_recognised"  #: given back after it was income: consumes nothing more
    DECLARE_TAX = "declare_tax"  #: tax on a prepayment declared (tax_point = payment); VOID takes it back
    USE_TAX = "use_tax"  #: declared tax used up by a shipment or refund
    GOODWILL = "goodwill"  #: an ORDER-level refund, not yet balanced by CLOSE


@dataclass(frozen=True, slots=True)
class Take:
    """What a voucher takes from one line (`line:17`) or charge (`shipping`) of the basis.

    `units` counts for lines only. `gross` and `tax` are what is consumed; a refund of recognised units consumes
    nothing, its amounts are what was given back.
    """

    kind: TakeKind
    subject: str
    units: int = 0
    gross: Decimal = ZERO
    tax: Decimal = ZERO
    taxes: tuple[Decimal, ...] = ()  #: `tax` by the subject's tax shares, in their order on the basis


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of the order's currency is in the company's accounting currency."""

    rate: Decimal
    accounting_currency: str
    factor: Decimal = Decimal(1)  #: IFS's conversion factor: the rate is for so many units
    accounting_unit: Decimal = Decimal("0.01")  #: the accounting currency's minor unit

    def is_one(self, currency: str) -> bool:
        return self.accounting_currency == currency


@dataclass(frozen=True, slots=True)
class RowShare:
    """What one subject brings to a row that several share; debit positive."""

    subject: str
    amount: Decimal
    rule: str = ""  #: the mapping rule that chose the account for this subject


@dataclass(frozen=True, slots=True)
class VoucherRow:
    """One row: debit or credit, the other is zero. `accounting_*`: the same in the accounting currency."""

    purpose: Purpose
    account: str
    debit: Decimal
    credit: Decimal
    code_parts: tuple[tuple[str, str], ...] = ()
    tax_code: str = ""
    text: str = ""
    subject: str = ""  #: line:17, shipping, tender:44: what of the order it is about
    rule: str = ""  #: the mapping rule that chose the account
    accounting_debit: Decimal = ZERO
    accounting_credit: Decimal = ZERO
    shares: tuple[RowShare, ...] = ()  #: by subject, where there are several; they add up to the row

    @property
    def amount(self) -> Decimal:
        """Signed: debit positive."""
        return self.debit - self.credit

    @property
    def accounting_amount(self) -> Decimal:
        return self.accounting_debit - self.accounting_credit


@dataclass(frozen=True, slots=True)
class VoucherDraft:
    """A voucher as it should stand in IFS. Without rows there is nothing to post; it is recorded all the same."""

    key: str  #: BC-5001/PAY/44
    order_id: int
    voucher_kind: VoucherKind
    fact: str  #: the store's fact in short: tender 44, shipment 61, refund 9
    at: datetime  #: the fact's own time
    day: date  #: the same in the connection's time zone: voucher date and reconciliation day
    currency: str
    rows: tuple[VoucherRow, ...]
    takes: tuple[Take, ...] = ()
    rate: Rate | None = None
    amount: Decimal = ZERO  #: what the fact is worth: tender, share gross of a shipment, refunded amount
    fact_hash: str = ""
    text: str = ""

    @property
    def debits(self) -> Decimal:
        return sum((row.debit for row in self.rows), ZERO)

    @property
    def credits(self) -> Decimal:
        return sum((row.credit for row in self.rows), ZERO)

    @property
    def balance(self) -> Decimal:
        """What it does to the customer balance: credit (money held) positive."""
        return sum((row.credit - row.debit for row in self.rows if row.purpose is Purpose.CUSTOMER_BALANCE), ZERO)


@dataclass(frozen=True, slots=True)
class Position:
    """Where an order stands in the books when its ledger and the drafts of the plan are posted."""

    currency: str
    held: Decimal  #: customer balance: positive is money held, negative is unpaid
    paid: Decimal  #: counted tenders less voids
    refunded: Decimal
    is_consumed: bool  #: every unit is shipped or refunded
    is_settled: bool  #: paid in full, consumed, balance 0.00, and no fact kept back
    before_start: Decimal = ZERO  #: the part of `held` from facts before `post_from`: shown, never posted
