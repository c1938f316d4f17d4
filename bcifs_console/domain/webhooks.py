"""How a connection's webhooks are: the states the watcher tells apart. What leads to each is `sync.diagnosis`."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache


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


def worst(states: Iterable[WebhookState]) -> WebhookState:
    """The worst of them; healthy where there is none."""
    return max(states, key=lambda state: state.severity, default=WebhookState.HEALTHY)


@lru_cache(256)  # scopes come from outside
def registered_as(scope: str) -> tuple[str, ...]:
    """The scopes a hook may have that delivers events of `scope`: itself, and the wildcard above it."""
    family = scope.split("/")[:2]
    return (scope, "/".join((*family, "*"))) if len(family) == 2 and not scope.endswith("/*") else (scope,)
