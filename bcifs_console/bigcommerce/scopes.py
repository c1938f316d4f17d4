"""Which webhooks we register and the name of the header that carries our secret. Names only; the API is in `hooks`."""

from typing import Final

from bcifs_console.domain.connections import HookStyle

#: Header registered with each hook, holding a random secret of ours (DESIGN §5; custom headers: facts §2.4).
HOOK_HEADER: Final = "X-BCIFS-Key"

#: Ten hooks, all on one destination: some stores are held to ten in all (DESIGN §5). Concrete names, because what a
#: wildcard hook puts in the payload's `scope` is undocumented (facts §2.2).
WANTED_SCOPES: Final = (
    "store/order/created",
    "store/order/updated",
    "store/order/statusUpdated",
    "store/order/archived",
    "store/order/refund/created",
    "store/order/transaction/created",
    "store/order/transaction/updated",
    "store/shipment/created",
    "store/shipment/updated",
    "store/shipment/deleted",
)

#: Registered instead when the connection says `hooks = wildcard`.
WILDCARD_SCOPES: Final = ("store/order/*", "store/shipment/*")

#: Optional; must have a destination of its own (facts §2.5).
DELIVERY_EXCEPTION_SCOPE: Final = "store/hook/deliveryException"

#: The path of a connection's webhook address, before its token; and what follows it for the exceptions.
WEBHOOK_PATH: Final = "/webhooks/bigcommerce/"
EXCEPTIONS_SUFFIX: Final = "/exceptions"


def scopes_of(style: HookStyle) -> tuple[str, ...]:
    """What a connection registers, the exceptions apart."""
    return WILDCARD_SCOPES if style == "wildcard" else WANTED_SCOPES
