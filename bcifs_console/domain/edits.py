"""What a person answered to an order that was edited in the store after it was sent (ACCOUNTING §1, Edit)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bcifs_console.domain.basis import Basis


class EditChoice(StrEnum):
    """How an edited order goes on."""

    KEEP = "keep"  #: the frozen basis stands; IFS and the vouchers go by it
    ADOPT = "adopt"  #: the order as it is now is the new basis: future steps take new totals less what was consumed
    BY_HAND = "by_hand"  #: a person books the difference; of the edited goods nothing more is posted


@dataclass(frozen=True, slots=True)
class EditAnswer:
    """One answer. It is about the order as it was when it was given: another edit is another question."""

    choice: EditChoice
    fact_hash: str  #: of the order that was answered about
    at: datetime
    actor: str
    reference: str = ""  #: where the difference was booked, under BY_HAND
    note: str = ""
    basis: Basis | None = None  #: frozen with the answer, under ADOPT
