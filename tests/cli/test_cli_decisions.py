"""`bcifs decisions …` and `bcifs webhooks …`: shapes, exit codes, what they do."""

from typing import Any

import pytest

from bcifs_console.bigcommerce.scopes import WANTED_SCOPES
from tests.cli.shop import Shop, Terminal
from tests.integration.storefront import address, order
from tests.integration.waiting import until_sync

TYCHO = order(billing=address("Tycho", "Brahe", "tycho.brahe@example.net"))
SHARED = order(billing=address("Buying", "Department", "purchasing@example.org"), customer_id=301)


@pytest.fixture
def asked(shop: Shop, connected: Terminal) -> tuple[int, dict[str, Any]]:
    """An order of an unknown buyer, and the question about it."""
    order_id = shop.place(TYCHO)
    connected("orders", "sync", order_id, "--wait", "20", code=1)
    (row,) = connected.json("decisions", "list")
    return order_id, row


def test_decisions_list_shape(connected: Terminal, asked: tuple[int, dict[str, Any]]) -> None:
    order_id, row = asked
    assert {"id", "connection", "email", "name", "orders", "since", "candidates"} <= set(row)
    assert (row["connection"], row["orders"], row["candidates"]) == ("acme-us", [order_id], [])
    assert (row["email"], row["name"]) == ("tycho.brahe@example.net", "Tycho Brahe")
    assert row["since"].endswith("Z")
    shown = connected("decisions", "list").out
    assert "Tycho Brahe" in shown
    assert str(order_id) in shown


def test_candidates_of_a_shared_email(shop: Shop, connected: Terminal) -> None:
    connected("orders", "sync", shop.place(SHARED), "--wait", "20", code=1)
    (row,) = connected.json("decisions", "list")
    assert {c["customer_id"] for c in row["candidates"]} == {"C1101", "C1102"}
    for candidate in row["candidates"]:
        assert set(candidate) == {"customer_id", "name", "score", "reasons"}


@pytest.mark.parametrize(
    ("verb", "arguments", "state"), [("create", (), "synced"), ("link", ("C1007",), "synced"), ("skip", (), "skipped")]
)
def test_deciding_with_wait_does_it_at_once(
    shop: Shop,
    connected: Terminal,
    asked: tuple[int, dict[str, Any]],
    verb: str,
    arguments: tuple[str, ...],
    state: str,
) -> None:
    order_id, row = asked
    words = ("decisions", verb, row["id"], *arguments, "--note", "as agreed", "--wait", "20")
    found = connected.json(*words)
    assert (found["id"], found["action"], found["orders"]) == (row["id"], verb, [order_id])
    assert found["states"] == {str(order_id): state}
    booked = shop.ifs_orders(order_id)
    assert len(booked) == (1 if state == "synced" else 0)
    if verb == "link":
        assert (found["customer_id"], booked[0]["CustomerNo"]) == ("C1007", "C1007")
    assert connected.json("decisions", "list") == []
    timeline = connected.json("orders", "show", order_id)["timeline"]
    assert timeline
    again = connected(*words, code=1)
    assert "answered already" in again.said
    assert again.out == ""


def test_deciding_without_wait_writes_the_decision_only(
    shop: Shop, connected: Terminal, asked: tuple[int, dict[str, Any]]
) -> None:
    order_id, row = asked
    found = connected.json("decisions", "link", row["id"], "C1007")
    assert found["states"] is None
    assert connected.state_of(order_id) == "due"
    assert shop.ifs_orders(order_id) == []


def test_linking_to_nobody_is_refused_and_the_question_stays(
    connected: Terminal, asked: tuple[int, dict[str, Any]]
) -> None:
    _, row = asked
    ran = connected("decisions", "link", row["id"], "C9999", code=1)
    assert "C9999" in ran.said
    assert "→" in ran.err
    connected("decisions", "link", row["id"], "  ", code=2)
    connected("decisions", "link", row["id"], code=2)
    assert [r["id"] for r in connected.json("decisions", "list")] == [row["id"]]


