"""Who bought: the buyer's key (ACCOUNTING §6) and what became of matching the buyer to an IFS customer."""

import re
from dataclasses import dataclass
from typing import Final

from bcifs_console.domain.orders import Address, Order

# One @, something before it, a dot somewhere behind it, no blanks: enough to tell an address from a placeholder.
_EMAIL: Final = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


@dataclass(frozen=True, slots=True)
class Buyer:
    """The person or company behind an order. `key` decides which orders are the same buyer's."""

    key: str
    email: str  #: folded; empty where the order carries no valid one
    name: str
    company: str
    is_guest: bool
    address: Address
    currency: str = ""
    channel_id: int = 1
    country: str = ""  #: ISO2 of the country the goods go to, else of the bill

    @property
    def person(self) -> str:
        """The person's name, "" where only a company is named."""
        return self.address.name or ("" if self.name == self.company else self.name)

    @property
    def email_domain(self) -> str:
        """What stands behind the @, "" without a valid e-mail."""
        return self.email.rpartition("@")[2]


def folded_email(text: str) -> str:
    """`text` trimmed and case-folded, or "" where it is no e-mail address."""
    candidate = text.strip().casefold()
    return candidate if _EMAIL.match(candidate) else ""


def buyer_of(order: Order) -> Buyer:
    """The buyer of `order`.

    The key is the store's customer id when there is one, else a valid e-mail, else the order itself: an empty
    e-mail never binds strangers together (ACCOUNTING §6).
    """
    email = folded_email(order.billing.email)
    if order.customer_id:
        key = f"customer:{order.customer_id}"
    elif email:
        key = f"email:{email}"
    else:
        key = f"order:{order.id}"
    return Buyer(
        key=key,
        email=email,
        name=order.billing.name or order.billing.company or email or f"order {order.id}",
        company=order.billing.company,
        is_guest=order.is_guest,
        address=order.billing,
        currency=order.currency,
        channel_id=order.channel_id,
        country=order.country,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """The buyer is this IFS customer.

    `source` says how we know: lookup, guest, fixed, created, decision, or the rule by its label (`rule customer#1 v2`).
    """

    customer_id: str
    source: str = "link"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows the buyer yet. `matches` are the IFS customers found when there was more than one."""

    matches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A person, or the policy, decided that this buyer's orders are not sent."""

    note: str = ""


Customer = Known | Unknown | Skipped
