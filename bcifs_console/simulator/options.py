"""What a simulator is started with, and the credentials that follow from its seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

COMPANY = "10"
SITE = "100"
REALM = "simprod"


@dataclass(frozen=True)
class SimulatorOptions:
    """Ports of 0 are chosen by the operating system; `quota=None` means unlimited."""

    bigcommerce_port: int = 0
    ifs_port: int = 0
    seed: int = 1
    latency_ms: int = 0
    faults: str = "none"
    quota: int | None = 450
    host: str = "127.0.0.1"
    token_lifetime: int = 180
    world: str = "default"
    behind_s: int = 0  #: how far behind real time its clock starts


@dataclass(frozen=True)
class Credentials:
    """Everything a client must know; the same seed always gives the same."""

    store_hash: str
    store_id: str
    access_token: str
    client_id: str
    client_secret: str
    ifs_client_id: str
    ifs_client_secret: str
    realm: str = REALM


def _derived(seed: int, purpose: str, length: int) -> str:
    return hashlib.sha512(f"bcifs simulator/{seed}/{purpose}".encode()).hexdigest()[:length]


def credentials(seed: int) -> Credentials:
    return Credentials(
        store_hash="s" + _derived(seed, "store hash", 9),
        store_id=str(1_000_000 + int(_derived(seed, "store id", 5), 16) % 900_000),
        access_token=_derived(seed, "access token", 31),
        client_id=_derived(seed, "client id", 31),
        client_secret=_derived(seed, "client secret", 64),
        ifs_client_id="BC_INTEGRATION",
        ifs_client_secret=_derived(seed, "ifs client secret", 32),
    )
