"""The IFS port: tokens, permissions, the projections, and `/_sim`."""

from __future__ import annotations

from collections.abc import Callable

from bcifs_console.simulator.clock import Clock, iso_z
from bcifs_console.simulator.control import ControlRefused, Controls, only_of, picked
from bcifs_console.simulator.faults import Fault, Faults
from bcifs_console.simulator.ifs import periods, tampering
from bcifs_console.simulator.ifs.company import Company
from bcifs_console.simulator.ifs.errors import IfsError, Ora, bad_body, unknown_projection
from bcifs_console.simulator.ifs.odata import OData, stale
from bcifs_console.simulator.ifs.projections import PROJECTIONS
from bcifs_console.simulator.ifs.schema import Projection
from bcifs_console.simulator.ifs.tokens import Tokens
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.options import Credentials, SimulatorOptions
from bcifs_console.simulator.web import BadJson, Reply, Request, json_reply

_LAYER = "/main/ifsapplications/projection/v1/"


class IfsSide:
    name = "ifs"

    def __init__(self, options: SimulatorOptions, keys: Credentials, clock: Clock, faults: Faults) -> None:
        self._keys = keys
        self._clock = clock
        self._faults = faults
        self.company = Company(clock)
        self.tokens = Tokens(keys, clock, faults, options.token_lifetime)
        self._odata = OData(self.company)
        self._revoked: set[str] = set()
        self._hidden: set[str] = set()
        self._controls: Controls | None = None
        self._database_error_status = 400
        self._url = ""

    def attach(self, controls: Controls, url: str) -> None:
        self._controls = controls
        self._url = url

    def respond(self, request: Request) -> Reply:
        if request.path.startswith("/auth/realms/"):
            return self.tokens.respond(request)
        if not request.path.startswith(_LAYER):
            # Other layers (`/int`) do not hold these projections.
            return Reply(404)
        if not self.tokens.valid(request):
            return Reply(401, headers=[("WWW-Authenticate", "Bearer")])
        name, dot, rest = request.path[len(_LAYER) :].partition(".svc")
        projection = PROJECTIONS.get(name)
        try:
            if projection is None or not dot or name in self._hidden:
                raise unknown_projection()
            return self._granted(request, projection, rest.strip("/"))
        except Ora as error:
            error.status = self._database_error_status
            return error.reply()
        except IfsError as error:
            return error.reply()
        except BadJson:
            return bad_body("DESERIALIZER_SYNTAX", "The body is not valid JSON.").reply()

    def _granted(self, request: Request, projection: Projection, rest: str) -> Reply:
        # `$metadata` may be readable while the data is not (seen in recordings).
        if projection.name in self._revoked and rest != "$metadata":
            return Reply(403, b"Insufficient privileges.", content_type="text/plain")
        return self._odata.respond(request, projection, rest, f"{self._url}{_LAYER}{projection.name}.svc/")

    def fault_reply(self, fault: Fault, request: Request) -> Reply | None:
        if request.path.startswith("/auth/"):
            return Reply(fault.status if fault.do == "status" else 503, b"", content_type="text/plain")
        match fault.do:
            case "stale":
                return stale().reply()
            case "locked":
                return Ora(20113, "CustomerOrder.FND_LOCKED", "The record is locked by another user.").reply()
            case "too_many" | "too_many_bare":
                # A gateway in front of IFS; IFS itself has no rate limit.
                return Reply(429, headers=[("Retry-After", "1")])
            case "status":
                if fault.status == 500:
                    return Ora(20100, "System.GENERAL", "A system error occurred.").reply()
                return Reply(fault.status, b"Service Unavailable", content_type="text/plain")
        return None

    async def control(self, request: Request) -> Reply:
        if self._controls is None:
            return Reply(503)
        return await self._controls.respond(self, request)

    async def own_control(self, request: Request, name: str) -> Reply | None:
        match request.method, name:
            case "GET", "state":
                return json_reply(self.state(only_of(request)))
            case "POST", "vouchers":
                return json_reply(tampering.vouchers(self.company.vouchers, request.json()))
            case "POST", "customer_orders":
                return json_reply(tampering.customer_order(self.company.orders, request.json()))
        return None

    def state(self, only: frozenset[str] | None = None) -> Json:
        parts: dict[str, Callable[[], object]] = {
            **self.company.truth(),
            "tokens": self.tokens.state,
            "calls": lambda: {} if self._controls is None else self._controls.calls(self.name),
            "faults": lambda: dict(self._faults.counts),
            "now": lambda: iso_z(self._clock.now()),
        }
        return picked(parts, only)

    def knobs(self, settings: Json) -> None:
        """`/_sim/set`, the part under `ifs`."""
        for name, value in settings.items():
            match name:
                case "revoke_grants":
                    self._revoked = {str(projection) for projection in value}
                case "hidden_projections":
                    self._hidden = {str(projection) for projection in value}
                case "client_secret":
                    self.tokens.secrets[self._keys.ifs_client_id] = str(value)
                case "token_lifetime":
                    self.tokens.lifetime = int(value)
                case "expire_tokens":
                    self.tokens.revoke_all()
                case "post_204":
                    self._odata.post_204 = bool(value)
                case "page_size":
                    self._odata.reads.page_size = int(value)
                case "next_links":
                    self._odata.reads.next_links = bool(value)
                case "allowed_sites":
                    self._odata.sites = None if value is None else {str(site) for site in value}
                case "allowed_companies":
                    self._odata.companies = None if value is None else {str(company) for company in value}
                case "close_periods":
                    periods.set_status(self.company.db, value, "Closed")
                case "open_periods":
                    periods.set_status(self.company.db, value, "Open")
                case "update_gl":
                    self.company.vouchers.updates_gl = bool(value)
                    if value:
                        self.company.vouchers.update_gl()
                case "automatic_tax":
                    self.company.vouchers.automatic_tax = bool(value)
                case "cancel_empty_orders":
                    self.company.orders.cancels_empty = bool(value)
                case "database_error_status":
                    self._database_error_status = int(value)
                case _:
                    raise ControlRefused(f"ifs has no knob {name!r}")
