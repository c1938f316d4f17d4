"""The token endpoint (Keycloak's shapes) and the tokens it has given out."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.faults import Faults
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.options import Credentials
from bcifs_console.simulator.web import Reply, Request, json_reply

_SCOPE = "openid audience microprofile-jwt profile email"


class Tokens:
    def __init__(self, keys: Credentials, clock: Clock, faults: Faults, lifetime: int) -> None:
        self._realm = keys.realm
        self._clock = clock
        self._faults = faults
        self.lifetime = lifetime
        self.secrets = {keys.ifs_client_id: keys.ifs_client_secret}
        self._live: dict[str, float] = {}
        self.issued = 0

    def respond(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if len(parts) < 3 or parts[2] != self._realm:
            return json_reply({"error": "Realm does not exist"}, 404)
        if parts[3:] != ["protocol", "openid-connect", "token"]:
            return json_reply({"error": "HTTP 404 Not Found"}, 404)
        if request.method != "POST":
            return json_reply({"error": "HTTP 405 Method Not Allowed"}, 405)
        fields = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if fields.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "Unsupported grant_type")
        secret = self.secrets.get(fields.get("client_id", ""))
        # The secret travels in the body; HTTP Basic is not accepted for integrations.
        if secret is None or fields.get("client_secret") != secret:
            return _refused(401, "invalid_client", "Invalid client or Invalid client credentials")
        return json_reply(self._issue(fields["client_id"]))

    def _issue(self, client: str) -> Json:
        self.issued += 1
        now = self._clock.seconds()
        self._live = {token: ends for token, ends in self._live.items() if ends > now}
        token = hashlib.sha256(f"{client}/{self.issued}/{now}".encode()).hexdigest()
        lifetime = self._faults.token_lifetime or self.lifetime
        self._live[token] = now + lifetime
        return {
            "access_token": token,
            "expires_in": lifetime,
            "refresh_expires_in": 1800,
            "refresh_token": f"r-{token[:16]}",
            "token_type": "Bearer",
            "id_token": f"i-{token[:16]}",
            "not-before-policy": 0,
            "session_state": f"{token[:8]}-{token[8:12]}-4{token[12:15]}-a{token[15:18]}-{token[18:30]}",
            "scope": _SCOPE,
        }

    def valid(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._live.get(token, 0.0) > self._clock.seconds()

    def revoke_all(self) -> None:
        self._live.clear()

    def state(self) -> Json:
        now = self._clock.seconds()
        return {"issued": self.issued, "live": sum(1 for ends in self._live.values() if ends > now)}


def _refused(status: int, error: str, description: str) -> Reply:
    return json_reply({"error": error, "error_description": description}, status)
