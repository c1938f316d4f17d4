"""`bcifs problems retry`: fix once, clear many, one order first; `bcifs connection pause` and `resume`."""

from tests.cli.shop import Shop, Terminal
from tests.integration.storefront import order, product
from tests.integration.waiting import until_sync

LEGACY = order(product(113), product(199))


def add_the_part(shop: Shop) -> None:
    """A person creates in IFS the sales part that the orders wait for."""
    table = shop.simulator._erp.company.db["SalesPart"]
    table.add({**table.rows["100", "SIM-1001"], "CatalogNo": "LEGACY-0815", "PartNo": "LEGACY-0815"})


def stuck(shop: Shop, connected: Terminal, count: int) -> list[int]:
    """Orders that wait for the same sales part."""
    numbers = [shop.place(LEGACY) for _ in range(count)]
    connected("orders", "sync", *numbers, "--wait", "20", code=1)
    return numbers


def test_a_group_clears_once_its_cause_is_fixed(shop: Shop, connected: Terminal) -> None:
    numbers = stuck(shop, connected, 3)
    (problem,) = connected.json("problems", "list")
    assert (problem["orders"], problem["class"]) == (3, "mapping")
    add_the_part(shop)
    (asked,) = connected.json("problems", "retry", problem["key"], "--wait", "30")
    assert asked == {
        "connection": "acme-us",
        "key": problem["key"],
        "class": "mapping",
        "first": numbers[0],
        "orders": numbers,
    }
    assert {connected.state_of(number) for number in numbers} == {"synced"}
    assert connected.json("problems", "list") == []


def test_where_the_cause_stands_only_the_first_is_looked_at(shop: Shop, connected: Terminal) -> None:
    numbers = stuck(shop, connected, 3)
    ran = connected("problems", "retry", "--wait", "30", code=1)
    assert "0 of 3 are in IFS." in ran.out
    stopped, group = connected.json("problems", "list")
    assert stopped["cause"].startswith(f"Order {numbers[0]} did not get through:")
    assert (stopped["orders"], group["orders"]) == (2, 3)
    assert f"bcifs problems retry '{group['key']}'" in stopped["remedy"]
    story = connected.json("orders", "show", numbers[1])["timeline"]
    assert not [row for row in story if row["event"] == "order.retried"], "nobody looked at it"


def test_a_running_service_follows_a_retry(shop: Shop, connected: Terminal) -> None:
    numbers = stuck(shop, connected, 2)
    add_the_part(shop)
    assert connected.home is not None
    with shop.service(connected.home):
        connected("problems", "retry", "mapping")
        until_sync(lambda: {connected.state_of(n) for n in numbers} == {"synced"}, "both are in IFS")


def test_what_nobody_waits_for_cannot_be_retried(connected: Terminal) -> None:
    ran = connected("problems", "retry", "no such thing", code=1)
    assert "No order waits or failed because of 'no such thing'." in ran.said
    assert "bcifs problems list --json" in ran.said


def test_a_paused_connection_waits_until_it_is_resumed(shop: Shop, connected: Terminal) -> None:
    number = shop.place(order())
    connected("connection", "pause", "--note", "stock-taking")
    (one,) = connected.json("status")["connections"]
    assert one["paused"]["note"] == "stock-taking"
    assert "PAUSED by" in connected("status").out
    waited = connected("orders", "sync", number, "--wait", "0.5", code=1)
    assert "paused acme-us (stock-taking)" in waited.err
    assert connected.state_of(number) == "due"
    assert shop.ifs_orders(number) == []
    assert "paused already" in connected("connection", "pause").out
    connected("connection", "resume")
    connected("orders", "sync", number, "--wait", "20")
    assert connected.state_of(number) == "synced"
    assert "not paused" in connected("connection", "resume").out
