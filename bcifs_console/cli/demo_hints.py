"""What the demo advises to try next, in one line: it follows what the person has done and what the shop has just done.

Keys are taken from the console's own table of actions, so that a hint cannot name a key that is another by now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bcifs_console.console.actions import REGISTRY

_NAMES: Final = {"question_mark": "?", "slash": "/", "plus": "+", "enter": "Enter", "escape": "Esc", "space": "Space"}


@dataclass(frozen=True, slots=True)
class Seen:
    """How the demo stands: what there is, where the person is, and what was tried already."""

    section: str = "overview"  #: the section in front
    in_order: bool = False  #: an order's own screen is in front
    visited: frozenset[str] = frozenset()  #: sections, and `order`, that were in front some time
    orders: int = 0
    waiting: int = 0
    open_decisions: int = 0
    decided: int = 0  #: questions the person answered
    unmapped: int = 0  #: orders that wait for the mapping
    mapped: bool = False  #: the person changed the mapping
    broken_hooks: int = 0
    repaired: bool = False  #: webhooks were broken, and are well again
    vouchers: int = 0
    compared: bool = False  #: a day was compared with IFS


def hint(seen: Seen) -> str:
    """The line to show, "" for none."""
    return next((text(seen) for holds, text in _STEPS if holds(seen)), "")


def _key(action_id: str) -> str:
    """The first key of an action, as people call it."""
    key = REGISTRY[action_id].keys[0]
    return _NAMES.get(key, key.replace("ctrl+", "^"))


def _go(section: str) -> str:
    return f"press {_key(f'everywhere.show_{section}')}"


def _decide(seen: Seen) -> str:
    if seen.section != "decisions":
        return f"IFS does not know {_counted(seen.open_decisions, 'buyer')}: {_go('decisions')} to see who it may be."
    create = _key("decisions.create")
    return f"Enter on a candidate, or its letter, links the buyer; {create} creates a customer."


def _why(seen: Seen) -> str:
    if seen.section != "orders":
        verb = "waits" if seen.waiting == 1 else "wait"
        return f"{_counted(seen.waiting, 'order')} {verb}. Why? {_go('orders').capitalize()}, then Enter on one."
    return f"Enter on an order that says ! waiting tells why ({_key('orders.problems')}: only problems)."


def _map(seen: Seen) -> str:
    if seen.section != "mappings":
        verb = "waits" if seen.unmapped == 1 else "wait"
        return f"{_counted(seen.unmapped, 'order')} {verb} for a mapping rule: {_go('mappings')} to see which."
    return "Open what is unmapped, give it an account (honey: 4040), look, save."


def _repair(seen: Seen) -> str:
    if seen.section != "webhooks":
        return f"BigCommerce switched a webhook off: {_go('webhooks')} to see which."
    return f"{_key('webhooks.repair')} repairs it now; the service does so by itself at its next look."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


#: In order of urgency: the first that holds is shown.
_STEPS: Final[tuple[tuple[Callable[[Seen], bool], Callable[[Seen], str]], ...]] = (
    (lambda s: s.orders == 0, lambda _: "The shop opens; the morning's orders are coming in …"),
    (lambda s: s.broken_hooks > 0 and (s.decided > 0 or s.section == "webhooks"), _repair),
    (lambda s: s.decided == 0 and s.open_decisions > 0, _decide),
    (lambda s: s.waiting > 0 and "order" not in s.visited, _why),
    (
        lambda s: s.in_order and s.decided > 0 and "ledger" not in s.visited,
        lambda _: "The pages of this order: what came in, what went out, why. Esc goes back.",
    ),
    (
        lambda s: s.section == "ledger" and s.decided > 0 and s.vouchers > 0 and not s.compared,
        lambda _: f"{_key('ledger.compare')} compares the day under the cursor with IFS, to the cent.",
    ),
    (lambda s: s.unmapped > 0 and not s.mapped, _map),
    (
        lambda s: s.vouchers > 0 and "ledger" not in s.visited,
        lambda s: f"{_counted(s.vouchers, 'voucher')} in the general ledger: {_go('ledger')} to see them as accounts.",
    ),
    (
        lambda s: "webhooks" not in s.visited,
        lambda _: f"Every order came by a webhook: {_go('webhooks')} to see how they fare.",
    ),
    (lambda s: s.open_decisions > 0, _decide),
    (
        lambda _: True,
        lambda _: "That is the tour; the shop goes on. q leaves; `bcifs run` sets up your own.",
    ),
)
