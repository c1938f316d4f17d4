"""One connection: a BigCommerce store tied to an IFS company, with its access data and choices."""

from dataclasses import dataclass
from typing import Literal

from bcifs_console.base.secret import Secret
from bcifs_console.domain.rules import Policy

#: Which webhooks are registered: one for each kind of event, or `store/order/*` and `store/shipment/*`.
HookStyle = Literal["concrete", "wildcard"]
#: Whether the hook that tells of failed deliveries is registered too; `auto`: where the public address is https.
DeliveryExceptions = Literal["auto", "on", "off"]
DEFAULT_API_URL = "https://api.bigcommerce.com"


@dataclass(frozen=True, slots=True)
class BigCommerceAccess:
    """How to reach the store. `client_secret` signs webhooks; `access_token` is the static X-Auth-Token."""

    store_hash: str
    client_id: str
    client_secret: Secret
    access_token: Secret
    public_url: str
    api_url: str = DEFAULT_API_URL
    previous_client_secrets: tuple[Secret, ...] = ()  #: still accepted while a secret is rotated
    signature_schemes: tuple[str, ...] = ("standard_webhooks", "x_bc_signature")
    timestamp_tolerance_s: int = 300
    hooks: HookStyle = "concrete"
    delivery_exceptions: DeliveryExceptions = "auto"


@dataclass(frozen=True, slots=True)
class IfsAccess:
    """How to reach IFS Cloud and which company and site the orders go to."""

    base_url: str
    realm: str
    client_id: str
    client_secret: Secret
    company: str
    site: str
    profile: str = "default"
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection with its secrets revealed to the program (never to people)."""

    id: int
    name: str
    token: str  #: opaque 128-bit path token of its webhook address
    hook_secret: Secret  #: value of the secret header registered with each hook
    bigcommerce: BigCommerceAccess
    ifs: IfsAccess
    policy: Policy
    previous_hook_secrets: tuple[Secret, ...] = ()
