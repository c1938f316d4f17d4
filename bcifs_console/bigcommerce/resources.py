"""What the API tells about the store and its customers, and how it is read. Orders are domain nouns: `wire_order`."""

from dataclasses import dataclass
from datetime import datetime

from bcifs_console.bigcommerce.fields import Fields


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """The store as `GET /v2/store` describes it (facts §1)."""

    id: str  #: the store hash
    name: str
    currency: str  #: the store's default currency
    decimal_places: int
    time_zone: str  #: IANA name, for example America/Chicago
    is_price_entered_with_tax: bool


@dataclass(frozen=True, slots=True)
class StoreCustomer:
    """A registered customer of the store (facts §6); guests are none."""

    id: int
    email: str
    first_name: str
    last_name: str
    company: str
    phone: str
    customer_group_id: int = 0

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def parse_store(payload: object) -> StoreInfo:
    """`GET /v2/store`. Raises BadAnswer."""
    store = Fields(payload, "the store")
    return StoreInfo(
        id=store.text("id"),
        name=store.text("name"),
        currency=store.need_text("currency").upper(),
        decimal_places=store.whole("decimal_places", 2),
        time_zone=Fields(store.raw("timezone") or {}, "the store's time zone").text("name"),
        is_price_entered_with_tax=store.flag("is_price_entered_with_tax"),
    )


def parse_time(payload: object) -> datetime:
    """`GET /v2/time`. Raises BadAnswer."""
    return Fields(payload, "the time").need_moment("time")


def parse_customer(row: object) -> StoreCustomer:
    """One row of `GET /v3/customers`. Raises BadAnswer."""
    customer = Fields(row, "a customer")
    return StoreCustomer(
        id=customer.need_whole("id"),
        email=customer.text("email"),
        first_name=customer.text("first_name"),
        last_name=customer.text("last_name"),
        company=customer.text("company"),
        phone=customer.text("phone"),
        customer_group_id=customer.whole("customer_group_id"),
    )
