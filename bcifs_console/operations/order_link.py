"""Where a person finds an order in the store's own pages."""

from typing import Final
from urllib.parse import urlsplit

from bcifs_console.base.hosts import is_loopback
from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.operations.context import Context
from bcifs_console.store import connections

#: Unverified: BigCommerce documents no address of the pages of its control panel; this is where its own links lead.
_CONTROL_PANEL: Final = "https://store-{store_hash}.mybigcommerce.com/manage/orders/{order_id}"


class NoControlPanel(Problem):
    """The store has no pages for people."""

    kind = ProblemKind.NOT_FOUND


def control_panel_url(context: Context, connection_id: int, order_id: int) -> str:
    """The order's page in the store's control panel. Raises NoControlPanel for the simulator."""
    settings = context.store.database.read_sync(lambda conn: connections.settings_of(conn, connection_id))
    if is_loopback(urlsplit(str(settings.bigcommerce.get("api_url", ""))).hostname):
        raise NoControlPanel(
            f"Order {order_id} is in the simulator, which has no pages to open.",
            remedy=f"Enter shows all that is known of it; or: bcifs orders show {order_id}",
        )
    return _CONTROL_PANEL.format(store_hash=settings.bigcommerce["store_hash"], order_id=order_id)
