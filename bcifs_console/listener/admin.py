"""The admin application, for loopback only: alive, ready, metrics. Nothing here changes anything."""

import asyncio
from datetime import datetime

from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bcifs_console.base.metrics import CONTENT_TYPE, Metrics
from bcifs_console.base.problems import Problem
from bcifs_console.listener.state import Check, ListenerState
from bcifs_console.store import connections, intake, queue
from bcifs_console.store.errors import StoreProblem


def admin_app(state: ListenerState) -> Starlette:
    """`/healthz`, `/readyz` and `/metrics` (DESIGN §9)."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        reasons = await unready(state)
        return JSONResponse({"ready": not reasons, "reasons": reasons}, status_code=503 if reasons else 200)

    async def metrics(_request: Request) -> Response:
        await refresh(state)
        return Response(state.metrics.render(), headers={"content-type": CONTENT_TYPE})

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)],
    )


async def unready(state: ListenerState) -> dict[str, str]:
    """Why the service is not ready, by the name of the check; empty where it is."""
    names = list(state.checks)
    found = await asyncio.gather(*(_ask(state.checks[name], state.limits.check_s) for name in names))
    reasons = {name: reason for name, reason in zip(names, found, strict=True) if reason is not None}
    if not state.is_bound:
        reasons["public_socket"] = "The public socket is not open."
    return reasons


async def _ask(check: Check, limit_s: float) -> str | None:
    try:
        async with asyncio.timeout(limit_s):
            return await check()
    except TimeoutError:
        return f"No answer within {limit_s:g} s."
    except Problem as problem:
        return str(problem)


async def refresh(state: ListenerState) -> None:
    """Set the gauges that are read from the store. Where it does not answer they are absent, the others stand."""
    now = state.database.clock.now()
    metrics = state.metrics
    try:
        orders, oldest = await state.database.read(lambda conn: _gauges(conn, now))
    except StoreProblem:
        metrics.orders.clear()
        metrics.oldest_due_seconds.set(float("nan"))
        return
    _set_orders(metrics, orders)
    metrics.oldest_due_seconds.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)


def _gauges(conn: Connection, now: datetime) -> tuple[dict[tuple[str, str], int], datetime | None]:
    """Orders by `(connection name, state)`, and since when the oldest is due."""
    names = connections.all_names(conn)
    orders = {(names[connection_id], state): n for (connection_id, state), n in queue.states(conn).items()}
    return orders, intake.oldest_due(conn, now)


def _set_orders(metrics: Metrics, orders: dict[tuple[str, str], int]) -> None:
    metrics.orders.clear()  # a state that no order is in any more must not keep its last number
    for (name, state), count in orders.items():
        metrics.orders.labels(name, state).set(count)
