"""Webhook registrations: who may see which, the limits, and the v3 answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from bcifs_console.simulator.money import Json

PER_SCOPE = 10
# A hook without activity for 90 days is deactivated. What counts as activity is not documented; assumed: being
# registered, being changed, an attempt to deliver.
IDLE_SECONDS = 90 * 86_400.0

_SCOPES = re.compile(
    r"store/(order/(\*|created|updated|archived|statusUpdated|message/created|refund/created"
    r"|transaction/(created|updated)|metafield/(created|updated|deleted))"
    r"|shipment/(\*|created|updated|deleted)"
    r"|customer/(\*|created|updated|deleted|address/(\*|created|updated|deleted)|payment/instrument/default/updated)"
    r"|information/updated|app/uninstalled|hook/deliveryException"
    r"|channel/\d+/order/(\*|created|updated|archived|statusUpdated|message/created|refund/created))"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
EXCEPTION_SCOPE = "store/hook/deliveryException"


class HookRefused(Exception):
    """422 with one message per field."""

    def __init__(self, **errors: str) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass
class Hook:
    id: int
    client_id: str
    store_hash: str
    scope: str
    destination: str
    headers: dict[str, str] | None
    is_active: bool
    created_at: int
    updated_at: int
    deactivated: bool = False  # by the ladder or by silence, not by a person
    active_at: float = 0.0  # when something last happened with it
    deactivations: int = 0  # deliveries from before the last one are lost

    def wire(self) -> Json:
        return {
            "id": self.id,
            "client_id": self.client_id,
            "store_hash": self.store_hash,
            "scope": self.scope,
            "destination": self.destination,
            "headers": self.headers,
            "is_active": self.is_active,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }

    def deactivate(self, now: float) -> None:
        """BigCommerce gives up on it; what waits to be delivered is lost with it."""
        self.is_active = False
        self.deactivated = True
        self.deactivations += 1
        self.updated_at = int(now)

    @property
    def status(self) -> str:
        if self.is_active:
            return "active"
        return "deactivated" if self.deactivated else "inactive"

    @property
    def domain(self) -> str:
        return urlsplit(self.destination).hostname or ""

    def wants(self, scope: str) -> bool:
        """A wildcard covers everything below its prefix."""
        return self.scope == scope or (self.scope.endswith("/*") and scope.startswith(self.scope[:-1]))


@dataclass
class Hooks:
    store_hash: str
    rows: dict[int, Hook] = field(default_factory=dict)
    emails: list[str] = field(default_factory=list)
    in_all: int | None = None  # some stores are held to ten in all; off unless a test sets it
    _next: int = 17

    def of(self, client_id: str) -> list[Hook]:
        """A client sees its own hooks only."""
        return [hook for hook in self.rows.values() if hook.client_id == client_id]

    def expire(self, now: float) -> None:
        """Deactivate what was idle for 90 days."""
        for hook in self.rows.values():
            if hook.is_active and now - hook.active_at >= IDLE_SECONDS:
                hook.deactivate(now)

    def double(self, number: int) -> Hook:
        """A second registration just like this one, from before there was a limit (added in April 2025)."""
        twin = replace(self.rows[number], id=self._next)
        self._next += 1
        self.rows[twin.id] = twin
        return twin

    def create(self, client_id: str, body: Any, now: int) -> Hook:
        fields = _checked(body, complete=True)
        self._limits(client_id, fields["scope"], fields["destination"], None)
        hook = Hook(
            id=self._next,
            client_id=client_id,
            store_hash=self.store_hash,
            scope=fields["scope"],
            destination=fields["destination"],
            headers=fields.get("headers"),
            is_active=fields.get("is_active", True),
            created_at=now,
            updated_at=now,
            active_at=now,
        )
        self._next += 1
        self.rows[hook.id] = hook
        return hook

    def update(self, hook: Hook, body: Any, now: int) -> Hook:
        if not isinstance(body, dict) or not body:
            raise HookRefused(data="Update webhook request should not be empty")
        fields = _checked(body, complete=False)
        scope, destination = fields.get("scope", hook.scope), fields.get("destination", hook.destination)
        if (scope, destination) != (hook.scope, hook.destination):
            self._limits(hook.client_id, scope, destination, hook)
        hook.scope, hook.destination = scope, destination
        hook.is_active = fields.get("is_active", hook.is_active)
        hook.deactivated = hook.deactivated and not hook.is_active
        if "headers" in fields:
            hook.headers = fields["headers"]
        hook.updated_at = now
        hook.active_at = now
        return hook

    def _limits(self, client_id: str, scope: str, destination: str, except_for: Hook | None) -> None:
        """Ten per scope and one per scope and destination (documented); 422 is assumed, the error body is not known."""
        others = [hook for hook in self.of(client_id) if hook is not except_for]
        same = [hook for hook in others if hook.scope == scope]
        if any(hook.destination == destination for hook in same):
            raise HookRefused(destination="A webhook with this scope and destination already exists")
        if except_for is None and self.in_all is not None and len(others) >= self.in_all:
            raise HookRefused(scope=f"No more than {self.in_all} webhooks may be registered")
        if len(same) >= PER_SCOPE:
            raise HookRefused(scope=f"No more than {PER_SCOPE} webhooks may be registered for a scope")
        if scope == EXCEPTION_SCOPE and (same or any(hook.destination == destination for hook in others)):
            raise HookRefused(destination="The exception webhook must be the only one and use its own destination")


def _checked(body: Any, *, complete: bool) -> Json:
    if not isinstance(body, dict):
        raise HookRefused(data="The request must be an object")
    fields = {name: value for name, value in body.items() if name in ("scope", "destination", "is_active", "headers")}
    if not fields:
        raise HookRefused(data="Update webhook request should not be empty")
    for name in ("scope", "destination"):
        if complete and name not in fields:
            raise HookRefused(**{name: f"{name} is required"})
    if "scope" in fields and not (isinstance(fields["scope"], str) and _SCOPES.fullmatch(fields["scope"])):
        raise HookRefused(scope="The scope is not known")
    if "destination" in fields:
        _check_destination(fields["destination"])
    if "is_active" in fields and not isinstance(fields["is_active"], bool):
        raise HookRefused(is_active="is_active must be a boolean")
    if "headers" in fields:
        _check_headers(fields["headers"])
    return fields


def _check_destination(destination: object) -> None:
    if not isinstance(destination, str):
        raise HookRefused(destination="The destination must be a URL")
    try:
        url = urlsplit(destination)
        host, port = url.hostname, url.port
    except ValueError:
        raise HookRefused(destination="The destination must be a URL") from None
    if not host:
        raise HookRefused(destination="The destination must be a URL")
    # The one licence this simulator takes: plain http, on any port, when the receiver is on the same machine.
    if url.scheme == "http" and host in _LOOPBACK:
        return
    if url.scheme != "https" or port not in (None, 443):
        raise HookRefused(destination="The destination must be an https URL on port 443")


def _check_headers(headers: object) -> None:
    if headers is None:
        return
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise HookRefused(headers="headers must map names to strings")
