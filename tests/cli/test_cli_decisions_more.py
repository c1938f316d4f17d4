"""`bcifs decisions show|undo|unskip|rule|directory`: shapes, exit codes, what they do."""

from typing import Any

import pytest

from tests.cli.shop import Shop, Terminal
from tests.integration.storefront import address, order

TYCHO = order(billing=address("Tycho", "Brahe", "tycho.brahe@example.net"))
GRACE = order(billing=address("Grace", "Hopper-Murray", "g.hopper@example.net"), customer_id=203)


@pytest.fixture
def asked(shop: Shop, connected: Terminal) -> tuple[int, int]:
    """An order of an unknown guest, and the number of the question about him."""
    order_id = shop.place(TYCHO)
    connected("orders", "sync", order_id, "--wait", "20", code=1)
    (row,) = connected.json("decisions", "list")
    return order_id, row["id"]


def steps(shown: dict[str, Any]) -> list[str]:
    return [call["step"] for call in shown["create"]["calls"]]


def test_show_has_the_buyer_and_exactly_what_create_would_send(
    shop: Shop, connected: Terminal, asked: tuple[int, int]
) -> None:
    order_id, number = asked
    shown = connected.json("decisions", "show", number)
    assert (shown["id"], shown["orders"], shown["waiting"]) == (number, [order_id], [order_id])
    assert (shown["action"], shown["customer_id"], shown["decided_at"]) == (None, None, None)
    assert (shown["buyer"]["email"], shown["buyer"]["registered_as"]) == ("tycho.brahe@example.net", None)
    assert steps(shown)[:2] == ["info", "address"]
    assert shown["create"]["calls"][0]["body"]["Name"] == "Tycho Brahe"
    printed = connected("decisions", "show", number).out
    for said in ("tycho.brahe@example.net", shown["create"]["customer_id"], "ZipCode 78701", "invoice info"):
        assert said in printed
    made = connected.json("decisions", "create", number, "--wait", "20")
    assert made["states"] == {str(order_id): "synced"}
    assert shop.ifs_orders(order_id)[0]["CustomerNo"] == shown["create"]["customer_id"]
    answered = connected.json("decisions", "show", number)
    assert (answered["action"], answered["waiting"], answered["create"]) == ("create", [], None)


def test_show_does_without_ifs_and_refresh_does_not(shop: Shop, connected: Terminal, asked: tuple[int, int]) -> None:
    _, number = asked
    shop.control("faults", {"script": [{"side": "ifs", "match": "CustomerInfoSet", "do": "html_502", "times": 99}]})
    shown = connected("decisions", "show", number, "--json")
    assert shown.json["create"] is None
    assert "cannot be shown" in shown.said
    connected("decisions", "show", number, "--refresh", code=1)
    connected("decisions", "show", 99, code=1)


def test_refresh_looks_for_candidates_anew(shop: Shop, connected: Terminal) -> None:
    connected("orders", "sync", shop.place(GRACE), "--wait", "20", code=1)
    (row,) = connected.json("decisions", "list")
    before = [c["customer_id"] for c in row["candidates"]]
    assert before == ["C1002"]
    shown = connected.json("decisions", "show", row["id"], "--refresh")
    assert [c["customer_id"] for c in shown["candidates"]] == before
    assert "Grace Hopper" in connected("decisions", "show", row["id"]).out


def test_undo_and_unskip_open_the_question_again(connected: Terminal, asked: tuple[int, int]) -> None:
    order_id, number = asked
    connected("decisions", "undo", number, code=1)
    connected("decisions", "link", number, "C1007", "--note", "wrong")
    undone = connected.json("decisions", "undo", number, "--note", "the other one")
    assert (undone["action"], undone["orders"], undone["states"]) == ("undo", [order_id], None)
    assert [row["id"] for row in connected.json("decisions", "list")] == [number]
    refused = connected("decisions", "unskip", number, code=1)
    assert "only a skip" in refused.said
    connected("decisions", "skip", number, "--wait", "20")
    again = connected.json("decisions", "unskip", number, "--wait", "20", code=1)
    assert again["states"] == {str(order_id): "waiting"}


def test_undo_is_refused_once_ifs_has_the_order(connected: Terminal, asked: tuple[int, int]) -> None:
    order_id, number = asked
    connected("decisions", "link", number, "C1007", "--wait", "20")
    refused = connected("decisions", "undo", number, code=1)
    assert f"BC-{order_id}" in refused.said
    assert connected.state_of(order_id) == "synced"


def test_a_note_is_left_and_goes_with_the_answer(connected: Terminal, asked: tuple[int, int]) -> None:
    _, number = asked
    assert connected.json("decisions", "note", number, " calls back ") == {"id": number, "note": "calls back"}
    assert connected.json("decisions", "show", number)["note"] == "calls back"
    assert "calls back" in connected("decisions", "show", number).out
    connected("decisions", "skip", number)
    assert connected.json("decisions", "show", number)["note"] == "calls back"
    connected("decisions", "note", number, "too late", code=1)


def test_a_rule_from_a_decision_covers_and_releases(shop: Shop, connected: Terminal, asked: tuple[int, int]) -> None:
    order_id, number = asked
    tried = connected.json("decisions", "rule", "WEBSHOP", "--like", number, "--dry-run")
    assert (tried["saved"], tried["rule"], tried["position"]) == (False, None, 1)
    assert tried["when"] == {"guest": ["true"], "channel": ["1"]}
    assert [(row["order_id"], row["customer_id"]) for row in tried["covered"]] == [(order_id, None)]
    assert tried["released"] == [order_id]
    assert "Nothing saved" in connected("decisions", "rule", "WEBSHOP", "--like", number, "--dry-run").out
    assert connected.json("mapping", "export")[-1]["purpose"] != "customer"
    made = connected.json("decisions", "rule", "WEBSHOP", "--like", number, "--note", "all guests")
    assert (made["saved"], made["rule"], made["warnings"]) == (True, "customer#1 v1", [])
    assert connected.state_of(order_id) == "waiting"  # the service lets go, a command does not
    assert connected.home is not None
    with shop.service(connected.home):
        connected.until_state(order_id, "synced")
    assert shop.ifs_orders(order_id)[0]["CustomerNo"] == "WEBSHOP"
    assert connected.json("decisions", "list") == []


def test_a_rule_by_its_conditions(connected: Terminal) -> None:
    made = connected.json(
        "decisions", "rule", "C1001", "--email-domain", "*.acme.example", "--country", "US", "--country", "CA"
    )
    assert made["when"] == {"email_domain": ["*.acme.example"], "country": ["US", "CA"]}
    first = connected.json("decisions", "rule", "C1002", "--registered", "--currency", "EUR", "--position", "1")
    assert (first["position"], first["when"]) == (1, {"guest": ["false"], "currency": ["EUR"]})
    connected("decisions", "rule", "C1001", code=2)
    connected("decisions", "rule", "NOBODY", "--guest", code=1)
    connected("decisions", "rule", "C1001", "--currency", "DOLLARS", code=2)


def test_the_directory_is_read_by_command_with_its_progress_on_stderr(connected: Terminal) -> None:
    before = connected.json("decisions", "directory")
    assert before == {
        "connection": "acme-us",
        "kept": False,
        "reading": False,
        "seen": None,
        "started_at": None,
        "customers": None,
        "completed_at": None,
    }
    assert "no directory" in connected("decisions", "directory").out
    read = connected("decisions", "directory", "--read", "--json")
    assert read.json["customers"] == read.json["seen"] > 40
    assert f"{read.json['seen']} customers read" in read.said
    assert "read to the end" in connected("decisions", "directory").out
