"""`/_sim` on both ports: what is common to the two sides. Knows each side only through a small protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from bcifs_console.simulator.clock import Clock, iso_z
from bcifs_console.simulator.faults import BadScript, Faults
from bcifs_console.simulator.money import Json, decimal_of
from bcifs_console.simulator.serving import Front
from bcifs_console.simulator.web import BadJson, Reply, Request, json_reply


class ControlRefused(ValueError):
    """A control request that makes no sense."""


class Controlled(Protocol):
    name: str

    async def own_control(self, request: Request, name: str) -> Reply | None: ...

    def knobs(self, settings: Json) -> None: ...


def whole(body: Json, name: str, default: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ControlRefused(f"{name} must be a whole number, 0 or more")
    return value


def only_of(request: Request) -> frozenset[str] | None:
    """`?only=orders,refunds`: the parts of a state that are wanted; None for all of it."""
    text = request.query.get("only")
    return None if text is None else frozenset(filter(None, text.split(",")))


def picked(parts: Mapping[str, Callable[[], object]], only: frozenset[str] | None) -> Json:
    unknown = sorted((only or frozenset()) - set(parts))
    if unknown:
        raise ControlRefused(f"the state has no part {unknown[0]!r}")
    return {name: part() for name, part in parts.items() if only is None or name in only}


class Controls:
    def __init__(
        self,
        clock: Clock,
        faults: Faults,
        advance: Callable[[float], Awaitable[None]],
        set_quota: Callable[[int | None], None],
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._advance = advance
        self._set_quota = set_quota
        self.fronts: dict[str, Front] = {}
        self.sides: dict[str, Controlled] = {}

    def calls(self, side: str) -> Json:
        return dict(self.fronts[side].calls)

    async def respond(self, side: Controlled, request: Request) -> Reply:
        name = request.path.removeprefix("/_sim").strip("/")
        try:
            reply = await side.own_control(request, name)
            return await self._common(request, name) if reply is None else reply
        except (ControlRefused, BadScript, BadJson, KeyError, TypeError, AttributeError) as error:
            return json_reply({"error": f"{type(error).__name__}: {error}"}, 400)

    async def _common(self, request: Request, name: str) -> Reply:
        match request.method, name:
            case "POST", "advance":
                seconds = decimal_of(request.json().get("seconds"))
                if seconds is None or seconds < 0:
                    raise ControlRefused("seconds must be a number, 0 or more")
                await self._advance(float(seconds))
                return json_reply({"now": iso_z(self._clock.now())})
            case "POST", "faults":
                return json_reply(self._set_faults(request.json()))
            case "POST", "set":
                self._set(request.json())
                return json_reply({"ok": True})
        return json_reply({"error": "no such control"}, 404)

    def _set_faults(self, body: Json) -> Json:
        if "profile" in body:
            self._faults.use(body["profile"])
        if "script" in body:
            self._faults.script.clear()
            self._faults.add_script(body["script"])
        if body.get("clear"):
            self._faults.script.clear()
        return {"profile": self._faults.profile, "script": len(self._faults.script)}

    def _set(self, body: Json) -> None:
        for name, value in body.items():
            if name == "quota":
                self._set_quota(None if value is None else whole(body, "quota", 0))
            elif name == "latency_ms":
                for front in self.fronts.values():
                    front.latency = float(value) / 1000
            elif name in self.sides:
                self.sides[name].knobs(value)
            else:
                raise ControlRefused(f"there is no knob {name!r}")
