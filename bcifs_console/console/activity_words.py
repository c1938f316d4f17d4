"""What a row of the journal says to a person: state, a sentence, before and after, why; and what Enter leads to.

Pure: no widget is known here. An event that is not known is told by its details, so that none is ever left out.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from bcifs_console.domain.states import order_of
from bcifs_console.store.views.activity import Entry, Wanted

#: Levels by name: everything; without the routine of orders that go through; trouble and its end.
LEVELS: Final = ("everything", "worth a look", "trouble")
_ROUTINE: Final = (
    *("order.synced", "order.released", "order.retried", "order.refund_seen", "order.sync_asked"),
    *("backfill.read", "order.customer_by_rule"),
)
_TROUBLE: Final = (
    *("order.failed", "breaker.", "mapping.release_stopped", "problems.retry_stopped", "webhooks.state"),
    *("webhooks.gap", "worker.paused"),
)
#: Kinds by name, and the families of events that belong to each; the first is everything.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "every kind": (),
    "orders": ("order.",),
    "decisions": ("decision.",),
    "mapping": ("mapping.", "customer_rule."),
    "webhooks": ("webhooks.",),
    "pauses": ("breaker.", "worker."),
    "retries": ("problems.",),
    "backfills": ("backfill.",),
    "connections": ("connection.",),
}
#: State (a key of STATE_STYLE) and word of each event.
_SHOWN: Final[Mapping[str, tuple[str, str]]] = {
    "order.synced": ("synced", "synced"),
    "order.failed": ("failed", "failed"),
    "order.skipped": ("skipped", "left out"),
    "order.unskipped": ("due", "taken in"),
    "order.sync_asked": ("due", "asked for"),
    "order.released": ("due", "let go"),
    "order.retried": ("due", "retried"),
    "order.refund_seen": ("due", "refund seen"),
    "order.customer_by_rule": ("ok", "by rule"),
    "order.edit_answered": ("ok", "answered"),
    "decision.create": ("ok", "decided"),
    "decision.link": ("ok", "decided"),
    "decision.skip": ("skipped", "decided"),
    "decision.undone": ("waiting", "taken back"),
    "decision.note": ("ignored", "noted"),
    "mapping.changed": ("ok", "changed"),
    "mapping.canary": ("working", "one first"),
    "mapping.released": ("ok", "let go"),
    "mapping.release_stopped": ("failed", "stopped"),
    "problems.retried": ("working", "one first"),
    "problems.released": ("ok", "let go"),
    "problems.retry_stopped": ("failed", "stopped"),
    "problems.retry_ended": ("skipped", "given up"),
    "breaker.opened": ("failed", "paused"),
    "breaker.closed": ("ok", "works again"),
    "worker.paused": ("waiting", "paused"),
    "worker.resumed": ("ok", "resumed"),
    "webhooks.gap": ("waiting", "gap"),
    "backfill.started": ("working", "started"),
    "backfill.read": ("ok", "read"),
}
#: Details that say why, in the order in which one of them is taken.
_WHY: Final = ("error", "cause", "reason", "note")
_BEFORE_AFTER: Final = ("before", "after")


def wanted(level: int, kind: str, connection_id: int | None, text: str) -> Wanted:
    """The filter of the screen as the view takes it."""
    events = KINDS.get(kind, ())
    if LEVELS[level] == "trouble":
        narrowed = tuple(event for event in _TROUBLE if not events or event.startswith(events))
        events = narrowed or ("none.",)
    but = _ROUTINE if LEVELS[level] == "worth a look" else ()
    return Wanted(events, but, connection_id, text)


def shown(entry: Entry) -> tuple[str, str]:
    """State and word."""
    if entry.event == "webhooks.state":
        after = str(entry.detail.get("after", "unknown"))
        return after, after
    _, _, verb = entry.event.partition(".")
    return _SHOWN.get(entry.event, ("ignored", (verb or entry.event).replace("_", " ")))


def about(entry: Entry) -> str:
    """What the row is about, as people call it: "order 112455", "buyer 315", "mapping tax"."""
    kind, _, rest = entry.subject.partition(":")
    if kind == "buyer":
        return f"buyer {rest.rpartition(':')[2]}"
    if kind == "connection":
        return "webhooks" if entry.event.startswith("webhooks.") else rest
    if kind in ("breaker", "problem"):
        return {"ifs": "IFS", "bigcommerce": "BigCommerce"}.get(rest, rest.partition(":")[0] or kind)
    return f"{kind} {rest.replace('_', ' ')}".strip()


def said(entry: Entry) -> str:
    """The row in one sentence."""
    detail = entry.detail
    teller = _SAID.get(entry.event)
    if teller is not None:
        return teller(detail)
    pieces = [change] if (change := _change(detail)) else []
    pieces += [value for name in _WHY if (value := _text(detail.get(name)))][:1]
    return ": ".join(pieces) if pieces else "; ".join(f"{name} {value}" for name, value in rest_of(entry))


def _text(value: object) -> str:
    if value is None or value in ("", [], {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _change(detail: Mapping[str, Any]) -> str:
    before, after = (_text(detail.get(name)) for name in _BEFORE_AFTER)
    return f"{before or 'nothing'} → {after or 'nothing'}" if before or after else ""


def _count(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else value if isinstance(value, int) else 0


def _orders(value: object) -> str:
    number = _count(value)
    return f"{number:,} {'order' if number == 1 else 'orders'}"


def _with_note(text: str, detail: Mapping[str, Any]) -> str:
    note = _text(detail.get("note")) or _text(detail.get("reason"))
    return f"{text}: {note}" if note else text


def _decided(what: str) -> Callable[[Mapping[str, Any]], str]:
    def tell(detail: Mapping[str, Any]) -> str:
        customer = _text(detail.get("customer"))
        named = f"{what} {customer}" if customer else what
        return _with_note(f"{named}, {_orders(detail.get('orders', []))} released", detail)

    return tell


def _behind(detail: Mapping[str, Any]) -> str:
    return f"{_count(detail.get('waiting')):,} behind it"


def _canary(detail: Mapping[str, Any]) -> str:
    first = detail.get("canary") or detail.get("order")
    cause = f" ({detail['cause']})" if detail.get("cause") else ""
    return f"order {first} goes first, {_behind(detail)}{cause}"


def _let_go(detail: Mapping[str, Any]) -> str:
    first = detail.get("canary")
    lead = f"order {first} got through; " if first else ""
    return f"{lead}{_orders(detail.get('orders'))} let go"


def _range(detail: Mapping[str, Any]) -> str:
    numbers = detail.get("orders")
    if numbers:
        return f"{_orders(numbers)} by number"
    since, until = (str(detail.get(name) or "")[:10] for name in ("since", "until"))
    return f"orders placed from {since or 'the first'} to {until or 'now'}"


_SAID: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "order.synced": lambda detail: f"in IFS as {_text(detail.get('ifs_order')) or 'an order without a number'}",
    "order.sync_asked": lambda _detail: "to be looked at now",
    "order.released": lambda detail: f"waited for a rule that {_text(detail.get('saved_by')) or 'somebody'} saved",
    "order.retried": lambda _detail: "tried again with its group",
    "order.refund_seen": lambda detail: f"refund {_text(detail.get('refund'))} seen in the store",
    "order.skipped": lambda detail: _with_note("left out", detail),
    "order.unskipped": lambda _detail: "taken in again",
    "decision.create": _decided("a new customer is made"),
    "decision.link": _decided("customer"),
    "decision.skip": _decided("the buyer is left out"),
    "mapping.changed": lambda detail: _with_note(
        f"version {_text(detail.get('version'))}, {_count(detail.get('rules')):,} rules", detail
    ),
    "mapping.canary": _canary,
    "mapping.released": _let_go,
    "problems.retried": _canary,
    "problems.released": _let_go,
    "breaker.closed": lambda _detail: "works again; its orders go on",
    "worker.paused": lambda detail: _with_note("no order is taken up", detail),
    "worker.resumed": lambda _detail: "orders are taken up again",
    "webhooks.registered": lambda detail: f"{_count(detail.get('actions')):,} webhooks",
    "backfill.started": _range,
    "backfill.read": lambda detail: f"{_count(detail.get('seen')):,} seen, {_count(detail.get('marked')):,} to be done",
}


# -- in full ---------------------------------------------------------------------------------------------------------


def why(entry: Entry) -> list[tuple[str, str]]:
    """Name and text of the details that say why."""
    return [(name, value) for name in _WHY if (value := _text(entry.detail.get(name)))]


def before_and_after(entry: Entry) -> tuple[str, str] | None:
    """What was and what is now, None where the row is of no change."""
    before, after = (_text(entry.detail.get(name)) for name in _BEFORE_AFTER)
    return (before, after) if before or after else None


def rest_of(entry: Entry) -> list[tuple[str, str]]:
    """The other details, flat: `candidates.0.name` is told as "candidates 1 name"."""
    told = {*_WHY, *_BEFORE_AFTER}
    return [pair for name, value in entry.detail.items() if name not in told for pair in _flat(name, value)]


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name} {key}", inner)
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for number, each in enumerate(value, 1):
            shown_ = ", ".join(f"{v}" for v in each.values()) if isinstance(each, dict) else f"{each}"
            yield f"{name} {number}", shown_
    elif isinstance(value, list):
        if value:
            yield name, ", ".join(str(each) for each in value)
    elif (text := _text(value)) != "":
        yield name, text


def target(entry: Entry) -> tuple[str, Mapping[str, Any]] | int | None:
    """What Enter leads to: an order's number, or a section with what to show there; None where there is nothing."""
    if (order_id := order_of(entry.subject)) is not None:
        return order_id
    kind, _, rest = entry.subject.partition(":")
    of_connection = {"connection_id": entry.connection_id}
    match kind:
        case "buyer":
            return "decisions", of_connection | {"buyer_key": rest}
        case "mapping":
            return "mappings", of_connection | ({"purpose": rest} if rest else {})
        case "problem":
            return "jobs", {"page": "releases"}
        case "breaker" | "worker":
            return "jobs", {}
        case "backfill":
            return "jobs", {"page": "backfills"}
    return ("webhooks", of_connection) if entry.event.startswith("webhooks.") else None
