"""How one connection's webhooks are, in a few lines: state, cause, what to do; the ratio, the clocks, what was refused.

Pure functions over `Content` and the widget that shows them. Where the figures come from is
`operations.webhook_overview`.
"""

from datetime import datetime, timedelta
from typing import Final

from textual.content import Content
from textual.widgets import Static

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.widgets.lines import BAD, DIM, GOOD, RULE, WARN, paragraph
from bcifs_console.operations.webhook_overview import RATIO_FLOOR, RATIO_LINE, WebhookOverview

#: Cells of the bar; the line at 90 % stands on a cell of its own.
BAR_CELLS: Final = 30
_LABEL_CELLS: Final = 11
#: So many things that are wrong are shown, the worst first.
_TROUBLES: Final = 4
_TROUBLES_IF_SHORT: Final = 1


def ratio_bar(ratio: float | None, style: str, cells: int = BAR_CELLS) -> Content:
    """The share of deliveries that went well, with the line under which BigCommerce blocks the domain."""
    line = int(cells * RATIO_LINE)
    filled = 0 if ratio is None else round(ratio * cells)
    parts: list[Content] = []
    for start, end in ((0, line), (line + 1, cells)):
        full = max(0, min(filled, end) - start)
        parts.append(Content.styled("━" * full, style))
        parts.append(Content.styled("─" * (end - start - full), RULE))
        if end == line:
            parts.append(Content.styled("┃", "bold"))
    return Content("").join(parts)


def ago(now: datetime, then: datetime) -> str:
    """`22 s ago`, `just now`."""
    return "just now" if now - then < timedelta(seconds=1) else f"{text.age(now, then)} ago"


def health_lines(
    found: WebhookOverview, now: datetime, width: int, *, hint: str = "", busy: str = "", short: bool = False
) -> Content:
    """The lines of the panel. `hint`: the key that helps; `busy`: what is being done; `short`: for a low terminal."""
    lines = [_headline(found, now, hint, busy), *_story(found, now, width, _TROUBLES_IF_SHORT if short else _TROUBLES)]
    if not short:
        lines.append(Content(""))
    lines += [_ratio(found), _acks(found), _clock(found, now), _missed(found), _refused(found)]
    return Content("\n").join(lines)


def _headline(found: WebhookOverview, now: datetime, hint: str, busy: str) -> Content:
    parts = [text.state(found.state.value)]
    if found.since is not None:
        parts.append(Content.styled(f"   for {text.age(now, found.since)}", DIM))
    if found.looked_at is not None:
        parts.append(Content.styled(f"   looked at {ago(now, found.looked_at)}", DIM))
    if busy or hint:
        parts.append(Content.styled(f"   {busy or hint}", "$accent"))
    return Content("").join(parts)


def _story(found: WebhookOverview, now: datetime, width: int, most: int) -> list[Content]:
    """What is wrong, each with what to do; what was done last."""
    lines: list[Content] = []
    for trouble in found.troubles[:most]:
        if trouble.mended_at is None:
            lines += paragraph(trouble.text, width)
        else:
            was = f"{trouble.text[:1].lower()}{trouble.text[1:]}"
            lines += paragraph(f"Put right {ago(now, trouble.mended_at)}. What was wrong: {was}", width, lead="✓ ")
        lines += paragraph(trouble.remedy, width, lead="→ ") if trouble.remedy else []
    if (more := len(found.troubles) - most) > 0:
        lines.append(Content.styled(f"… and {more} more; bcifs status tells all", DIM))
    if found.action:
        lines.append(_labelled("Last done", Content(safe_text(found.action))))
    return lines


def _labelled(label: str, value: Content) -> Content:
    return Content.assemble((f"{label:<{_LABEL_CELLS}}", DIM), value)


def _ratio(found: WebhookOverview) -> Content:
    window = found.window
    is_good = window.ratio is not None and window.ratio >= RATIO_LINE
    # Under a hundred of them BigCommerce does not count, so what went wrong is no alarm.
    style = GOOD if is_good else WARN if window.total < RATIO_FLOOR else BAD
    if window.ratio is None:
        said = Content.styled("no delivery within two minutes", DIM)
    else:
        said = Content(f"{_percent(window.good / window.total)} of {window.total:,}")
        if window.total < RATIO_FLOOR:
            said += Content.styled(f" · counts from {RATIO_FLOOR} on", DIM)
        elif window.ratio < RATIO_LINE:
            said += Content.styled(f" · under {_percent(RATIO_LINE)} BigCommerce blocks us", f"bold {BAD}")
    return _labelled("2 minutes", Content.assemble(ratio_bar(window.ratio, style), "  ", said))


def _acks(found: WebhookOverview) -> Content:
    """How fast the listener answers. BigCommerce allows seconds: what is slow here is the disk."""
    if found.ack is None:
        return _labelled("Answers", Content.styled("none within five minutes", DIM))
    said = f"p50 {found.ack.p50_ms:,.1f} ms · p99 {found.ack.p99_ms:,.1f} ms"
    return _labelled("Answers", Content.assemble(said, (f"   {found.ack.number:,} in five minutes", DIM)))


def _clock(found: WebhookOverview, now: datetime) -> Content:
    if found.failing_since is None or found.gives_up_at is None:
        return _labelled("48 hours", Content.styled("not running: nothing fails", DIM))
    left = found.gives_up_at - now
    since = f"deliveries have failed for {_span(now - found.failing_since)}"
    if left <= timedelta(0):
        return _labelled("48 hours", Content.assemble(since, (" · given up by BigCommerce", f"bold {BAD}")))
    style = f"bold {BAD}" if left < timedelta(hours=6) else WARN
    until = f"given up in {_span(left)}"
    return _labelled("48 hours", Content.assemble(since, " · ", (until, style)))


def _span(span: timedelta) -> str:
    """A part of the 48 hours: `47 h`, never `1 d`."""
    hours = int(span.total_seconds() // 3600)
    return f"{hours} h" if hours else f"{int(span.total_seconds() // 60)} min"


def _missed(found: WebhookOverview) -> Content:
    if found.miss_rate is None:
        said = Content.styled("nothing compared with the poll yet", DIM)
    else:
        style = WARN if found.missed else GOOD
        compared = found.missed + found.heard
        said = Content.assemble((_percent(found.miss_rate), style), f" · {found.missed:,} of {compared:,} changes")
    came = f"   accepted {found.accepted:,} · repeated {found.duplicates:,}"
    return _labelled("Missed", Content.assemble(said, (came, DIM)))


def _refused(found: WebhookOverview) -> Content:
    if not found.refusals:
        return _labelled("Refused", Content.styled("none", DIM))
    parts = []
    for each in found.refusals:
        kind = each.kind.replace("_", " ")
        if each.recent:
            in_all = f", {each.total:,} in all" if each.total else ""
            parts.append(Content.assemble((f"{kind} {each.recent:,}", WARN), f" in 10 min{in_all}"))
        else:
            parts.append(Content.styled(f"{kind} {each.total:,} in all", DIM))
    return _labelled("Refused", Content(" · ").join(parts))


def _percent(share: float) -> str:
    """With a decimal where there is one. Nothing but all is 100 %, and nothing but none is 0 %."""
    tenths = min(max(round(share * 1000), share > 0), 1000 if share >= 1 else 999)
    return f"{tenths / 10:.0f} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


class WebhookHealthPanel(Static):
    """The panel of the connection that is chosen; `update` it with `health_lines`."""

    def __init__(self) -> None:
        super().__init__("", id="webhook-health", markup=False)
