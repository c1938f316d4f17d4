"""The one table of what a person can do: keys, palette, help, footer and docs/keys.md all come from `REGISTRY`.

Each section has a module here with its `ACTIONS`; `everywhere` holds those of the whole console. An action
"orders.retry" calls `action_retry` on its screen; one of `everywhere` calls the app's.
"""

from typing import Final

from textual.binding import Binding

from bcifs_console.console.actions import (
    decisions,
    everywhere,
    jobs,
    ledger,
    log,
    mappings,
    order,
    orders,
    overview,
    setup,
    webhooks,
)
from bcifs_console.console.actions.action import Action

__all__ = ["EVERYWHERE", "REGISTRY", "Action", "bindings_of", "of_section"]

EVERYWHERE: Final = "everywhere"

_MODULES: Final = (everywhere, overview, orders, order, decisions, webhooks, mappings, ledger, jobs, log, setup)

#: Every action by its id, in the order of the sections.
REGISTRY: Final[dict[str, Action]] = {action.id: action for module in _MODULES for action in module.ACTIONS}


def of_section(section: str) -> list[Action]:
    """The actions of one section."""
    return [action for action in REGISTRY.values() if action.section == section]


def bindings_of(section: str) -> list[Binding]:
    """The section's actions as bindings; their ids let the keymap change the keys."""
    return [
        Binding(
            ",".join(action.keys),
            action.method,
            action.label,
            show=action.in_footer,
            priority=action.priority,
            tooltip=action.help,
            id=action.id,
        )
        for action in of_section(section)
        if action.keys
    ]
