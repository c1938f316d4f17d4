"""What both fakes do around a call: count it, delay it, let it fail as the faults say, keep `/_sim` out of that."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Protocol

from bcifs_console.simulator.faults import Fault, Faults
from bcifs_console.simulator.web import HangUp, Reply, Request

HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n"
)

_IDS = re.compile(r"\([^)]*\)|(?<=/)\d+(?=/|$)")


class Side(Protocol):
    """One fake: it answers at once (`respond` is a single step, thus atomic), and knows its own fault bodies."""

    name: str

    def respond(self, request: Request) -> Reply: ...

    async def control(self, request: Request) -> Reply: ...

    def fault_reply(self, fault: Fault, request: Request) -> Reply | None: ...


class Front:
    def __init__(self, side: Side, faults: Faults, latency_ms: int) -> None:
        self._side = side
        self._faults = faults
        self.latency = latency_ms / 1000
        self.calls: Counter[str] = Counter()

    async def handle(self, request: Request) -> Reply:
        if request.path.startswith("/_sim"):
            return await self._side.control(request)
        self.calls["total"] += 1
        self.calls[f"{request.method} {_IDS.sub('{}', request.path)}"] += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        action = "/IfsApp." in request.path and request.method == "POST"
        fault = self._faults.pick(self._side.name, request.method, request.path, action)
        if fault is None:
            return self._side.respond(request)
        return await self._failing(fault, request)

    async def _failing(self, fault: Fault, request: Request) -> Reply:
        if fault.do == "slow":
            await asyncio.sleep(fault.seconds)
            return self._side.respond(request)
        if fault.do == "drop_before":
            raise HangUp
        if fault.do in ("drop_after_commit", "hang_after_commit", "status_after_commit", "no_content"):
            return await self._after(fault, request)
        if fault.do == "html_502":
            return Reply(502, HTML_502, content_type="text/html")
        reply = self._side.fault_reply(fault, request) if not fault.body else None
        if reply is None:
            reply = Reply(fault.status, fault.body.encode(), content_type="text/plain")
            if fault.body[:1] in ("{", "["):
                reply.content_type = "application/json"
        reply.headers.extend(fault.headers.items())
        return reply

    async def _after(self, fault: Fault, request: Request) -> Reply:
        reply = self._side.respond(request)
        if fault.do == "no_content":
            return Reply(204) if reply.status == 201 else reply
        if fault.do == "status_after_commit":
            return Reply(fault.status, fault.body.encode(), list(fault.headers.items()), "text/plain")
        if fault.do == "hang_after_commit":
            await asyncio.sleep(fault.seconds or 3600)
        raise HangUp
