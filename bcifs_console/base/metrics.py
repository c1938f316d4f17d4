"""The Prometheus metrics of one process, as an object that is passed in. Only definitions; who counts is elsewhere.

No globals: a service makes one `Metrics`, a test makes its own. Names and labels are a contract (DESIGN §9).
"""

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: The media type of `Metrics.render()`.
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

#: Seconds. BigCommerce gives up between 9 and 12 s (facts §2.5); an acknowledgement should take milliseconds.
_ACK_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_UPSTREAM_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Every metric of the program on a registry of its own."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry(auto_describe=True)
        self.deliveries: Final = Counter(
            "bcifs_deliveries_total",
            "Webhook requests by what became of them: accepted, disconnected, or why they were refused.",
            ["connection", "outcome"],
            registry=self.registry,
        )
        self.ack_seconds: Final = Histogram(
            "bcifs_ack_seconds",
            "From a webhook request's headers to its 200, the durable commit included.",
            buckets=_ACK_BUCKETS,
            registry=self.registry,
        )
        self.orders: Final = Gauge(
            "bcifs_orders", "Orders by sync state.", ["connection", "state"], registry=self.registry
        )
        self.documents: Final = Counter(
            "bcifs_documents_total",
            "IFS documents by kind and by how posting them ended.",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.upstream_requests: Final = Counter(
            "bcifs_upstream_requests_total",
            "Requests to BigCommerce and IFS by status, `error` where none came.",
            ["side", "status"],
            registry=self.registry,
        )
        self.upstream_seconds: Final = Histogram(
            "bcifs_upstream_seconds",
            "How long requests to BigCommerce and IFS took.",
            ["side"],
            buckets=_UPSTREAM_BUCKETS,
            registry=self.registry,
        )
        self.quota_left: Final = Gauge(
            "bcifs_quota_left",
            "Calls left in BigCommerce's current rate window.",
            ["connection"],
            registry=self.registry,
        )
        self.oldest_due_seconds: Final = Gauge(
            "bcifs_oldest_due_seconds",
            "For how long the longest waiting due order has been due; 0 where none is.",
            registry=self.registry,
        )

    def render(self) -> bytes:
        """Everything in Prometheus's text format; serve it as `CONTENT_TYPE`."""
        return generate_latest(self.registry)
