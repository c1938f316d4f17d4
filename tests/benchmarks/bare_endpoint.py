"""The yardstick for acknowledgements: a bare Starlette endpoint that checks the same signature and answers 200.

`python -m tests.benchmarks.bare_endpoint`; the first line on stdin holds the secrets, the answer is its port. Written
as Starlette's documentation has it, under the uvicorn settings of our listener, and with nothing behind it.
"""

from __future__ import annotations

import json
import socket
import sys
from datetime import UTC, datetime
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.scopes import HOOK_HEADER
from bcifs_console.bigcommerce.signatures import Refused, Scheme, Verifier


def application(said: dict[str, Any]) -> Starlette:
    verifier = Verifier(
        client_secrets=[Secret(said["client_secret"])],
        schemes=list(Scheme),
        hook_secrets=[Secret(said["hook_secret"])],
        hook_header=HOOK_HEADER,
        tolerance_s=300,
    )

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        verdict = verifier.check(request.headers.raw, body, datetime.now(UTC))
        return Response(status_code=401 if isinstance(verdict, Refused) else 200)

    return Starlette(routes=[Route("/webhooks/bigcommerce/{token}", endpoint, methods=["POST"])])


def main() -> None:
    said = json.loads(sys.stdin.readline())
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.listen(2048)
    config = uvicorn.Config(
        application(said),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=513,
        timeout_keep_alive=75,
    )
    sys.stdout.write(json.dumps({"port": sock.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    uvloop.run(uvicorn.Server(config).serve(sockets=[sock]))


if __name__ == "__main__":
    main()
