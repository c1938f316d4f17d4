"""Webhook registrations as the hooks API tells them, and how they are read. The calls are in `client`."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.fields import Fields


@dataclass(frozen=True, slots=True)
class Hook:
    """One registration (facts §2.1). `headers` hold our secret, so they stay out of the repr."""

    id: int
    scope: str
    destination: str
    is_active: bool
    headers: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    client_id: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def carries(self, name: str, secret: Secret) -> bool:
        """Whether this hook sends the header `name` with this value; names are compared without case."""
        wanted = secret.reveal().encode()
        return any(
            key.casefold() == name.casefold() and hmac.compare_digest(value.reveal().encode(), wanted)
            for key, value in self.headers.items()
        )


class HookStatus(StrEnum):
    """`status` in the admin list; an unknown one reads as inactive, which sends somebody to look."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DEACTIVATED = "deactivated"  #: by BigCommerce, after the last retry or 90 days of silence


_STATUSES: Final = {status.value: status for status in HookStatus}


@dataclass(frozen=True, slots=True)
class HookState:
    """One row of the admin list."""

    id: int
    scope: str
    destination: str
    status: HookStatus


@dataclass(frozen=True, slots=True)
class BlockedDomain:
    """A destination that BigCommerce sends nothing to for a while (facts §2.5)."""

    destination: str
    time_left_s: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HooksAdmin:
    """`GET /v3/hooks/admin`: who is told, what is deactivated, what is blocked."""

    emails: tuple[str, ...]
    hooks: tuple[HookState, ...]
    blocked: tuple[BlockedDomain, ...]


def parse_hook(payload: object) -> Hook:
    """One hook, wrapped in `data` (spec, observed) or flat (guide pages): facts §2.1. Raises BadAnswer."""
    row = payload.get("data", payload) if isinstance(payload, dict) else payload
    hook = Fields(row, "a webhook")
    headers = hook.raw("headers")
    return Hook(
        id=hook.need_whole("id"),
        scope=hook.need_text("scope"),
        destination=hook.text("destination"),
        is_active=hook.flag("is_active", default=True),
        headers={str(k): Secret(str(v)) for k, v in headers.items()} if isinstance(headers, dict) else {},
        client_id=hook.text("client_id"),
        created_at=hook.moment("created_at"),
        updated_at=hook.moment("updated_at"),
    )


def parse_admin(payload: object) -> HooksAdmin:
    """The answer of `GET /v3/hooks/admin`. Raises BadAnswer."""
    if not isinstance(payload, dict):
        raise BadAnswer("BigCommerce's webhook administration is no JSON object.")
    admin = Fields(payload.get("data"), "the webhook administration")
    return HooksAdmin(
        emails=tuple(email for email in admin.rows("emails") if isinstance(email, str)),
        hooks=tuple(_state(row) for row in admin.rows("hooks_list")),
        blocked=tuple(_blocked(row) for row in admin.rows("blocked_domains")),
    )


def _state(row: object) -> HookState:
    hook = Fields(row, "a webhook's state")
    return HookState(
        id=hook.need_whole("id"),
        scope=hook.text("scope"),
        destination=hook.text("destination"),
        status=_STATUSES.get(hook.text("status"), HookStatus.INACTIVE),
    )


def _blocked(row: object) -> BlockedDomain:
    domain = Fields(row, "a blocked domain")
    reasons = (Fields(reason, "a reason") for reason in domain.rows("reasons"))
    return BlockedDomain(
        destination=domain.text("destination"),
        time_left_s=domain.whole("time_left"),
        reasons=tuple(f"{reason.text('failure_description')} ({reason.whole('count')} times)" for reason in reasons),
    )
