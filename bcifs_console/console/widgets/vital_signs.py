"""How listener, worker and both sides of every connection are, in words: a sheet at the side, a line when narrow."""

from datetime import datetime, timedelta
from typing import Final

from textual.content import Content

from bcifs_console.console import text
from bcifs_console.console.widgets.lines import DIM, EMPTY, Lines, fit, heading, line, paragraph
from bcifs_console.domain.states import Side
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store.views.overview import ConnectionHealth, Overview, Process

_LABEL: Final = 12
_GAP: Final = "   "
_SIDES: Final = ((Side.BIGCOMMERCE, "BigCommerce"), (Side.IFS, "IFS"))
_WELL: Final = (WebhookState.HEALTHY, WebhookState.UNKNOWN)


def vital_lines(found: Overview, now: datetime, width: int, *, stale_after: timedelta) -> Lines:
    """Everything, one sign a line, the cause of what is not well below it."""
    lines: Lines = [heading("Health", width)]
    for process in found.processes:
        lines.append(_sign(process.name.capitalize(), _process(process), _process_age(process, now), width))
    for each in found.connections:
        lines += [EMPTY, heading(each.name, width)]
        lines += _sides(each, now, width)
        lines += _webhooks(each, now, width, stale_after)
        if (pause := each.by_hand) is not None:
            why = f": {pause.note}" if pause.note else ""
            shown = text.state("waiting", "paused by hand")
            lines.append(_sign("Worker", shown, text.age(now, pause.since), width))
            lines += paragraph(f"by {pause.actor}{why}", width, style=DIM, indent=2)
    return lines


def _sign(name: str, shown: Content, note: str, width: int) -> Content:
    """Name, state, and at the right how old it is."""
    room = max(0, width - _LABEL - len(note) - 1)
    value = shown.truncate(room, ellipsis=True)
    padding = " " * (room - value.cell_length + 1)
    return line((fit(name, _LABEL), DIM), value, padding, (note, DIM))


def _process(process: Process) -> Content:
    if not process.is_up:
        return text.state("failed", "down")
    where = f" :{process.port}" if process.name == "listener" and process.port else ""
    return text.state("ok", f"up{where}")


def _process_age(process: Process, now: datetime) -> str:
    return f"for {text.age(now, process.since)}" if process.is_up else "s starts it"


def _sides(each: ConnectionHealth, now: datetime, width: int) -> Lines:
    lines: Lines = []
    for side, name in _SIDES:
        breaker = each.paused.get(side)
        if breaker is None:
            at = each.answered.get(side)
            shown = text.state("ignored", "not asked yet") if at is None else text.state("ok")
            lines.append(_sign(name, shown, "" if at is None else text.ago(now, at), width))
            continue
        lines.append(_sign(name, text.state("failed", "paused"), text.age(now, breaker.opened_at), width))
        lines += paragraph(breaker.cause, width, indent=2)
        if breaker.probe_at is not None:
            due = breaker.probe_at <= now
            again = "tried again now" if due else f"tried again {text.age(now, breaker.probe_at)}"
            lines += paragraph(again, width, style=DIM, indent=2)
    return lines


def _webhooks(each: ConnectionHealth, now: datetime, width: int, stale_after: timedelta) -> Lines:
    if not each.webhooks_registered:
        return [_sign("Webhooks", text.state("waiting", "not registered"), "", width)]
    if each.webhooks_looked_at is None or now - each.webhooks_looked_at > stale_after:
        lines: Lines = [_sign("Webhooks", text.state("unknown"), "", width)]
        return lines + paragraph("Nobody has looked at them lately.", width, style=DIM, indent=2)
    shown = text.state(each.webhooks.value)
    lines = [_sign("Webhooks", shown, text.age(now, each.webhooks_since), width)]
    if each.webhooks not in _WELL:
        lines += paragraph(each.webhooks_cause, width, indent=2)
    return lines


def vital_rows(found: Overview, width: int) -> Lines:
    """The same in a line or two: what is well by its name alone, what is not with its state."""
    signs = [text.state("ok" if each.is_up else "failed", _named(each)) for each in found.processes]
    for each in found.connections:
        wrong = [text.state("failed", f"{each.name} {name} paused") for side, name in _SIDES if side in each.paused]
        if each.webhooks_registered and each.webhooks not in _WELL:
            wrong.append(text.state(each.webhooks.value, f"{each.name} webhooks {each.webhooks.value}"))
        if each.by_hand is not None:
            wrong.append(text.state("waiting", f"{each.name} paused by hand"))
        signs += wrong or [text.state("ok", each.name)]
    lines: Lines = []
    for sign in signs:
        if lines and lines[-1].cell_length + len(_GAP) + sign.cell_length <= width:
            lines[-1] = lines[-1] + _GAP + sign
        else:
            lines.append(sign)
    return lines


def _named(process: Process) -> str:
    return process.name if process.is_up else f"{process.name} down"
