"""Pausing and resuming from a screen: the verb, what is said about it, and how it is taken back."""

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from bcifs_console.operations import pausing

if TYPE_CHECKING:
    from bcifs_console.console.app import ConsoleApp


async def pause_or_resume(
    desk: "ConsoleApp", connection_ids: Collection[int] | None, *, is_paused: bool, name: str = "everything"
) -> None:
    """Pause these connections (None: all), or resume them where `is_paused`. Raises ReadOnly and store problems."""
    verb, inverse = (pausing.resume, pausing.pause) if is_paused else (pausing.pause, pausing.resume)
    changed = await desk.gateway.act(partial(verb, connection_ids=connection_ids))
    if not changed:
        desk.say("Nothing to change: somebody else did it meanwhile.")
        return
    done = f"Resumed {name}" if is_paused else f"Paused {name}: looks under way are finished, deliveries accepted"
    desk.notify_done(done, partial(inverse, connection_ids=changed))
