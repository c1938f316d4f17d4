"""What needs a person, in the order in which it is worth doing: from the facts of the Overview to lines with a target.

Pure: no widget is known here. The most harmful comes first (nothing moves at all), then what holds orders back, most
orders first, then what only wants a look.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import Side
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store.views.jobs import Release
from bcifs_console.store.views.overview import ConnectionHealth, Overview, RedDay
from bcifs_console.store.views.problems import ProblemGroup

#: Buyers named in one line; the others are counted.
_NAMED: Final = 3
_SIDES: Final = {Side.BIGCOMMERCE: "BigCommerce", Side.IFS: "IFS"}
#: The word for what a person does about orders that wait for this reason.
_WORDS: Final = {
    Reason.MAPPING.value: "map",
    Reason.CUSTOMER.value: "decide",
    Reason.TOTALS.value: "totals",
    Reason.STATUS.value: "status",
    Reason.PERIOD.value: "period",
    Reason.CONFLICT.value: "conflict",
    Reason.UNKNOWN_OUTCOME.value: "unclear",
}


@dataclass(frozen=True, slots=True)
class Need:
    """One line of the list. `state` is a key of STATE_STYLE; `section` and `focus` are what Enter opens."""

    key: tuple[str, ...]  #: the same while it is the same need
    state: str
    word: str
    text: str
    remedy: str
    connection: str
    orders: int | None
    since: datetime | None
    section: str
    focus: Mapping[str, Any] = field(default_factory=dict)


def needs_of(found: Overview) -> list[Need]:
    """The needs, the most pressing first."""
    blocked = _orders_by_connection(found.groups, Reason.CUSTOMER.value)
    return [
        *_processes(found),
        *_paused(found.connections),
        *_stopped(found.stopped),
        *_questions(found, blocked),
        *_groups(found.groups, has_questions={each.connection_id for each in found.questions}),
        *_webhooks(found.connections),
        *_red_days(found.red_days),
    ]


def _processes(found: Overview) -> Iterator[Need]:
    for process in found.processes:
        if not process.is_up and found.connections:
            what = "No delivery is accepted" if process.name == "listener" else "No order is worked on"
            text = f"The {process.name} is down. {what}."
            yield Need(("down", process.name), "failed", "down", text, "Press s to start it.", "", None, None, "jobs")


def _paused(connections: Iterable[ConnectionHealth]) -> Iterator[Need]:
    for each in connections:
        for side, breaker in each.paused.items():
            yield Need(
                key=("breaker", str(each.id), side.value),
                state="failed",
                word="paused",
                text=f"{_SIDES[side]} is paused: {breaker.cause}",
                remedy=breaker.remedy,
                connection=each.name,
                orders=None,
                since=breaker.opened_at,
                section="jobs",
            )
        if (pause := each.by_hand) is not None:
            why = f" ({pause.note})" if pause.note else ""
            yield Need(
                key=("pause", str(each.id)),
                state="waiting",
                word="paused",
                text=f"Paused by {pause.actor}{why}; no order is taken up",
                remedy="P takes it up again.",
                connection=each.name,
                orders=None,
                since=pause.since,
                section="jobs",
            )


def _stopped(stopped: Iterable[Release]) -> Iterator[Need]:
    for release in stopped:
        yield Need(
            key=("stopped", str(release.connection_id), str(release.canary), release.title),
            state="failed",
            word="stopped",
            text=release.note,
            remedy=f"Put right what keeps order {release.canary}; the others follow once it is in IFS.",
            connection=release.connection,
            orders=release.waiting,
            since=release.since,
            section="jobs",
            focus={"page": "releases"},
        )


def _orders_by_connection(groups: Iterable[ProblemGroup], kind: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for each in groups:
        if each.kind == kind:
            found[each.group.connection_id] = found.get(each.group.connection_id, 0) + each.orders
    return found


def _questions(found: Overview, blocked: Mapping[int, int]) -> Iterator[Need]:
    for asked in found.questions:
        named = ", ".join(asked.buyers[:_NAMED])
        more = len(asked.buyers) - _NAMED
        who = f"{named} and {more} more" if more > 0 else named
        many = len(asked.buyers)
        yield Need(
            key=("questions", str(asked.connection_id)),
            state="waiting",
            word="decide",
            text=f"{'Who is this buyer' if many == 1 else f'Who are these {many} buyers'} in IFS? {who}",
            remedy="Choose the IFS customer, or make one; the orders go on by themselves.",
            connection=asked.connection,
            orders=blocked.get(asked.connection_id, 0),
            since=asked.since,
            section="decisions",
            focus={"connection_id": asked.connection_id},
        )


def _groups(groups: Iterable[ProblemGroup], *, has_questions: set[int]) -> Iterator[Need]:
    for each in groups:
        if each.kind == Reason.CUSTOMER.value and each.group.connection_id in has_questions:
            continue  # the line of the questions stands for them
        is_failed = each.kind not in _WORDS
        is_mapping = each.kind == Reason.MAPPING.value
        mapping_focus = {"connection_id": each.group.connection_id, "cause": each.group.cause}
        yield Need(
            key=("group", str(each.group.connection_id), each.kind, each.group.cause),
            state="failed" if is_failed else "waiting",
            word="failed" if is_failed else _WORDS[each.kind],
            text=each.error,
            remedy=each.remedy,
            connection=each.connection,
            orders=each.orders,
            since=each.since,
            section="mappings" if is_mapping else "jobs",
            focus=mapping_focus if is_mapping else {"page": "problems", "group": each.group},
        )


_SICK: Final = frozenset(WebhookState) - {WebhookState.HEALTHY, WebhookState.UNKNOWN}


def _webhooks(connections: Iterable[ConnectionHealth]) -> Iterator[Need]:
    for each in connections:
        if each.webhooks_registered and each.webhooks in _SICK:
            state, text, remedy = each.webhooks.value, each.webhooks_cause, "Look at them, and repair them there."
        elif not each.webhooks_registered:
            state, text, remedy = "waiting", "No webhooks are registered: orders come by poll only.", "Register them."
        else:
            continue
        yield Need(
            key=("webhooks", str(each.id)),
            state=state,
            word="webhooks",
            text=text,
            remedy=remedy,
            connection=each.name,
            orders=None,
            since=each.webhooks_since,
            section="webhooks",
            focus={"connection_id": each.id},
        )


def _red_days(days: Iterable[RedDay]) -> Iterator[Need]:
    for red in days:
        late = "; something of that day came since" if red.outdated else ""
        yield Need(
            key=("red", str(red.connection_id), red.day.isoformat()),
            state="red",
            word="books",
            text=f"{red.day:%d %b %Y} does not agree: {', '.join(red.kinds)}{late}",
            remedy="See which document is missing or differs, to the cent.",
            connection=red.connection,
            orders=None,
            since=None,
            section="ledger",
            focus={"connection_id": red.connection_id, "day": red.day, "page": "reconciliation"},
        )
