"""`bcifs orders …`, `status`, `problems`, `poll`: shapes key by key, exit codes, the work done without a service."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.cli.shop import Shop, Terminal
from tests.integration.storefront import address, order, product

#: DESIGN §12, in its order; `remedy` and `problems` came on top.
ORDER_KEYS = [
    "connection",
    "order_id",
    "placed_at",
    "email",
    "ifs_customer",
    "total",
    "currency",
    "state",
    "reason",
    "ifs_order_no",
    "attempts",
    "next_try_at",
    "error",
    "remedy",
    "problems",
    "warnings",
    "synced_at",
    "settled",
]
UNKNOWN = order(billing=address("Tycho", "Brahe", "tycho.brahe@example.net"))


def moment(text: str) -> datetime:
    """A time as every answer writes it: ISO 8601, UTC."""
    assert text.endswith("Z"), text
    return datetime.fromisoformat(text)


def test_orders_list_shape(shop: Shop, connected: Terminal) -> None:
    good, asks = shop.place(order(product(113, 2))), shop.place(UNKNOWN)
    connected("poll")
    due = connected.json("orders", "list")
    assert [row["state"] for row in due] == ["due", "due"]
    connected("orders", "sync", good, asks, "--wait", "20", code=1)
    rows = {row["order_id"]: row for row in connected.json("orders", "list")}
    assert list(rows) == [asks, good], "newest first"
    for row in rows.values():
        assert list(row) == ORDER_KEYS
    synced, waiting = rows[good], rows[asks]
    (booked,) = shop.ifs_orders(good)
    assert synced["connection"] == "acme-us"
    assert (synced["email"], synced["ifs_customer"]) == ("grace.hopper@example.com", "C1002")
    assert (synced["total"], synced["currency"]) == (str(Decimal(str(booked["TotalGrossInclChrgCurr"]))), "USD")
    assert (synced["state"], synced["reason"], synced["ifs_order_no"]) == ("synced", None, booked["OrderNo"])
    assert (synced["attempts"], synced["next_try_at"], synced["error"], synced["warnings"]) == (0, None, None, [])
    assert synced["settled"] is None
    assert moment(synced["synced_at"]) <= moment(synced["synced_at"])
    assert moment(synced["placed_at"])
    assert (waiting["state"], waiting["reason"], waiting["ifs_order_no"]) == ("waiting", "customer", None)
    assert waiting["error"]
    assert waiting["remedy"]
    assert waiting["synced_at"] is None
    (problem,) = waiting["problems"]
    assert set(problem) == {"reason", "message", "remedy", "subject", "figures"}


def test_orders_list_by_state_and_limit(shop: Shop, connected: Terminal) -> None:
    placed = [shop.place(order()) for _ in range(3)]
    connected("orders", "sync", *placed[:2], "--wait", "20")
    connected("poll")
    assert {row["order_id"] for row in connected.json("orders", "list", "--state", "synced")} == set(placed[:2])
    assert [row["order_id"] for row in connected.json("orders", "list", "--state", "due")] == placed[2:]
    assert len(connected.json("orders", "list", "--limit", "2")) == 2
    assert connected.json("orders", "list", "--state", "failed") == []
    connected("orders", "list", "--state", "nonsense", code=2)
    connected("orders", "list", "--limit", "0", code=2)


def test_orders_show_adds_documents_and_timeline(shop: Shop, connected: Terminal) -> None:
    order_id = shop.place(order(product(113), shipping_cost_ex_tax=5, shipping_cost_inc_tax=5.41))
    connected("orders", "sync", order_id, "--wait", "20")
    found = connected.json("orders", "show", order_id)
    assert list(found) == [*ORDER_KEYS, "documents", "timeline"]
    (document,) = found["documents"]
    (booked,) = shop.ifs_orders(order_id)
    assert (document["kind"], document["key"], document["state"]) == ("customer_order", f"BC-{order_id}", "confirmed")
    assert (document["amount"], document["currency"]) == (found["total"], "USD")
    assert document["ifs_reference"] == booked["OrderNo"]
    assert moment(document["confirmed_at"])
    parts = [part["part"] for part in document["parts"]]
    assert parts[0] == "header"
    assert parts[-2:] == ["read_back", "release"]
    assert {part["state"] for part in document["parts"]} == {"confirmed"}
    events = [entry["event"] for entry in found["timeline"]]
    assert "order.sync_asked" in events
    assert "order.synced" in events
    assert [moment(entry["at"]) for entry in found["timeline"]] == sorted(moment(e["at"]) for e in found["timeline"])


def test_orders_plan_shows_what_would_be_posted_and_posts_nothing(shop: Shop, connected: Terminal) -> None:
    order_id = shop.place(order(product(113, 2), shipping_cost_ex_tax=5, shipping_cost_inc_tax=5.41))
    found = connected.json("orders", "plan", order_id)
    assert {"order_id", "verdict", "documents", "blockers", "warnings"} <= set(found)
    (document,) = found["documents"]
    assert (document["key"], document["customer"], document["release"]) == (f"BC-{order_id}", "C1002", True)
    (line,) = document["lines"]
    assert (line["sales_part"], line["quantity"], line["account"]) == ("SIM-1001", "2", "4000")
    assert {charge["charge_type"] for charge in document["charges"]} == {"FREIGHT", "SALESTAX"}
    total = Decimal(line["gross"]) + sum(Decimal(charge["inc_tax"]) for charge in document["charges"])
    assert Decimal(document["total"]) == total
    assert found["blockers"] == []
    assert shop.control("state", side="ifs")["customer_orders"] == []
    assert connected.json("orders", "list") == []
    assert "SIM-1001" in connected("orders", "plan", order_id).out
    connected("orders", "sync", order_id, "--wait", "20")
    assert f"order {order_id}: nothing more to post" in connected("orders", "plan", order_id).out


def test_orders_plan_of_a_blocked_order_exits_1_with_the_blockers(shop: Shop, connected: Terminal) -> None:
    found = connected.json("orders", "plan", shop.place_kind("totals_off"), code=1)
    (blocker,) = found["blockers"]
    assert blocker["reason"] == "totals"
    assert set(blocker["figures"]) == {"what", "store", "computed", "currency"}
    assert found["documents"] == []
    several = connected.json("orders", "plan", shop.place_kind("unknown_buyer"), code=1)
    assert [b["reason"] for b in several["blockers"]] == ["customer"]


@pytest.mark.parametrize("command", [("orders", "show"), ("orders", "plan")])
def test_an_order_nobody_knows(connected: Terminal, command: tuple[str, str]) -> None:
    ran = connected(*command, 77_777, code=1)
    assert "77777" in ran.said
    assert "→" in ran.err
    assert ran.out == ""


def test_sync_without_wait_only_marks(shop: Shop, connected: Terminal) -> None:
    order_id = shop.place(order())
    assert connected.json("orders", "sync", order_id) == [{"order_id": order_id, "action": "marked"}]
    assert connected.state_of(order_id) == "due"
    assert shop.ifs_orders(order_id) == []


def test_sync_with_wait_does_the_work_itself_without_a_service(shop: Shop, connected: Terminal) -> None:
    first, second = shop.place(order()), shop.place(order())
    rows = connected.json("orders", "sync", first, "--wait", "20")
    assert [(row["order_id"], row["state"]) for row in rows] == [(first, "synced")]
    assert len(shop.ifs_orders(first)) == 1
    assert shop.ifs_orders(second) == [], "only what was asked for"
    again = connected.json("orders", "sync", first, "--wait")
    assert again[0]["ifs_order_no"] == rows[0]["ifs_order_no"]
    assert len(shop.ifs_orders(first)) == 1


def test_sync_with_wait_exits_1_where_an_order_waits(shop: Shop, connected: Terminal) -> None:
    good, asks = shop.place(order()), shop.place(UNKNOWN)
    rows = connected.json("orders", "sync", good, asks, "--wait", "20", code=1)
    assert [(row["order_id"], row["state"]) for row in rows] == [(good, "synced"), (asks, "waiting")]


def test_sync_with_wait_exits_1_when_the_time_is_over(shop: Shop, connected: Terminal) -> None:
    shop.control("faults", {"script": [{"side": "ifs", "match": ".", "times": 100_000, "do": "status"}]})
    order_id = shop.place(order())
    rows = connected.json("orders", "sync", order_id, "--wait", "0.3", code=1)
    assert rows[0]["state"] in ("due", "working")


def test_sync_with_wait_watches_a_running_service(shop: Shop, connected: Terminal) -> None:
    assert connected.home is not None
    order_id = shop.place(order())
    with shop.service(connected.home):
        rows = connected.json("orders", "sync", order_id, "--wait", "20")
    assert [row["state"] for row in rows] == ["synced"]
    assert len(shop.ifs_orders(order_id)) == 1


def test_status_shape(shop: Shop, connected: Terminal) -> None:
    good, asks = shop.place(order()), shop.place(UNKNOWN)
    connected("orders", "sync", good, asks, "--wait", "20", code=1)
    found = connected.json("status")
    assert {"orders", "decisions", "problems", "listener", "worker", "connections"} <= set(found)
    states = ("due", "working", "waiting", "synced", "failed", "skipped", "ignored")
    assert found["orders"] == dict.fromkeys(states, 0) | {"synced": 1, "waiting": 1}
    assert (found["decisions"], found["problems"]) == (1, 1)
    (one,) = found["connections"]
    webhooks = one.pop("webhooks")
    assert one == {"name": "acme-us", "bigcommerce": "ok", "ifs": "ok", "paused": None}
    assert (webhooks["state"], webhooks["remedy"]) == ("unknown", "Run: bcifs webhooks register")
    assert (found["listener"]["state"], found["worker"]["state"]) == ("down", "down")
    assert connected.home is not None
    with shop.service(connected.home) as service:
        up = connected.json("status")
        assert (up["listener"]["state"], up["listener"]["port"]) == ("up", service.address.port)
        assert up["worker"]["state"] == "up"
        assert "listener: up" in connected("status").out
    assert connected.json("status")["worker"]["state"] == "down"


def test_problems_list_shape(shop: Shop, connected: Terminal) -> None:
    asks, totals, part = shop.place(UNKNOWN), shop.place_kind("totals_off"), shop.place_kind("unmapped_sku")
    connected("orders", "sync", asks, totals, part, "--wait", "20", code=1)
    rows = connected.json("problems", "list")
    for row in rows:
        assert list(row) == ["connection", "cause", "class", "orders", "since", "remedy", "key"]
        assert (row["connection"], row["orders"]) == ("acme-us", 1)
        assert row["cause"]
        assert row["remedy"]
        assert moment(row["since"])
    assert sorted(row["class"] for row in rows) == ["customer", "mapping", "totals"]
    assert "LEGACY-0815" in connected("problems", "list").out


def test_poll_shape(shop: Shop, connected: Terminal) -> None:
    for _ in range(2):
        shop.place(order())
    (row,) = connected.json("poll")
    assert {"seen", "marked", "calls", "elapsed_s"} <= set(row)
    assert (row["connection"], row["seen"], row["marked"]) == ("acme-us", 2, 2)
    assert row["calls"] >= 1
    assert isinstance(row["elapsed_s"], float)
    assert "acme-us" in connected("poll").out


@pytest.mark.parametrize(
    "command", [("orders", "list"), ("decisions", "list"), ("problems", "list"), ("poll",), ("connection", "list")]
)
def test_nothing_yet_is_an_empty_list(bcifs: Terminal, command: tuple[str, ...]) -> None:
    assert bcifs.json(*command) == []
    assert bcifs(*command).out.strip()


def test_without_a_connection_the_remedy_is_to_add_one(bcifs: Terminal) -> None:
    for command in (("orders", "sync", "1"), ("orders", "plan", "1"), ("webhooks", "register"), ("connection", "test")):
        ran = bcifs(*command, code=1)
        assert "There is no connection yet." in ran.said
        assert "bcifs connection add FILE" in ran.said


def test_every_json_answer_is_one_document(shop: Shop, connected: Terminal) -> None:
    """Logs and progress go to stderr even where there is much to log."""
    shop.control("faults", {"script": [{"side": "ifs", "match": "POST", "times": 3, "do": "status", "status": 503}]})
    ran = connected("orders", "sync", shop.place(order()), shop.place(UNKNOWN), "--wait", "20", "--json", code=1)
    parsed: list[dict[str, Any]] = ran.json
    assert len(parsed) == 2
    assert ran.out.endswith("]\n")
    assert "look_failed" in ran.err
