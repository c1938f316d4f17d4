"""How a connection's webhooks are: the states the watcher tells apart. What leads to each is `sync.diagnosis`."""

from enum import StrEnum


class WebhookState(StrEnum):
    """From best to worst; the worst thing found is the connection's state."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"  #: not registered, never looked at, or the store cannot be asked
    DEGRADED = "degraded"  #: events arrive, not all of them, or not for long any more
    SILENT = "silent"  #: registered and active, yet nothing arrives
    BLOCKED = "blocked"  #: BigCommerce sends nothing to our domain for a few minutes
    DEACTIVATED = "deactivated"  #: a registration is gone or switched off: its events are lost, not delayed

    @property
    def severity(self) -> int:
        """0 for healthy, then upwards."""
        return list(WebhookState).index(self)
