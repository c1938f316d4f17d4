"""Trying out the way to us: a delivery of ours to our own public address, signed as BigCommerce signs, that means
nothing; and an alert to every channel. What arrives of real deliveries is `hooks.status`."""

import hmac
import json
import secrets
from base64 import b64encode
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from bcifs_console.bigcommerce.delivery_terms import ACKNOWLEDGE_WITHIN_S
from bcifs_console.bigcommerce.scopes import HOOK_HEADER
from bcifs_console.domain.connections import Connection
from bcifs_console.operations.context import Context
from bcifs_console.store import connections
from bcifs_console.sync.alerts import apprise_channels
from bcifs_console.sync.hook_look import destinations_of

#: An event that names no order: it is answered 200 and makes no work (DESIGN §9).
_SCOPE: Final = "store/information/updated"
_HTTPS_PORT: Final = 443

#: What an answer of our own address means, and what to do.
_ANSWERS: Final = {
    401: (
        "our listener, or something before it, does not accept the signature or the secret header",
        "See what was refused: bcifs status. A proxy must pass all headers and the body as they are.",
    ),
    403: ("it is refused before or at our listener", "See whether a firewall or the proxy stands before it."),
    404: (
        "there is no listener of this installation at the address",
        "Check public_url, the proxy's path /webhooks/bigcommerce/ and that bcifs serve runs with this home.",
    ),
    405: ("POST is not allowed there", "Check the proxy."),
    413: ("a proxy limits bodies to less than an event", "Let it pass 64 KB."),
    502: ("the proxy does not reach our listener", "Run: bcifs serve; check the port in the proxy's settings."),
    503: ("our listener cannot store it", "Look at the disk and the database: bcifs db check"),
}


async def trial(context: Context, connection: str | None) -> list[dict[str, Any]]:
    """Deliver one harmless event to each public address of the connection. `verdict`: ok or failed; never raises
    for what the network does."""
    connection_id = context.connection_id(connection)
    loaded = context.store.database.read_sync(lambda conn: connections.load(conn, context.store.vault, connection_id))
    rows = []
    async with httpx.AsyncClient(timeout=ACKNOWLEDGE_WITHIN_S, follow_redirects=False) as client:
        for destination in dict.fromkeys(destinations_of(loaded).values()):
            verdict, detail, remedy, elapsed_ms = await _deliver(context, loaded, client, destination)
            rows.append(
                {
                    "connection": loaded.name,
                    "destination": destination,
                    "verdict": verdict,
                    "detail": detail,
                    "remedy": remedy,
                    "elapsed_ms": elapsed_ms,
                }
            )
    return rows


async def _deliver(
    context: Context, connection: Connection, client: httpx.AsyncClient, destination: str
) -> tuple[str, str, str, float | None]:
    url = urlsplit(destination)
    if url.scheme == "https" and url.port not in (None, _HTTPS_PORT):
        return "failed", f"BigCommerce delivers to port 443 only, not to {url.port}.", "Correct public_url.", None
    body, headers = signed(connection, int(context.clock.now().timestamp()))
    began = context.clock.monotonic()
    try:
        answer = await client.post(destination, content=body, headers=headers)
    except httpx.TimeoutException:
        remedy = "BigCommerce waits about as long; look at the proxy and the machine."
        return "failed", f"No answer within {ACKNOWLEDGE_WITHIN_S:.0f} s.", remedy, None
    except httpx.HTTPError as error:
        remedy = "Check the name in public_url, the certificate (public, with its chain) and that bcifs serve runs."
        return "failed", f"It cannot be reached: {error or type(error).__name__}.", remedy, None
    elapsed_ms = round((context.clock.monotonic() - began) * 1000, 1)
    if answer.is_success:
        return "ok", f"answered {answer.status_code} after {elapsed_ms:.0f} ms", "", elapsed_ms
    if answer.is_redirect:
        remedy = "BigCommerce follows no redirects: let public_url be the address it leads to."
        return "failed", f"Answered {answer.status_code}: it leads elsewhere.", remedy, elapsed_ms
    meaning, remedy = _ANSWERS.get(answer.status_code, ("that is no answer of ours", "Look at the proxy."))
    return "failed", f"Answered {answer.status_code}: {meaning}.", remedy, elapsed_ms


def signed(connection: Connection, at: int) -> tuple[bytes, dict[str, str]]:
    """A body and headers as BigCommerce would send them (facts §2.4)."""
    digest = secrets.token_hex(20)
    event = {
        "producer": f"stores/{connection.bigcommerce.store_hash}",
        "hash": digest,
        "created_at": at,
        "store_id": "0",
        "scope": _SCOPE,
        "data": {"type": "store"},
    }
    body = json.dumps(event, separators=(",", ":")).encode()
    key = connection.bigcommerce.client_secret.reveal().encode()
    headers = {"content-type": "application/json", HOOK_HEADER: connection.hook_secret.reveal()}
    if "standard_webhooks" in connection.bigcommerce.signature_schemes:
        mac = hmac.digest(key, f"{digest}.{at}.".encode() + body, "sha256")
        headers |= {
            "webhook-id": digest,
            "webhook-timestamp": str(at),
            "webhook-signature": f"v1,{b64encode(mac).decode()}",
        }
    else:
        headers["X-BC-Signature"] = hmac.digest(key, body, "sha256").hex()
    return body, headers


async def try_alerts(context: Context) -> list[dict[str, Any]]:
    """Send an alert that means nothing to every channel. Raises AlertsUnavailable."""
    urls = context.settings.alert_urls.split()
    if not urls:
        detail, remedy = "No alert URLs are set.", "Set alert_urls in settings.toml or BCIFS_ALERT_URLS."
        return [{"check": "alerts", "verdict": "failed", "detail": detail, "remedy": remedy}]
    send = apprise_channels(urls)
    went_out = await send("bcifs: a test", "This is how a change of the webhooks' health is told.", "test")
    return [
        {
            "check": "alerts",
            "verdict": "ok" if went_out else "failed",
            "detail": f"{len(urls)} channels" if went_out else "A channel did not take it.",
            "remedy": "" if went_out else "Try each URL with Apprise's own command line.",
        }
    ]
