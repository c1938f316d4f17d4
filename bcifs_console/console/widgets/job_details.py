"""What stands beside or below the lists of the Jobs screen: the connections' strip, and one row in full."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from textual.content import Content

from bcifs_console.console import text
from bcifs_console.console.widgets.job_rows import progress, wanted_text
from bcifs_console.console.widgets.lines import DIM, EMPTY, Lines, facts, fit, heading, line, paragraph
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState, Side
from bcifs_console.store.views.jobs import BackfillView, Job, Jobs, Quota, Release
from bcifs_console.store.views.problems import FAILED, Group, ProblemGroup

_NAME: Final = 12
_QUOTA_CELLS: Final = 10
_SIDES: Final = ((Side.BIGCOMMERCE, "BigCommerce"), (Side.IFS, "IFS"))


# -- the connections -------------------------------------------------------------------------------------------------


def connection_lines(found: Jobs, now: datetime, width: int) -> Lines:
    """A line a connection: what is left of its calls, whether it works; the cause where a side is paused."""
    lines: Lines = []
    quotas = {quota.connection_id: quota for quota in found.quotas}
    for name, number in found.connections.items():
        paused = {breaker.side: breaker for breaker in found.breakers if breaker.connection_id == number}
        by_hand = next((pause for pause in found.pauses if pause.connection_id == number), None)
        signs = [
            Content.assemble((f"{title} ", DIM), text.state("failed", "paused") if side in paused else text.state("ok"))
            for side, title in _SIDES
        ]
        if by_hand is not None:
            since = text.age(now, by_hand.since)
            why = f": {by_hand.note}" if by_hand.note else ""
            signs.append(text.state("waiting", f"paused by {by_hand.actor}, {since}{why}"))
        shown = Content("   ").join([_quota(quotas[number]), *signs])
        lines.append(line((fit(name, _NAME), "bold"), shown).truncate(width, ellipsis=True))
        for side, title in _SIDES:
            if (breaker := paused.get(side)) is not None:
                since = text.age(now, breaker.opened_at)
                again = text.age(now, breaker.probe_at) if breaker.probe_at and breaker.probe_at > now else "now"
                told = f"{title} since {since}: {breaker.cause} Tried again {again}."
                lines.append(Content.styled(fit(" " * _NAME + told, width), "$text-error"))
    return lines


def _quota(quota: Quota) -> Content:
    if quota.left is None or not quota.of:
        return Content.assemble(("calls left ", DIM), (fit("not known yet", _QUOTA_CELLS + 10), DIM))
    filled = round(_QUOTA_CELLS * min(quota.left, quota.of) / quota.of)
    style = "$text-success" if quota.left * 4 > quota.of else "$text-warning"
    bar = Content.assemble(("━" * filled, style), ("━" * (_QUOTA_CELLS - filled), "$foreground 20%"))
    return Content.assemble(("calls left ", DIM), bar, fit(f" {quota.left:,}/{quota.of:,}", 10))


def backlog_line(found: Jobs) -> Content:
    """The whole numbers of the queue."""
    backlog = found.backlog
    pieces = [
        (f"{backlog.working:,}", "being worked on"),
        (f"{backlog.due:,}", f"due ({backlog.in_background:,} without hurry)" if backlog.in_background else "due"),
        (f"{backlog.planned:,}", "planned for later"),
    ]
    shown = [Content.assemble((number, "bold"), (f" {words}", DIM)) for number, words in pieces]
    return Content.styled("  ·  ", "$foreground 30%").join(shown)


# -- one row in full -------------------------------------------------------------------------------------------------


def problem_lines(group: ProblemGroup, now: datetime, width: int, *, retry: Release | None) -> Lines:
    """One group: what is wrong, what to do, what r does."""
    kind = "failed" if group.kind == FAILED else f"waiting: {group.kind}"
    lines = [heading(f"{group.orders:,} {_orders(group.orders)} {kind}", width)]
    lines += paragraph(group.error, width)
    lines += paragraph(group.remedy, width, style=DIM, lead="→ ")
    lines.append(EMPTY)
    if retry is not None:
        lines += release_lines(retry, now, width)[1:]
    else:
        lines += paragraph(f"r tries order {group.first_order} again{_then(group.orders - 1)}.", width, style=DIM)
    opens = "opens Decisions" if group.kind == Reason.CUSTOMER.value else "shows what is behind it"
    lines += paragraph(f"Enter {opens}.", width, style=DIM)
    lines.append(EMPTY)
    return lines + facts(
        [
            ("connection", group.connection),
            ("first seen", f"{group.since:%d %b %Y %H:%M}, {text.ago(now, group.since)}"),
            ("cause", group.group.cause),
        ],
        width,
    )


def _then(behind: int) -> str:
    if not behind:
        return ""
    return f"; {behind:,} {'more follows' if behind == 1 else 'more follow'} once it is in IFS"


def release_lines(release: Release, now: datetime, width: int) -> Lines:
    """One release or retry."""
    lines = [heading(release.title, width)]
    if release.is_stopped:
        lines += paragraph(f"✗ stopped: {release.note}", width, style="$text-error")
        rest = f"{release.waiting:,} {_orders(release.waiting)} wait behind it."
        what = "r tries again, x gives it up." if release.group else "They follow once it is in IFS."
        lines += paragraph(f"{rest} {what}", width, style=DIM)
    elif release.canary is None:
        lines += paragraph("Who waits for it is being found out.", width)
    else:
        told = f"◑ order {release.canary} goes first{_then(release.waiting)}."
        lines += paragraph(told, width, style="$text-primary")
        if release.group is not None:
            lines += paragraph("x lets none of the others go.", width, style=DIM)
    asked = f"{release.actor}, {text.ago(now, release.since)}"
    return lines + facts([("asked by", asked), ("connection", release.connection)], width)


def job_lines(job: Job, now: datetime, width: int) -> Lines:
    """One order of the queue."""
    lines = [heading(f"Order {job.order_id}", width)]
    if job.error:
        lines += paragraph(job.error, width)
    is_working = job.state == OrderState.WORKING.value
    when = "lease runs out" if is_working else "next attempt" if job.at > now else "due since"
    rows = [
        (when, f"{job.at:%d %b %H:%M:%S} UTC"),
        ("tries", f"{job.attempts} without success" if job.attempts else "none failed"),
        ("hurry", "none: live orders go first" if job.background else "live"),
    ]
    if job.reason:
        rows.append(("reason", job.reason.replace("_", " ")))
    if job.owner:
        rows.append(("worker", job.owner))
    lines += facts([*rows, ("connection", job.connection)], width)
    lines.append(EMPTY)
    return lines + paragraph("r looks at it now. Enter opens it.", width, style=DIM)


def backfill_lines(view: BackfillView, now: datetime, width: int) -> Lines:
    """One backfill."""
    lines = [heading(f"Backfill {view.id}: {wanted_text(view)}", width)]
    lines.append(progress(view.done, view.total))
    lines.append(EMPTY)
    ended = text.ago(now, view.ended_at) if view.ended_at else "still reading"
    rows = [
        ("started", text.ago(now, view.started_at)),
        ("lists read", ended),
        ("orders seen", f"{view.seen:,}"),
        ("orders named", f"{view.marked:,}"),
    ]
    rows += [(state.value, f"{number:,}") for state, number in view.states.items()]
    return lines + facts([*rows, ("connection", view.connection)], width)


def retries_by_group(found: Jobs) -> Mapping[Group, Release]:
    """The retries under way or stopped, by their group."""
    return {release.group: release for release in found.releases if release.group is not None}


def _orders(number: int) -> str:
    return "order" if number == 1 else "orders"


#: Lays out one row in full at a width.
Detail = Callable[[int], Lines]
