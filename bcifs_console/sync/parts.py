"""Which sales parts IFS has: asked once per part and remembered for a while, so that it costs no call per order."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from bcifs_console.base.clock import Clock
from bcifs_console.ifs.client import IfsClient

_REMEMBERED: Final = timedelta(minutes=10)


class KnownParts:
    """The parts seen lately. Only what exists is remembered: what is missing may be created any moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, datetime] = {}

    async def missing(self, ifs: IfsClient, contract: str, wanted: Collection[str]) -> set[str]:
        """Those of `wanted` that site `contract` does not have. Raises IFS errors."""
        now = self._clock.now()
        unsure = {part for part in wanted if self._seen.get(part, now - _REMEMBERED) <= now - _REMEMBERED}
        if not unsure:
            return set()
        found = await ifs.sales_parts(contract, sorted(unsure))
        for part in found:
            self._seen[part] = now
        return unsure - set(found)
