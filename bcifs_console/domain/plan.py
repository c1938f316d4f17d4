"""`Plan`: what `accounting.plan()` answers: the documents that should exist, and why something waits."""

from dataclasses import dataclass, field
from enum import StrEnum

from bcifs_console.domain.documents import CustomerOrderDraft, Figures
from bcifs_console.domain.rules import Question
from bcifs_console.domain.updates import OrderUpdateDraft
from bcifs_console.domain.vouchers import Position, VoucherDraft


class Reason(StrEnum):
    """Why an order waits for a person or a repair (DESIGN §4)."""

    CUSTOMER = "customer"
    MAPPING = "mapping"
    TOTALS = "totals"
    STATUS = "status"
    PERIOD = "period"
    CONFLICT = "conflict"
    UNKNOWN_OUTCOME = "unknown_outcome"
    CONNECTION = "connection"  #: the order stays due; its connection is paused


@dataclass(frozen=True, slots=True)
class Blocker:
    """One named thing that stops the order, with what to do about it. `subject` names the SKU, tax, field …"""

    reason: Reason
    message: str
    remedy: str
    subject: str = ""
    figures: Figures | None = None
    #: of a mapping problem, what no rule answered; says nothing new, so equal problems stay equal
    question: Question | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something a person should know that stops nothing."""

    code: str
    message: str


class Verdict(StrEnum):
    """What the plan says about the order as a whole."""

    POST = "post"  #: documents are wanted and nothing blocks
    WAIT = "wait"  #: a blocker stands
    IGNORE = "ignore"  #: the order does not count (status gate, before start)
    SKIP = "skip"  #: a person or the policy leaves it out


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer of the pure planner for one order."""

    verdict: Verdict
    documents: tuple[CustomerOrderDraft, ...] = ()
    release: bool = False  #: whether the IFS order may be released now
    blockers: tuple[Blocker, ...] = ()
    conflicts: tuple[Blocker, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    note: str = ""  #: why it is ignored or skipped
    vouchers: tuple[VoucherDraft, ...] = ()  #: to be posted after the documents, in this order
    updates: tuple[OrderUpdateDraft, ...] = ()  #: to be applied to the IFS order, in this order
    pending: tuple[Blocker, ...] = ()  #: what keeps single vouchers or updates back while the rest goes on
    position: Position | None = None  #: None where no vouchers are made

    @property
    def stops(self) -> tuple[Blocker, ...]:
        """Whatever keeps all of it back, or something."""
        return self.conflicts + self.blockers + self.pending
