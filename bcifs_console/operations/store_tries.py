"""What is tried of a store before a connection relies on it: by `connection test`, and while one is being set up."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bcifs_console.base.problems import Problem
from bcifs_console.sync.runtime import Runtime

_LARGEST_SKEW_S: Final = 60


@dataclass(frozen=True, slots=True)
class Try:
    """One thing to try. `ask` says what was found, and raises a Problem where it does not work."""

    name: str
    ask: Callable[[Runtime], Awaitable[str]]
    scope: str = ""  #: which of the store's scopes it proves


def store_tries(*, movements: bool) -> Iterator[Try]:
    """The most basic first. `movements`: also what only payments take, for a connection that makes vouchers."""
    yield Try("store", _store)
    yield Try("orders", _orders, "store_v2_orders_read_only")
    if movements:
        yield Try("transactions", _transactions, "store_v2_transactions_read_only")
    yield Try("customers", _customers, "store_v2_customers_read_only")
    yield Try("webhooks", _webhooks)


async def _store(runtime: Runtime) -> str:
    info = await runtime.store.store()
    return f"{info.name}, {info.currency}, {info.time_zone}"


async def _orders(runtime: Runtime) -> str:
    await runtime.store.probe()
    return "orders can be read"


async def _transactions(runtime: Runtime) -> str:
    await runtime.store.probe(movements=True)
    return "transactions can be read"


async def _customers(runtime: Runtime) -> str:
    await runtime.store.customer(1)
    return "customers can be read"


async def _webhooks(runtime: Runtime) -> str:
    return f"{len(await runtime.store.hooks())} of this API account there"


async def _clock(runtime: Runtime) -> str:
    skew = abs((await runtime.store.time() - runtime.clock.now()).total_seconds())
    if skew > _LARGEST_SKEW_S:
        raise Problem(f"This machine's clock is {skew:.0f} s off the store's.", remedy="Synchronise the clock.")
    return f"{skew:.0f} s apart"


#: Of this machine, not of the store: no answer that is given while setting up can be at fault.
CLOCK: Final = Try("clock", _clock)
