"""Looking again at orders that are in IFS and not settled, although nothing tells of a change (DESIGN §9).

When: `domain.revisits`, kept as each order's `look_at`. They are looked at without hurry: live orders go first, and the
budget leaves its reserve to them. So many only are due at a time that this never becomes a backlog.
"""

from typing import Final

import structlog

from bcifs_console.store import queue
from bcifs_console.sync.runtime import Runtime

#: Orders due in the background at a time.
_AT_ONCE: Final = 50
_log = structlog.get_logger(__name__)


async def revisit(runtime: Runtime, *, at_once: int = _AT_ONCE) -> int:
    """Make orders due whose time for another look has come; returns how many. Raises store errors."""
    marked = await runtime.database.write(lambda tx: queue.look_again(tx, runtime.id, at_once=at_once))
    if marked:
        _log.info("looking_again", connection=runtime.connection.name, orders=marked)
    return marked
