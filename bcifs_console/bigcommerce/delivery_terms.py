"""BigCommerce's terms for webhook deliveries as numbers (facts §2.1, §2.5): what is tried again, blocked, given up.

Pure. What our own webhooks have come to is in `sync.diagnosis`.
"""

from datetime import timedelta
from itertools import accumulate
from typing import Final

#: Nobody documents it; measured between 9 and 12 seconds. Answered later than this, a delivery may count as failed.
ACKNOWLEDGE_WITHIN_S: Final = 9.0

#: Seconds from each attempt to the next; after the last the hook is deactivated.
RETRY_DELAYS_S: Final = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400)
#: The attempts, counted from the first.
ATTEMPTS_AFTER: Final = tuple(timedelta(seconds=seconds) for seconds in accumulate(RETRY_DELAYS_S))
#: 48 hours and 4 minutes after its first failure an event takes its hook along.
GIVES_UP_AFTER: Final = ATTEMPTS_AFTER[-1]

#: Without activity for so long a hook is deactivated.
IDLE_AFTER: Final = timedelta(days=90)

#: A domain that answers less than this share well, of at least so many requests in so long, is blocked.
RATIO_LINE: Final = 0.9
RATIO_FLOOR: Final = 100
RATIO_WINDOW: Final = timedelta(minutes=2)


def attempted_again_by(failing: timedelta) -> timedelta:
    """When, after its first failure, an event is tried for the first time later than `failing`: by then it is through
    where nothing fails any more. Past the last attempt it is `failing` itself."""
    return next((after for after in ATTEMPTS_AFTER if after > failing), failing)
