"""`Dispatcher`: what the worker needs of an engine."""

from collections.abc import Collection
from typing import Protocol

from bcifs_console.domain.states import Claim


class Dispatcher(Protocol):
    """Hands out due orders and sleeps until there may be more. A lost, doubled or late bell is harmless."""

    async def claim(self, limit: int, paused: Collection[int], *, background: int | None = None) -> list[Claim]:
        """Lease up to `limit` due orders, none of a connection in `paused`; at most `background` without hurry."""
        ...

    async def wait(self, paused: Collection[int], *, background: bool = True) -> None:
        """Return when an order may be due: the bell rang, a `due_at` or a lease ran out, or `wake` was called.

        Without `background` the orders without hurry are left out: there is no room for them now.
        """
        ...

    def wake(self) -> None:
        """End a `wait` at once; callable from any thread."""
        ...

    async def close(self) -> None:
        """Stop listening for bells."""
        ...
