"""The states of an order's sync (DESIGN §4) and what a look at an order may end in."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bcifs_console.domain.plan import Blocker, PlanWarning, Reason


class OrderState(StrEnum):
    DUE = "due"
    WORKING = "working"
    WAITING = "waiting"  #: needs a person or a repair; `reason` says which
    SYNCED = "synced"
    FAILED = "failed"  #: gave up; has a cause
    SKIPPED = "skipped"  #: a person's decision
    IGNORED = "ignored"  #: does not count: status gate, before start


class Side(StrEnum):
    BIGCOMMERCE = "bigcommerce"
    IFS = "ifs"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one order: valid while `fence` is the order's newest and the lease runs."""

    connection_id: int
    order_id: int
    owner: str
    fence: int
    generation: int
    attempts: int
    until: datetime
    background: bool = False  #: no hurry: live orders go first, and the quota's reserve is theirs
    named: bool = False  #: a backfill named it: it counts whenever it was placed (ACCOUNTING §1)

    @property
    def subject(self) -> str:
        return order_subject(self.order_id)

    @property
    def look(self) -> str:
        """The name of this look at the order, unlike any other's: what the look writes into the journal carries it."""
        return f"{self.order_id}.{self.fence}"


def order_subject(order_id: int) -> str:
    """The ledger's and journal's name for an order."""
    return f"order:{order_id}"


def left_out_key(order_id: int) -> str:
    """Under which it is kept that a person left this one order out.

    Never a buyer's key: that of a guest without an e-mail is the order's own name (ACCOUNTING §6), and what was decided
    about the buyer must outlast it.
    """
    return f"left-out:{order_id}"


def order_of(subject: str) -> int | None:
    """The order a ledger subject is about, None for a buyer's."""
    kind, _, number = subject.partition(":")
    return int(number) if kind == "order" else None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the lists show of an order, taken from its snapshot."""

    placed_at: datetime
    modified_at: datetime
    status_id: int
    email: str
    buyer_key: str
    buyer_name: str
    total: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one look at an order ended."""

    state: OrderState
    reason: Reason | None = None
    error: str = ""
    remedy: str = ""
    cause: str = ""  #: groups equal problems: `mapping:sales_part:SHIRT-1`
    due_at: datetime | None = None  #: only with DUE: when to look again
    burn_attempt: bool = False
    blockers: tuple[Blocker, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    ifs_customer: str | None = None
    ifs_order_no: str | None = None
    facts: OrderFacts | None = None
    events: tuple[tuple[str, dict[str, str]], ...] = field(default=())  #: journal entries to write with it
    settled: bool | None = None  #: paid in full, consumed, balance 0.00; None: not known, leave it as it is
