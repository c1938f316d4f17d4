"""Mapping rules and policy: what a person decided, as data (DESIGN §8, ACCOUNTING §1, 4, 5)."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self


class Purpose(StrEnum):
    """What a rule's result is used for; one ordered list of rules each."""

    REVENUE = "revenue"  #: GL account of an order line
    SALES_PART = "sales_part"  #: IFS CatalogNo of a line; without a rule the SKU itself, upper-cased
    CHARGE_TYPE = "charge_type"  #: IFS ChargeType of a charge; condition `charge`
    TAX = "tax"  #: `code:X`, `default` or `charge:TYPE`
    CODE_PART_B = "code_part_b"
    CODE_PART_C = "code_part_c"
    CODE_PART_D = "code_part_d"
    CODE_PART_E = "code_part_e"
    CODE_PART_F = "code_part_f"
    CODE_PART_G = "code_part_g"
    CODE_PART_H = "code_part_h"
    CODE_PART_I = "code_part_i"
    CODE_PART_J = "code_part_j"
    PAY_TERM = "pay_term"
    SHIP_VIA = "ship_via"
    # Accounts of vouchers (ACCOUNTING §5). None of them has a shipped rule: a person must say.
    CUSTOMER_BALANCE = "customer_balance"
    CLEARING = "clearing"  #: by payment_method, gateway, currency
    GIFT_CERTIFICATE_LIABILITY = "gift_certificate_liability"
    STORE_CREDIT_LIABILITY = "store_credit_liability"
    TAX_ACCOUNT = "tax_account"  #: by tax_code, tax_name, tax_class, tax_rate, country
    TAX_ON_PREPAYMENTS = "tax_on_prepayments"
    RETURNS = "returns"
    SHIPPING_INCOME = "shipping_income"
    HANDLING_INCOME = "handling_income"
    WRAPPING_INCOME = "wrapping_income"
    FEE_INCOME = "fee_income"
    RETAINED_INCOME = "retained_income"
    GOODWILL = "goodwill"
    ROUNDING = "rounding"
    CUSTOMER = "customer"  #: the IFS customer of the buyers it fits, asked before any look-up (DESIGN §7)


CODE_PART_PURPOSES = frozenset(purpose for purpose in Purpose if purpose.value.startswith("code_part_"))
#: Purposes whose result is a GL account.
ACCOUNT_PURPOSES = frozenset(
    {
        Purpose.REVENUE,
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
    }
)
#: Those of them that PAY, VOID and REFUND need where IFS invoices book the revenue (ACCOUNTING §3).
CASH_PURPOSES = frozenset(
    {
        Purpose.CUSTOMER_BALANCE,
        Purpose.CLEARING,
        Purpose.GIFT_CERTIFICATE_LIABILITY,
        Purpose.STORE_CREDIT_LIABILITY,
    }
)


class ConditionField(StrEnum):
    """The store facts a condition may test. A condition is `field = pattern`; `*` and `?` are wild, case is folded."""

    SKU = "sku"
    NAME = "name"
    LINE_TYPE = "line_type"
    CHARGE = "charge"
    CHANNEL = "channel"
    CURRENCY = "currency"
    COUNTRY = "country"
    PAYMENT_METHOD = "payment_method"  #: of an order its own; of a tender the tender's method
    GATEWAY = "gateway"
    SHIPPING_METHOD = "shipping_method"
    TAX_NAME = "tax_name"
    TAX_CLASS = "tax_class"
    TAX_RATE = "tax_rate"
    TAX_INCLUSIVE = "tax_inclusive"
    TAX_CODE = "tax_code"  #: the IFS tax code that the tax rules gave
    GUEST = "guest"
    EMAIL_DOMAIN = "email_domain"  #: what stands behind the @ of a valid e-mail; only customer rules may test it
    PURPOSE = "purpose"  #: of a voucher row: what its account is for; only code part rules may test it


