"""What can be typed behind `:`, as a pure grammar: a section and what is wanted there, or an order's number.

orders failed      the section, its filter set
order 1042, 1042   the order with that number
ledger             any section by the beginning of its name
"""

from dataclasses import dataclass
from typing import Final

from bcifs_console.console.sections import SECTIONS
from bcifs_console.domain.states import OrderState

_STATES: Final = frozenset(state.value for state in OrderState)
_NUMBER_LEADS: Final = ("order", "#")


@dataclass(frozen=True, slots=True)
class Jump:
    """Where to go: a section, with the text behind it, or to the orders with these digits."""

    section: str = ""
    rest: str = ""
    digits: str = ""

    @property
    def focus(self) -> dict[str, str]:
        """What `open_section` is given: the orders' filter, the log's text."""
        if not self.rest:
            return {}
        if self.section == "orders":
            words = self.rest.split()
            return {"filter": " ".join(f"state:{word}" if word in _STATES else word for word in words)}
        return {"text": self.rest} if self.section == "log" else {}


def parse(text: str) -> list[Jump]:
    """What the text may mean, most likely first; nothing where it means nothing."""
    typed = text.strip().lower().removeprefix(":").strip()
    digits = _digits(typed)
    if digits:
        return [Jump(digits=digits)]
    first, _, rest = typed.partition(" ")
    return [Jump(section, rest.strip()) for section in SECTIONS if section.startswith(first)]


def _digits(typed: str) -> str:
    for lead in _NUMBER_LEADS:
        if typed.startswith(lead):
            typed = typed.removeprefix(lead).strip()
            break
    return typed if typed.isascii() and typed.isdigit() else ""
