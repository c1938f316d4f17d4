"""How this store behaves where the documents leave it open or name a step asynchronous: `/_sim/set`, `bigcommerce`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from bcifs_console.simulator.control import ControlRefused
from bcifs_console.simulator.money import decimal_of

_WORDS = {
    # The refund's own payment: at once; later, without a transaction until then; later, seen as pending; refused.
    "refund_payments": ("ok", "late", "pending", "declined"),
    # "With an override … order/taxes records are not updated" (spec), so otherwise they are; how is not said.
    "taxes_after_refund": ("kept", "reduced", "gone"),
    # `requested_amount` of a PRODUCT item: null in the reference, the net price in the guide.
    "requested_amounts": ("null", "net", "gross"),
}


@dataclass
class Habits:
    """`payment_delay`, `refund_delay`: seconds until an asynchronous payment is made; None: when told to."""

    refund_payments: str = "ok"
    refund_delay: float | None = None
    payment_delay: float = 0.0
    taxes_after_refund: str = "kept"
    requested_amounts: str = "null"

    def change(self, name: str, value: object) -> bool:
        """False when there is no such habit. Raises ControlRefused for a value it cannot take."""
        if name not in {field.name for field in fields(self)}:
            return False
        if name in _WORDS:
            if value not in _WORDS[name]:
                raise ControlRefused(f"{name} must be one of {', '.join(_WORDS[name])}")
            setattr(self, name, value)
            return True
        seconds = decimal_of(value)
        if seconds is not None and seconds >= 0:
            setattr(self, name, float(seconds))
        elif value is None and name == "refund_delay":
            self.refund_delay = None
        else:
            raise ControlRefused(f"{name} must be a number of seconds")
        return True
