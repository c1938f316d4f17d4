"""The sections of the console and the screen of each, imported when it is first shown."""

import importlib
from typing import Final

from textual.screen import Screen

#: Section → title, module under console/screens, class.
SECTIONS: Final[dict[str, tuple[str, str, str]]] = {
    "overview": ("Overview", "overview", "OverviewScreen"),
    "orders": ("Orders", "orders", "OrdersScreen"),
    "decisions": ("Decisions", "decisions", "DecisionsScreen"),
    "webhooks": ("Webhooks", "webhooks", "WebhooksScreen"),
    "mappings": ("Mappings", "mappings", "MappingsScreen"),
    "ledger": ("Ledger", "ledger", "LedgerScreen"),
    "jobs": ("Jobs", "jobs", "JobsScreen"),
    "log": ("Log", "log", "LogScreen"),
    "setup": ("Set-up", "setup", "SetupScreen"),
}


def screen_of(section: str) -> Screen[None]:
    """A new screen of the section."""
    _, module_name, class_name = SECTIONS[section]
    module = importlib.import_module(f"bcifs_console.console.screens.{module_name}")
    found: Screen[None] = getattr(module, class_name)()
    return found


def order_screen(connection_id: int, order_id: int) -> Screen[None]:
    """The screen of one order."""
    from bcifs_console.console.screens.order import OrderScreen

    found: Screen[None] = OrderScreen(connection_id, order_id)
    return found
