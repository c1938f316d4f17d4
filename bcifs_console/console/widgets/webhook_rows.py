"""The rows of the Webhooks screen's two tables, and one delivery in full. Pure functions over `Content`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.widgets.columns import Column
from bcifs_console.console.widgets.json_view import json_lines
from bcifs_console.console.widgets.lines import BAD, DIM, WARN
from bcifs_console.console.widgets.webhook_health import ago
from bcifs_console.domain.webhooks import WebhookState, registered_as
from bcifs_console.operations.webhook_overview import HookLine, WebhookOverview, redacted
from bcifs_console.store.views.webhooks import DeliveryView

HOOK_COLUMNS: Final = (
    Column("scope", "Hook", 25, sortable=False),
    Column("state", "State", 13, sortable=False),
    Column("since", "For", 6, align="right", sortable=False, from_width=90),
    Column("heard", "Last event", 10, align="right", sortable=False),
    Column("hour", "Last hour", 9, align="right", number=True, sortable=False, from_width=84),
    Column("idle", "Idle off", 8, align="right", sortable=False, from_width=90),
    Column("note", "Wrong, or done last", 16, grow=1, sortable=False),
)
DELIVERY_COLUMNS: Final = (
    Column("received", "Received", 8, sortable=False),
    Column("scope", "Event", 25, sortable=False),
    Column("order", "Order", 9, align="right", number=True, sortable=False),
    Column("delay", "After", 7, align="right", sortable=False),
    Column("state", "Order is", 10, grow=1, sortable=False),
    Column("reason", "for", 12, sortable=False, from_width=84),
)
#: From the event to its acceptance, above which a delivery is shown as late: it was tried before, or held up.
_LATE: Final = timedelta(seconds=30)
_EXACT_UNDER: Final = timedelta(seconds=10)


def scope_text(scope: str) -> str:
    """`order/created` for `store/order/created`: every scope begins alike."""
    return safe_text(scope.removeprefix("store/"))


def covers(hook_scope: str, scope: str) -> bool:
    """Whether a hook of `hook_scope` delivers events of `scope`."""
    return hook_scope in registered_as(scope)


def hook_cells(hook: HookLine, now: datetime) -> Sequence[Content]:
    """One registration."""
    never = Content.styled("never", DIM)
    return (
        Content(scope_text(hook.scope)),
        text.state(hook.state.value),
        _quiet(text.age(now, hook.since)) if hook.since else _quiet("–"),
        Content(ago(now, hook.last_delivery_at)) if hook.last_delivery_at else never,
        Content(f"{hook.last_hour:,}") if hook.last_hour else _quiet("–"),
        _quiet(text.age(now, hook.idle_off_at)) if hook.idle_off_at else _quiet("–"),
        _note(hook),
    )


def _note(hook: HookLine) -> Content:
    if hook.cause:
        style = WARN if hook.state is WebhookState.DEGRADED else BAD
        return Content.styled(safe_text(hook.cause), style)
    if hook.missed:
        return Content.styled(f"missed {hook.missed:,} of {hook.missed + hook.heard:,} in a day", WARN)
    return _quiet(safe_text(hook.action.replace("_", " ")))


def _quiet(said: str) -> Content:
    return Content.styled(said, DIM)


def delivery_cells(delivery: DeliveryView, now: datetime) -> Sequence[Content]:
    """One delivery in the list."""
    at = delivery.received_at.astimezone()
    is_today = at.date() == now.astimezone().date()
    late = delivery.delay is not None and delivery.delay >= _LATE
    return (
        Content(f"{at:%H:%M:%S}") if is_today else _quiet(f"{at:%d %b}"),
        Content(scope_text(delivery.scope)),
        Content(str(delivery.order_id)) if delivery.order_id is not None else _quiet("–"),
        Content.styled(_delay(delivery), WARN if late else DIM),
        _order_state(delivery),
        _quiet(safe_text(delivery.order_reason)),
    )


def _delay(delivery: DeliveryView) -> str:
    """How long after the event it was accepted."""
    delay = delivery.delay
    if delay is None:
        return "–"
    if delay < _EXACT_UNDER:
        return f"{delay.total_seconds():.1f} s"
    return text.age(delivery.received_at, delivery.event_at)


def _order_state(delivery: DeliveryView) -> Content:
    if delivery.order_id is None:
        return _quiet("no order")
    if not delivery.order_state:
        return _quiet("not known")
    return text.state(delivery.order_state)


def delivery_lines(delivery: DeliveryView) -> Content:
    """One delivery in full; what its body holds that may be secret is not shown."""
    order = "" if delivery.order_id is None else f"{delivery.order_id} "
    facts: Mapping[str, Content] = {
        "Event": Content(safe_text(delivery.scope)),
        "Happened": Content(_moment(delivery.event_at)),
        "Received": Content.assemble(_moment(delivery.received_at), (f"   after {_delay(delivery)}", DIM)),
        "Order": Content.assemble(order, _order_state(delivery), _quiet(f" {safe_text(delivery.order_reason)}")),
    }
    lines = [Content.assemble((f"{name:<10}", DIM), value) for name, value in facts.items()]
    return Content("\n").join([*lines, Content(""), *json_lines(redacted(delivery.body))])


def _moment(at: datetime | None) -> str:
    return "not said" if at is None else f"{at.astimezone():%d %b %H:%M:%S}"


def connection_strip(found: Sequence[WebhookOverview], chosen: int, width: int) -> Content:
    """Every connection with its state, the chosen one marked; where they do not fit, that one and how many are ill."""
    whole = Content.assemble(_strip(found, chosen), _quiet("    [ ] another"))
    if whole.cell_length <= width:
        return whole
    (place,) = [number for number, each in enumerate(found, 1) if each.connection_id == chosen]
    ill = sum(1 for each in found if each.state is not WebhookState.HEALTHY)
    counts = _quiet(f"    {place} of {len(found)} · {ill} not healthy · [ ] go through them")
    return Content.assemble(_strip([found[place - 1]], chosen), counts)


def _strip(found: Sequence[WebhookOverview], chosen: int) -> Content:
    parts = []
    for each in found:
        name = safe_text(each.name)
        if each.connection_id == chosen:
            parts.append(Content.assemble(("▸ ", "$accent"), (name, "bold"), " ", text.state(each.state.value)))
        else:
            parts.append(Content.assemble("  ", (name, DIM), " ", text.state(each.state.value)))
    return Content("    ").join(parts)