def test_a_decision_nobody_asked_for(connected: Terminal) -> None:
    for words in (("create", "99"), ("link", "99", "C1001"), ("skip", "99")):
        ran = connected("decisions", *words, code=1)
        assert "no decision 99" in ran.said
        assert "bcifs decisions list" in ran.said


def test_webhooks_register_is_repeatable_and_doubles_nothing(shop: Shop, connected: Terminal) -> None:
    first = connected.json("webhooks", "register")
    assert [list(row) for row in first] == [["scope", "hook_id", "action"]] * len(WANTED_SCOPES)
    assert {row["scope"]: row["action"] for row in first} == dict.fromkeys(WANTED_SCOPES, "created")
    again = connected.json("webhooks", "register")
    assert {row["action"] for row in again} == {"kept"}
    assert [row["hook_id"] for row in again] == [row["hook_id"] for row in first]
    hooks = shop.control("state")["hooks"]
    assert len(hooks) == len(WANTED_SCOPES)
    assert len({hook["destination"] for hook in hooks}) == 1


def test_webhooks_status_shape_and_exit_code(shop: Shop, connected: Terminal) -> None:
    missing = connected.json("webhooks", "status", code=1)
    assert {(row["state"], row["hook_id"], row["is_active"]) for row in missing} == {("unknown", None, False)}
    assert {row["remedy"] for row in missing} == {"Run: bcifs webhooks register"}
    assert connected("webhooks", "status", code=1).out.count("bcifs webhooks register") == 1
    connected("webhooks", "register")
    rows = connected.json("webhooks", "status")
    keys = ["connection", "scope", "hook_id", "destination", "state", "is_active", "success_ratio"]
    for row in rows:
        assert list(row)[:9] == [*keys, "last_delivery_at", "cause"]
        assert (row["connection"], row["state"], row["is_active"]) == ("acme-us", "healthy", True)
        assert (row["success_ratio"], row["last_delivery_at"], row["cause"]) == (None, None, None)
        assert row["hook_id"]
        assert row["destination"].startswith("http://127.0.0.1:9/webhooks/bigcommerce/")
    assert [row["scope"] for row in rows] == sorted(WANTED_SCOPES)
    broken = rows[0]["hook_id"]
    shop.call("PUT", f"/v3/hooks/{broken}", {"is_active": False})
    shop.call("DELETE", f"/v3/hooks/{rows[1]['hook_id']}")
    after = connected.json("webhooks", "status", code=1)
    assert [row["state"] for row in after[:3]] == ["deactivated", "deactivated", "healthy"]
    assert all(row["cause"] for row in after[:2])
    fixed = {row["scope"]: row["action"] for row in connected.json("webhooks", "register")}
    assert (fixed[rows[0]["scope"]], fixed[rows[1]["scope"]]) == ("reactivated", "created")
    connected("webhooks", "status")


def test_webhooks_status_shows_what_the_listener_saw(shop: Shop, connected: Terminal) -> None:
    assert connected.home is not None
    with shop.service(connected.home) as service:
        connected("connection", "list")
        shop.loop.run(service.reload())
        # The hooks were registered for port 9; this listener has another. What arrives there is what counts.
        rows = connected.json("connection", "show", "acme-us")
        path = rows["webhook_url"].removeprefix("http://127.0.0.1:9")
        url = f"http://127.0.0.1:{service.address.port}{path}"
        assert shop.http.post(url, content=b"{}").status_code == 401

        def counted() -> list[Any]:
            found: list[Any] = connected.json("webhooks", "status", code=1)
            return [row for row in found if row["success_ratio"] == 0.0]

        assert until_sync(counted, "the refusal is counted")


def test_webhooks_remove_takes_only_ours(shop: Shop, connected: Terminal) -> None:
    theirs = {"scope": "store/order/created", "destination": "https://other.example.com/in", "is_active": True}
    shop.call("POST", "/v3/hooks", theirs)
    connected("webhooks", "register")
    removed = connected.json("webhooks", "remove")
    assert {row["action"] for row in removed} == {"deleted"}
    assert len(removed) == len(WANTED_SCOPES)
    assert [hook["destination"] for hook in shop.control("state")["hooks"]] == [theirs["destination"]]
    assert connected.json("webhooks", "remove") == []
