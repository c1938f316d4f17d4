"""What the listener's parts share: the table of webhook addresses, limits, counters, readiness checks. No HTTP here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from prometheus_client import Counter

from bcifs_console.base.metrics import Metrics
from bcifs_console.bigcommerce.delivery_terms import ACKNOWLEDGE_WITHIN_S
from bcifs_console.bigcommerce.scopes import HOOK_HEADER
from bcifs_console.bigcommerce.signatures import Verifier
from bcifs_console.domain.connections import Connection
from bcifs_console.listener.acks import AckTimes
from bcifs_console.listener.outcomes import ACCEPTED, DISCONNECTED, LATE, Outcomes
from bcifs_console.store.database import Database

#: A readiness check: None where all is well, else the reason. It may raise a Problem, which is a reason too.
Check = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sender may use up. The defaults are DESIGN §9's and our own; tests make them small.

    There is no limit by requests refused: whether a request is refused is known only after its signature was
    checked, which is all that it costs, and behind a reverse proxy every sender has the proxy's address, so such a
    limit would let a stranger shut BigCommerce out. Sources are limited in connections, loopback excepted.
    """

    body_bytes: int = 65_536
    body_s: float = 10.0  #: from the headers to the end of the body; then 408
    head_s: float = 10.0  #: from the first byte (or the connection) to the end of the headers; then the line is cut
    keep_alive_s: float = 75.0  #: an idle connection is kept this long for the next request
    wire_bytes: int = 524_288  #: one request with headers, chunk marks and trailers: 65,536 one-byte chunks fit
    connections: int = 512  #: at once; more are answered 503, beyond half as many again they are cut
    connections_per_source: int = 256  #: of them, by one address that is not loopback
    check_s: float = 2.0  #: a readiness check that takes longer has failed
    flush_s: float = 1.0  #: how often counts go to the store


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One connection's webhook address. `verifier` has its keys and its timestamp tolerance made ready."""

    connection_id: int
    name: str
    store_hash: str
    verifier: Verifier

    @classmethod
    def of(cls, connection: Connection) -> "Endpoint":
        """The endpoint of a connection. Raises ConfigurationProblem where its signatures could never be checked."""
        store = connection.bigcommerce
        verifier = Verifier(
            client_secrets=(store.client_secret, *store.previous_client_secrets),
            schemes=store.signature_schemes,
            hook_secrets=(connection.hook_secret, *connection.previous_hook_secrets),
            hook_header=HOOK_HEADER,
            tolerance_s=store.timestamp_tolerance_s,
        )
        return cls(connection.id, connection.name, store.store_hash, verifier)


class ListenerState:
    """Shared by the public and the admin application, and by whoever changes connections while they run."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        *,
        limits: Limits | None = None,
        checks: Mapping[str, Check] | None = None,
    ) -> None:
        self.database: Final = database
        self.metrics: Final = metrics
        self.limits: Final = limits or Limits()
        self.checks: Final = dict(checks or {})
        self.outcomes: Final = Outcomes(database)
        self.acks: Final = AckTimes(metrics.ack_seconds, database.clock)
        self.is_bound = False  #: whether the public socket accepts connections
        self._endpoints: Mapping[str, Endpoint] = MappingProxyType({})
        self._accepted: dict[str, Counter] = {}

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """The endpoints by their opaque path token."""
        return self._endpoints

    def replace(self, endpoints: Mapping[str, Endpoint]) -> None:
        """Swap the whole table at once; a request that is on its way ends with the endpoint it began with."""
        for endpoint in endpoints.values():
            # Looking a labelled child up costs more than counting: do it here, not for each delivery.
            self._accepted.setdefault(endpoint.name, self.metrics.deliveries.labels(endpoint.name, "accepted"))
        self._endpoints = MappingProxyType(dict(endpoints))

    def count_accepted(self, endpoint: Endpoint, seconds: float) -> None:
        """Count a delivery that was answered 200 after `seconds`; one answered late is tried again all the same."""
        self._accepted[endpoint.name].inc()
        self.metrics.ack_seconds.observe(seconds)
        self.outcomes.add(endpoint.connection_id, ACCEPTED if seconds < ACKNOWLEDGE_WITHIN_S else LATE)

    def count_refused(self, endpoint: Endpoint | None, kind: str) -> None:
        """Count a request that was refused, here and (in a while) in the store."""
        self.metrics.deliveries.labels(endpoint.name if endpoint else "", kind).inc()
        self.outcomes.add(endpoint.connection_id if endpoint else None, kind)

    def count_disconnected(self, endpoint: Endpoint | None) -> None:
        """Count a sender that left before its request was complete: to it the delivery has failed."""
        self.metrics.deliveries.labels(endpoint.name if endpoint else "", DISCONNECTED).inc()
        self.outcomes.add(endpoint.connection_id if endpoint else None, DISCONNECTED)
