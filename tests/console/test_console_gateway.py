"""Verbs under way when nobody waits for them any more: they close their connections before the console is gone."""

import asyncio

from bcifs_console.console.app import ConsoleApp
from bcifs_console.operations.context import Context
from tests.console.piloting import settle


class Verb:
    """An operation that never ends by itself, and closes with more than one step of the loop."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.is_closed = False

    async def __call__(self, _context: Context) -> None:
        try:
            self.began.set()
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.is_closed = True


async def test_a_console_that_ends_waits_for_a_verb_to_close(scene: Context) -> None:
    verb = Verb()
    app = ConsoleApp(scene)
    app.animation_level = "none"
    async with app.run_test() as pilot:
        await settle(pilot)
        app.run_worker(app.gateway.look(verb), group="forever-test")
        await verb.began.wait()
    assert verb.is_closed


async def test_a_verb_whose_asker_has_gone_is_ended(scene: Context) -> None:
    verb = Verb()
    app = ConsoleApp(scene)
    asking = asyncio.ensure_future(app.gateway.look(verb))
    await verb.began.wait()
    asking.cancel()
    await asyncio.wait([asking])
    await app.gateway.close()
    assert (asking.cancelled(), verb.is_closed) == (True, True)
