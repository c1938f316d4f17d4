"""From an HTTP status and body to a typed error. Knows both error shapes: v2 arrays, v3 objects (facts §3.1)."""

from collections.abc import Iterator, Mapping
from typing import Final

from bcifs_console.base.problems import ProblemKind
from bcifs_console.bigcommerce.errors import (
    AuthenticationFailed,
    BadAnswer,
    BigCommerceError,
    InvalidRequest,
    NotFound,
    PermissionMissing,
    Unavailable,
)

#: How many complaints, and how many characters of each, are shown.
MAX_COMPLAINTS: Final = 10
MAX_COMPLAINT_LENGTH: Final = 300

#: Read scope by the first path segment behind the version (facts §1). Hooks need none.
_SCOPES: Final[Mapping[str, str]] = {
    "orders": "store_v2_orders_read_only",
    "customers": "store_v2_customers_read_only",
    "store": "store_v2_information_read_only",
    "time": "store_v2_information_read_only",
}

#: Scopes for orders do not cover their transactions; refunds take either (facts §1).
_TRANSACTIONS_SCOPE: Final = "store_v2_transactions_read_only"

#: Said once is said for good: [ERR] names these two as not worth retrying (facts §5).
_FINAL_SERVER_ERRORS: Final = frozenset({501, 505})

_TRANSIENT_CLIENT_ERRORS: Final[Mapping[int, str]] = {
    408: "took too long to read our request",
    423: "says that the resource is locked",
    425: "is not ready for the request",
}


def refusal(route: str, status: int, payload: object) -> BigCommerceError:
    """The error for an answer of `status` (not 2xx, not 429) to `route`, for example `GET /v2/orders/{id}`.

    `payload` is the parsed body, None where it was no JSON.
    """
    said = complaints(payload)
    first = said[0] if said else ""
    if status == 401:
        return AuthenticationFailed(first)
    if status == 403:
        return PermissionMissing(route, scope_of(route), first)
    if status in {404, 410}:
        return NotFound(
            f"BigCommerce finds nothing at {route}{f' ({first})' if first else ''}.",
            remedy="Check that it still exists in the store and that the store hash is right.",
            status=status,
        )
    if status in _TRANSIENT_CLIENT_ERRORS:
        return _unavailable(f"BigCommerce {_TRANSIENT_CLIENT_ERRORS[status]} ({route}).", status)
    if status in _FINAL_SERVER_ERRORS or 400 <= status < 500:
        return InvalidRequest(route, status, said, kind=ProblemKind.CONFLICT if status == 409 else None)
    if status >= 500:
        return _unavailable(f"BigCommerce answers {route} with {status}{f' ({first})' if first else ''}.", status)
    return BadAnswer(
        f"BigCommerce answers {route} with an unexpected {status}; redirects are not followed.", status=status
    )


def scope_of(route: str) -> str:
    """The OAuth scope that a route of ours needs, "" where none or unknown."""
    parts = route.partition(" ")[2].split("/")
    if parts[-1] == "transactions":
        return _TRANSACTIONS_SCOPE
    return _SCOPES.get(parts[2], "") if len(parts) > 2 else ""


def complaints(payload: object) -> tuple[str, ...]:
    """The texts of an error body, as people may see them: v2 `[{status, message}]`, v3 `{title, errors}`.

    A v3 field error reads `field: text`. Control characters are removed and long texts cut, since this is outside text.
    """
    found: list[str] = []
    for text in _texts(payload):
        clean = "".join(c if c.isprintable() else " " for c in text).strip()
        if clean and clean not in found:
            found.append(clean[:MAX_COMPLAINT_LENGTH])
        if len(found) == MAX_COMPLAINTS:
            break
    return tuple(found)


def _texts(payload: object) -> Iterator[str]:
    if isinstance(payload, list):
        for entry in payload[:MAX_COMPLAINTS]:
            yield from _texts(entry)
    elif isinstance(payload, dict):
        for key in ("message", "title", "detail", "error"):
            if isinstance(payload.get(key), str):
                yield payload[key]
        yield from _field_texts(payload.get("errors"), "")
        if isinstance(payload.get("data"), list):  # refunds answer 422 with {"data": [...]} (facts §4)
            yield from _texts(payload["data"])


def _field_texts(errors: object, field: str, depth: int = 0) -> Iterator[str]:
    if isinstance(errors, str):
        yield f"{field}: {errors}" if field else errors
    elif depth < 4 and isinstance(errors, dict):
        for name, value in errors.items():
            yield from _field_texts(value, f"{field}.{name}" if field else str(name), depth + 1)
    elif depth < 4 and isinstance(errors, list):
        for value in errors[:MAX_COMPLAINTS]:
            yield from _field_texts(value, field, depth + 1)


def _unavailable(message: str, status: int) -> Unavailable:
    return Unavailable(
        message, remedy="It is tried again by itself. Its status page is status.bigcommerce.com.", status=status
    )
