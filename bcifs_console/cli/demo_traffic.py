"""The live day of a demo's shop: a morning that is over, then an order every few seconds and what befalls shops.

Everything happens at the simulator, over HTTP, as buyers, shop people and BigCommerce would do it; what our service
makes of it is not known here.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import httpx

#: A new hook needs up to a minute before it fires (facts §2.4); the simulator's clock is moved past it.
HOOK_START_S: Final = 60
_MORNING_S: Final = 3 * 3600
#: Kinds of order (docs/simulator.md) in the proportions of an ordinary shop.
_ORDINARY: Final = (
    *("plain", "multi_line", "plain", "coupon", "guest", "plain", "free_shipping", "plain", "multi_line", "digital"),
    *("plain", "gift_wrapping", "tax_inclusive", "multi_line", "plain", "eur", "manual_discount", "plain", "bundle"),
)
_SPECIAL: Final = ("unknown_buyer", "unmapped_sku", "unknown_buyer", "shared_email", "totals_off", "unknown_buyer")
#: Honey: the family of goods that has no revenue account yet (`demo_world`).
_HONEY: Final = 138
_REGISTERED: Final = ("Grace", "Hopper", "grace.hopper@example.com", 2)

#: What happens in turn, a beat for each; `order` stands between them so often.
_DAY: Final = (
    *("order", "unknown_buyer", "order", "shipped", "order", "order", "honey", "order", "units_after_shipping"),
    *("order", "order", "order", "order", "shipped", "order", "unmapped_sku", "order", "order"),
)


@dataclass
class Traffic:
    """One shop's day. `pause_s`: seconds between two beats, about."""

    control: httpx.AsyncClient
    access: Mapping[str, Any]
    seed: int
    pause_s: float
    _shipped: list[int] = field(default_factory=list)
    _to_ship: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 - tells a story, guards nothing
        self._ordinary = cycle(_ORDINARY)

    @property
    def _url(self) -> str:
        return str(self.access["bigcommerce"]["api_url"])

    async def morning(self, orders: int) -> int:
        """Let `orders` come in, over the last hours, some of them shipped since. Returns how many were placed."""
        await self._post("/_sim/advance", {"seconds": HOOK_START_S})
        kinds = list(_woven(orders))
        placed = await self._place(kinds, backdate_seconds=_MORNING_S)
        usual = [number for number, kind in zip(placed, kinds, strict=True) if kind not in _SPECIAL]
        gone, self._to_ship = usual[: len(usual) // 2], usual[len(usual) // 2 :]
        await self._live(gone, ["shipped", "shipped", "shipped_in_parts", "shipped"])
        self._shipped += gone
        await self._honey()
        return len(placed)

    async def go_on(self) -> None:
        """The rest of the day, without an end."""
        for beat in cycle(_DAY):
            await asyncio.sleep(self.pause_s * (0.6 + 0.8 * self._dice.random()))
            await self._happen(beat)

    async def _happen(self, beat: str) -> None:
        if beat == "order":
            (number,) = await self._place([next(self._ordinary)])
            self._to_ship.append(number)
        elif beat == "honey":
            await self._honey()
        elif beat == "shipped" and self._to_ship:
            number = self._to_ship.pop(0)
            await self._live([number], ["shipped"])
        elif beat == "units_after_shipping" and self._to_ship:
            await self._live([self._to_ship.pop(0)], [beat])
        elif beat in _SPECIAL:
            await self._place([beat])

    # -- what happens ------------------------------------------------------------------------------------------------

    async def _place(self, kinds: Sequence[str], **more: Any) -> list[int]:
        made = await self._post("/_sim/orders", {"count": len(kinds), "kinds": list(kinds), **more})
        return list(made["orders"])

    async def _live(self, orders: Sequence[int], kinds: Sequence[str]) -> None:
        """Orders lead lives, in turn; one on which its life does not fit stays as it is."""
        body = {"orders": list(orders), "kinds": list(kinds), "seed": self.seed, "spread_seconds": _MORNING_S}
        await self._post("/_sim/lives", body)

    async def _honey(self) -> None:
        """An order with something nobody has said an account for."""
        first, last, email, customer_id = _REGISTERED
        address = {
            "first_name": first, "last_name": last, "email": email, "street_1": "1 Test Street", "city": "Austin",
            "state": "Texas", "zip": "78701", "country": "United States", "country_iso2": "US", "phone": "555-0100",
        }  # fmt: skip
        products = [{"product_id": _HONEY, "quantity": self._dice.randint(1, 4)}]
        body = {"status_id": 11, "customer_id": customer_id, "billing_address": address, "products": products}
        await self._ask("POST", f"{self._store}/v2/orders", body)

    async def switch_a_hook_off(self) -> None:
        """As BigCommerce does with a hook whose deliveries failed for two days. Raises httpx.HTTPError."""
        hooks = (await self._ask("GET", f"{self._store}/v3/hooks"))["data"]
        active = [hook for hook in hooks if hook["is_active"]]
        if active:
            hook = self._dice.choice(active)
            await self._ask("PUT", f"{self._store}/v3/hooks/{hook['id']}", {"is_active": False})

    # -- calls -------------------------------------------------------------------------------------------------------

    @property
    def _store(self) -> str:
        return f"{self._url}/stores/{self.access['bigcommerce']['store_hash']}"

    async def _ask(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Any:
        token = {"X-Auth-Token": self.access["bigcommerce"]["access_token"], "Accept": "application/json"}
        answer = await self.control.request(method, url, json=body, headers=token)
        answer.raise_for_status()
        return answer.json()

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = await self.control.post(f"{self._url}{path}", json=body)
        answer.raise_for_status()
        return answer.json()


def _woven(orders: int) -> Iterator[str]:
    """Kinds for so many orders: ordinary ones, and every eighth a special one."""
    ordinary, special = cycle(_ORDINARY), cycle(_SPECIAL)
    for number in range(orders):
        yield next(special) if number % 8 == 5 else next(ordinary)