@dataclass(frozen=True, slots=True)
class Condition:
    """All alternatives of `patterns` are tried; one that matches suffices."""

    field: ConditionField
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MappingRule:
    """One rule: when every condition holds, the result. First match in `position` order wins."""

    purpose: Purpose
    position: int
    result: str
    conditions: tuple[Condition, ...] = ()
    id: int = 0
    version: int = 1
    author: str = ""
    reason: str = ""
    created_at: datetime | None = None  #: when this version was saved; None while it is not stored

    def __post_init__(self) -> None:
        """Blanks around a result are nobody's intent, whoever wrote the rule."""
        object.__setattr__(self, "result", self.result.strip())

    @property
    def says(self) -> tuple[tuple[Condition, ...], str]:
        """What the rule says, whoever said it and when: two rules that say the same are one version."""
        return self.conditions, self.result

    @property
    def label(self) -> str:
        """How the rule is named to people: `revenue#1 v2`."""
        return f"{self.purpose.value}#{self.position} v{self.version}"


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule in force for one connection."""

    rules: tuple[MappingRule, ...] = ()

    def of(self, purpose: Purpose) -> tuple[MappingRule, ...]:
        """The rules of one purpose in the order they are tried."""
        return tuple(sorted((r for r in self.rules if r.purpose is purpose), key=lambda r: r.position))


@dataclass(frozen=True, slots=True)
class Question:
    """What the rules of a purpose were asked with: from an unanswered one the missing rule can be suggested."""

    purpose: Purpose
    facts: tuple[tuple[ConditionField, str], ...] = ()


class Unmatched(StrEnum):
    ASK = "ask"
    SKIP = "skip"
    CREATE = "create"
    FIXED = "fixed"


class RevenuePosting(StrEnum):
    VOUCHER = "voucher"
    IFS_INVOICE = "ifs_invoice"


class Allocation(StrEnum):
    """How the GL account gets onto an order line (ACCOUNTING §4)."""

    PRE_POSTING = "pre_posting"
    POSTING_CONTROL = "posting_control"


class TaxPoint(StrEnum):
    """When tax is declared (ACCOUNTING §3)."""

    SHIPMENT = "shipment"
    PAYMENT = "payment"


class ClosedPeriod(StrEnum):
    """What to do with a voucher whose period IFS has closed."""

    WAIT = "wait"
    NEXT_OPEN = "next_open"  #: dated in the next open period, its own date in the text


class VoucherTransport(StrEnum):
    """How vouchers get into IFS."""

    OFF = "off"  #: none are made
    REST = "rest"
    EXTERNAL_FILE = "external_file"  #: STDVOU text batches in the outbox folder


#: ACCOUNTING §1: the first import. 12 and 0, 1 come later by themselves; 5 and 6 never had goods owed.
IMPORT_STATUSES = frozenset({2, 3, 4, 7, 8, 9, 10, 11, 13, 14})
CLOSED_STATUSES = frozenset({5, 6})
#: ACCOUNTING §4: statuses in which the IFS order may be released.
RELEASE_STATUSES = frozenset({3, 8, 9, 11, 14})
DISPUTED = 13
#: Before any order of any store.
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices of one connection."""

    start_at: datetime  #: go-live; orders placed earlier are ignored
    revenue_posting: RevenuePosting | None = None
    unmatched: Unmatched = Unmatched.ASK
    fixed_customer: str = ""
    guest_customer: str = ""
    order_type_never_invoices: bool = False
    time_zone: str = "UTC"
    release_orders: bool = True
    release_shipped: bool = False
    import_statuses: frozenset[int] = IMPORT_STATUSES
    release_statuses: frozenset[int] = RELEASE_STATUSES
    order_reference: str = "BC-{order_id}"
    customer_id_pattern: str = "BC{n}"  #: ids of customers we create, from a sequence of our own
    allocation: Allocation = Allocation.PRE_POSTING
    minor_units: dict[str, int] = field(default_factory=dict)  #: overrides of ISO 4217, by currency
    contract: str = ""  #: the IFS site every order goes to
    voucher_transport: VoucherTransport = VoucherTransport.OFF
    post_from: datetime | None = None  #: facts before it are shown and never posted; None: start_at
    tax_point: TaxPoint = TaxPoint.SHIPMENT
    closed_period: ClosedPeriod = ClosedPeriod.WAIT
    count_test_tenders: bool = False

    @property
    def posts_from(self) -> datetime:
        """From when on facts are posted."""
        return self.post_from or self.start_at

    def for_named(self) -> Self:
        """The policy for an order that a backfill named: it counts whenever it was placed. From when on facts are
        posted stays as it is (ACCOUNTING §1)."""
        return replace(self, start_at=_EVER, post_from=self.posts_from)

    @property
    def makes_vouchers(self) -> bool:
        """Whether vouchers are made at all."""
        return self.voucher_transport is not VoucherTransport.OFF and self.revenue_posting is not None
