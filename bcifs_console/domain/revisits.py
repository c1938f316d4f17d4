"""When an order is looked at again although nothing tells of a change.

Whether transactions, tracking or partial refunds move an order's `date_modified`, or send an event, is undocumented
(facts §3.8, §4). So an order that is in IFS and not settled is looked at again after an hour, after six, then daily,
for sixty days (DESIGN §9). Pure.
"""

from datetime import datetime, timedelta
from typing import Final

_EARLY: Final = (timedelta(hours=1), timedelta(hours=6))
_DAY: Final = timedelta(days=1)
_LAST: Final = timedelta(days=60)


def next_look(since: datetime, now: datetime) -> datetime | None:
    """The first moment after `now` at which an order that came into IFS at `since` is due for another look; None: never
    again."""
    age = now - since
    for wait in _EARLY:
        if age < wait:
            return since + wait
    days = age // _DAY + 1
    return since + days * _DAY if days * _DAY <= _LAST else None
