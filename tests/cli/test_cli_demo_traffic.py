"""The day of a demo's shop, played to its end without a pause: what befalls shops has befallen the simulated one."""

from typing import Any

import httpx
import pytest

from bcifs_console.cli import demo_traffic
from bcifs_console.cli.demo_traffic import Traffic
from bcifs_console.simulator import Simulator, SimulatorOptions


class EveningError(Exception):
    """The day is over."""


class OneDay(Traffic):
    """Ends after each thing has happened once."""

    async def go_on(self) -> None:
        self.left = len(demo_traffic._DAY)
        with pytest.raises(EveningError):
            await super().go_on()

    async def _happen(self, beat: str) -> None:
        if not self.left:
            raise EveningError
        self.left -= 1
        await super()._happen(beat)


async def test_a_day_has_orders_an_unknown_buyer_unmapped_goods_a_refund_and_a_hook_that_is_switched_off() -> None:
    async with Simulator(SimulatorOptions(quota=None)) as running, httpx.AsyncClient(trust_env=False) as http:
        access = running.announcement()
        shop = access["bigcommerce"]

        async def state() -> dict[str, Any]:
            found: dict[str, Any] = (await http.get(f"{shop['api_url']}/_sim/state")).json()
            return found

        traffic = OneDay(http, access, seed=1, pause_s=0.0)
        hook = {"scope": "store/order/created", "destination": "http://127.0.0.1:9/", "is_active": True}
        await traffic._ask("POST", f"{traffic._store}/v3/hooks", hook)
        await traffic.go_on()
        await traffic.switch_a_hook_off()
        day = await state()
    kinds = list(day["kinds"].values())  # of each order
    assert {"unknown_buyer", "unmapped_sku"} <= set(kinds)
    assert sum(kind in demo_traffic._ORDINARY for kind in kinds) == demo_traffic._DAY.count("order")
    sold = {line["product_id"] for lines in day["products"].values() for line in lines}
    assert demo_traffic._HONEY in sold, "goods that no rule gives an account"
    (refund,) = day["refunds"]
    assert refund["order_id"] in {shipment["order_id"] for shipment in day["shipments"]}, "after it was shipped"
    assert [hook["is_active"] for hook in day["hooks"]] == [False]
