"""What a webhook says: the scope, whose store, and which order to look at. Nothing else in an event is believed.

Strict where it is parsed, lenient in what it means: a body that is no proper JSON object raises MalformedEvent; a
proper event that names no order of ours is an event without `order_id` (DESIGN §9: answered 200, no work).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from bcifs_console.base.problems import Problem, ProblemKind

MAX_DEPTH: Final = 32
_MAX_ORDER_ID: Final = 2**63 - 1
_PRODUCER: Final = re.compile(r"stores/([A-Za-z0-9_-]{1,64})", re.ASCII)
_SCOPE: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_HASH: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_CHANNEL_ORDER: Final = re.compile(r"store/channel/[^/]+/order(?:/|$)")

#: Where the order id is, by the beginning of the scope; the first that fits (facts, appendix A). What a wildcard hook
#: puts in `scope` is undocumented, so `store/order/*` looks in all three places of its families.
_PLACES: Final = (
    ("store/order/transaction/", ("order_id",)),
    ("store/order/metafield/", ("resource_id",)),
    ("store/order/*", ("order_id", "resource_id", "id")),
    ("store/order/", ("id", "order_id")),
    ("store/shipment/", ("orderId",)),
)


class MalformedEvent(Problem):
    """The body is no webhook event. The message never quotes it."""

    kind = ProblemKind.USAGE


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `hash` is the same for each delivery of it (facts §2.3) and is what duplicates are known by."""

    scope: str
    store_hash: str
    order_id: int | None
    created_at: datetime | None
    hash: str


def parse_event(body: bytes) -> Event:
    """The event in `body`. Raises MalformedEvent, and nothing else, whatever the bytes.

    Refused: not UTF-8, not one JSON object, a key twice in an object, NaN or Infinity, nested deeper than 32, no
    `scope`, no `producer` of the form `stores/{hash}`. Without a `hash`, that of the body takes its place.
    """
    payload = _strict_object(body)
    scope = payload.get("scope")
    if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
        raise MalformedEvent("The webhook has no scope.")
    producer = payload.get("producer")
    origin = _PRODUCER.fullmatch(producer) if isinstance(producer, str) else None
    if origin is None:
        raise MalformedEvent("The webhook does not say which store it is from.")
    said_hash = payload.get("hash")
    return Event(
        scope=scope,
        store_hash=origin[1],
        order_id=_order_id(scope, payload.get("data")),
        created_at=_created_at(payload.get("created_at")),
        hash=said_hash if isinstance(said_hash, str) and _HASH.fullmatch(said_hash) else sha256(body).hexdigest(),
    )


def _strict_object(body: bytes) -> Mapping[str, Any]:
    try:
        payload = _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        raise MalformedEvent("The webhook's body is not valid JSON.") from None
    if not isinstance(payload, dict):
        raise MalformedEvent("The webhook's body is no JSON object.")
    # Real events open two brackets; only a body that opens more than the limit needs the walk.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _is_deeper(payload, MAX_DEPTH):
        raise MalformedEvent(f"The webhook's body is nested deeper than {MAX_DEPTH}.")
    return payload


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(name)


#: Made once: `json.loads` with options makes a new decoder for each call, which costs more than the decoding.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_no_key_twice, parse_constant=_no_constant)


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        below = []
        for item in level:
            children = item.values() if isinstance(item, dict) else item
            below += [child for child in children if isinstance(child, dict | list)]
        level = below
    return bool(level)


def _order_id(scope: str, data: Any) -> int | None:
    if not isinstance(data, dict):
        return None
    for place in _places(scope):
        found = _positive(data.get(place))
        if found is not None:
            return found
    return None


def _places(scope: str) -> tuple[str, ...]:
    for beginning, places in _PLACES:
        if scope.startswith(beginning):
            return places
    return ("order_id", "id") if _CHANNEL_ORDER.match(scope) else ()


def _positive(value: object) -> int | None:
    """An order id: an int or a digit string (transactions send strings: facts §2.2), positive and under 2**63."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        return None
    return number if 0 < number <= _MAX_ORDER_ID else None


def _created_at(value: object) -> datetime | None:
    seconds = _positive(value)
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
