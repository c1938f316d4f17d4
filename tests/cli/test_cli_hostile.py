"""Text from outside is data: what a buyer typed never reaches a terminal as command or markup (DESIGN §11, §14)."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shop import Shop, Terminal
from tests.integration.storefront import address, order

#: A colour, a window title, a clear screen, an 8-bit CSI, bidi overrides and isolates, a bell, markup of rich.
NAME = "\x1b[31mRed\x1b]0;owned\x07\x1b[2J\x9b5mC1\u202egnikcah\u2066\u200f[/b][link=file:///etc]x[/]\x7f"
EMAIL = "evil\x1b[31m\x9b\u202e[/b]@example.net"
PART = "[/b]\x9b\u202ePART"
#: What must never be on a terminal: control characters but newline and tab, and what turns the direction of text.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def assert_harmless(*texts: str) -> None:
    for text in texts:
        found = RAW.search(text)
        assert found is None, f"{found and ascii(found.group())} in {ascii(text)[:2000]}"
        assert "Traceback" not in text
        assert "MarkupError" not in text


@pytest.fixture
def hostile(shop: Shop, connected: Terminal) -> dict[str, int]:
    """Orders whose buyer, e-mail and product are written by somebody who means harm."""
    buyer = address(NAME, NAME, EMAIL, company=NAME, city=NAME)
    item = {"name": NAME, "sku": PART, "quantity": 1, "price_ex_tax": 5, "price_inc_tax": 5.41}
    placed = {
        "buyer": shop.place(order(billing=buyer)),
        "part": shop.place(order(item)),
        "good": shop.place(order(billing=address(NAME, NAME, "grace.hopper@example.com"))),
    }
    connected("orders", "sync", *placed.values(), "--wait", "20", code=1)
    return placed


def commands(placed: dict[str, int]) -> list[list[object]]:
    return [
        ["status"],
        ["orders", "list"],
        *([*words, number] for words in (["orders", "show"], ["orders", "plan"]) for number in placed.values()),
        ["decisions", "list"],
        ["problems", "list"],
        ["connection", "show"],
    ]


def test_tables_show_it_as_text(connected: Terminal, hostile: dict[str, int]) -> None:
    for words in commands(hostile):
        ran = connected(*words, code=None)
        assert ran.code in (0, 1), words
        assert_harmless(ran.out, ran.err)
    listed = connected("decisions", "list").out
    assert "[/b]" in listed, "markup is shown, not obeyed"
    assert "\\x1b[31m" in listed, "an escape is made visible"


def test_json_carries_it_escaped(connected: Terminal, hostile: dict[str, int]) -> None:
    """The document holds the very text; on the way over a terminal it is escaped."""
    for words in commands(hostile):
        ran = connected(*words, "--json", code=None)
        assert_harmless(ran.out, ran.err)
    (row,) = connected.json("decisions", "list")
    assert row["name"] == f"{NAME} {NAME}"
    assert connected.json("orders", "show", hostile["buyer"])["order_id"] == hostile["buyer"]


@pytest.mark.parametrize("verb", ["create", "link", "skip"])
def test_deciding_about_such_a_buyer(shop: Shop, connected: Terminal, hostile: dict[str, int], verb: str) -> None:
    (row,) = connected.json("decisions", "list")
    words: list[Any] = ["decisions", verb, row["id"]] + (["C1003"] if verb == "link" else [])
    ran = connected(*words, "--note", NAME, "--wait", "20", code=None)
    assert_harmless(ran.out, ran.err)
    assert "[/b]" in ran.out
    number = hostile["buyer"]
    for words in (["orders", "show", number], ["orders", "plan", number], ["orders", "list"]):
        assert_harmless(connected(*words).out)


def test_log_lines_for_people(shop: Shop, connected: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCIFS_LOG_FORMAT", "console")
    item = {"name": NAME, "sku": PART, "quantity": 1, "price_ex_tax": 5, "price_inc_tax": 5.41}
    ran = connected("orders", "sync", shop.place(order(item)), "--wait", "20", code=1)
    assert "look_failed" in ran.err
    assert "[/B]" in ran.err  # a SKU becomes a sales part in capitals
    assert_harmless(re.sub(r"\x1b\[\d*(;\d+)*m", "", ran.err))  # colours of the log's own


def test_messages_of_ifs(shop: Shop, connected: Terminal) -> None:
    """What IFS answers is as foreign as what a buyer types."""
    body = f"ORA-20110: CustomerOrder.EVIL: {NAME}"
    script = {"side": "ifs", "match": "POST .*CustomerOrderSet$", "do": "status", "status": 400, "times": 50}
    shop.control("faults", {"script": [script | {"body": body}]})
    order_id = shop.place(order())
    connected("orders", "sync", order_id, "--wait", "20", code=1)
    for words in (["orders", "list"], ["orders", "show", order_id], ["problems", "list"]):
        ran = connected(*words)
        assert_harmless(ran.out, ran.err)
        assert "[/b]" in ran.out
        ran = connected(*words, "--json")
        assert_harmless(ran.out, ran.err)


def test_words_of_the_operators_own(bcifs: Terminal, tmp_path: Path) -> None:
    """Also what is given on the command line and read from a file is repeated harmlessly."""
    path = tmp_path / "evil.toml"
    path.write_text(f'name = "{chr(0x202E)}[/b]"\n"{chr(0x9B)}[/b]" = 1\n', encoding="utf-8")
    ran = bcifs("connection", "add", path, code=2)
    assert_harmless(ran.out, ran.err)
    ran = bcifs("connection", "add", tmp_path / "\x9b[/b]\u202e.toml", code=2)
    assert_harmless(ran.out, ran.err)
