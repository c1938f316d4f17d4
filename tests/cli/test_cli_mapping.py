"""`bcifs mapping export | import | check | explain | try`: shapes, exit codes, what is saved and what never is."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shop import Shop, Terminal, write_connection
from tests.integration.storefront import order, priced, product

#: What the shop's connection says of itself, as a mapping file.
REVENUE = 'revenue_account = "4000"\n'
RULE_KEYS = ["purpose", "position", "when", "result", "rule", "version", "author", "reason", "created_at"]
EXPLAIN_KEYS = ["amount", "currency", "store_field", "rule", "ifs_field", "document"]


def write(folder: Path, text: str) -> Path:
    path = folder / "proposed.toml"
    path.write_text(text, encoding="utf-8")
    return path


def rule(purpose: str, result: str, when: str = "") -> str:
    return f'[[rules]]\npurpose = "{purpose}"\n{f"when = {{ {when} }}" if when else ""}\nresult = "{result}"\n'


# -- export and import -----------------------------------------------------------------------------------------------


def test_what_is_exported_and_imported_is_the_same_to_the_byte(connected: Terminal, tmp_path: Path) -> None:
    text = REVENUE + rule("revenue", "4010", 'sku = ["BREWER-*", "Größe?"], guest = true') + rule("tax", "code:STD")
    connected("mapping", "import", write(tmp_path, text), "--reason", "as agreed")
    first = connected("mapping", "export").out
    file = tmp_path / "exported.toml"
    assert connected.json("mapping", "export", file) == {"file": str(file), "rules": 9}
    assert file.read_text(encoding="utf-8") == first
    again = connected.json("mapping", "import", file)
    assert (again["saved"], again["changes"]) == (False, [])
    assert "nothing changed" in connected("mapping", "import", file).out
    assert connected("mapping", "export").out == first


def test_exported_rules_say_who_wrote_them_when_and_why(connected: Terminal, tmp_path: Path) -> None:
    connected("mapping", "import", write(tmp_path, REVENUE + rule("revenue", "4010", 'sku = "B-*"')), "--reason", "why")
    rows = connected.json("mapping", "export")
    assert {tuple(row) for row in rows} == {tuple(RULE_KEYS)}
    first, second = (row for row in rows if row["purpose"] == "revenue")
    assert (first["when"], first["result"], first["rule"]) == ({"sku": ["B-*"]}, "4010", "revenue#1 v2")
    assert (first["reason"], first["version"]) == ("why", 2)
    assert first["created_at"].endswith("Z")
    assert (second["when"], second["result"], second["rule"]) == ({}, "4000", "revenue#2 v2")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('revenue_account = "4000\n', 1, ""),
        (REVENUE + rule("revenues", "4010"), 3, "purpose: Input should be 'revenue'"),
        (REVENUE + rule("revenue", "4010", 'shoe_size = "44"'), 4, "shoe_size"),
        (REVENUE + rule("revenue", "4010", 'tax_code = "S"'), 4, "never asked with tax_code"),
        (REVENUE + rule("revenue", "4010", 'currency = "DOLLAR"'), 4, "three letters"),
        (REVENUE + rule("tax", "VAT25"), 5, "code:X, default or charge:TYPE"),
        (REVENUE + "colour = 1\n", 2, "colour"),
        (REVENUE + '[accounts]\npay_term = "30"\n', 3, "pay_term is no account"),
    ],
)
def test_a_file_with_an_error_changes_nothing_and_names_line_and_reason(
    connected: Terminal, tmp_path: Path, text: str, line: int, reason: str
) -> None:
    before = connected.json("mapping", "export")
    file = write(tmp_path, text)
    for words in (("import", file), ("import", file, "--dry-run"), ("try", file, "--since", "2026-01-01")):
        ran = connected("mapping", *words, code=2)
        assert ran.out == ""
        assert f"line {line}" in ran.said
        assert reason in ran.said
    assert connected.json("mapping", "export") == before


def test_a_dry_run_shows_the_difference_and_saves_nothing(connected: Terminal, tmp_path: Path) -> None:
    before = connected.json("mapping", "export")
    file = write(tmp_path, REVENUE + rule("revenue", "4010", 'sku = "B-*"') + rule("pay_term", "30"))
    shown = connected.json("mapping", "import", file, "--dry-run")
    assert list(shown) == ["connection", "saved", "changes", "findings", "notes"]
    assert (shown["connection"], shown["saved"], shown["findings"], shown["notes"]) == ("acme-us", False, [], [])
    assert [(c["change"], c["purpose"], c["result"], c["rule"]) for c in shown["changes"]] == [
        ("added", "revenue", "4010", None),
        ("added", "pay_term", "30", None),
    ]
    text = connected("mapping", "import", file, "--dry-run").out
    assert "+ revenue#1  revenue when sku = B-* → 4010" in text
    assert "Nothing saved" in text
    assert connected.json("mapping", "export") == before


def test_rules_that_never_decide_are_saved_and_said(connected: Terminal, tmp_path: Path) -> None:
    twins = rule("revenue", "4010", 'sku = "B-*"') + rule("revenue", "4020", 'sku = "b-*"')
    hidden = rule("pay_term", "30") + rule("pay_term", "30", 'country = "US"')
    ran = connected.json("mapping", "import", write(tmp_path, REVENUE + twins + hidden))
    assert ran["saved"]
    assert [(f["kind"], f["rule"], f["by"]) for f in ran["findings"]] == [
        ("conflict", "revenue#2", ["revenue#1"]),
        ("unreachable", "pay_term#2", ["pay_term#1"]),
    ]
    found = connected.json("mapping", "check", code=1)
    assert [(f["kind"], f["rule"]) for f in found["findings"]] == [
        ("conflict", "revenue#2 v2"),
        ("unreachable", "pay_term#2 v1"),
    ]


# -- check -----------------------------------------------------------------------------------------------------------


def test_check_asks_ifs_about_every_target(shop: Shop, connected: Terminal, tmp_path: Path) -> None:
    connected("orders", "sync", shop.place(order(product(113, 2))), "--wait", "20")
    good = connected.json("mapping", "check")
    assert list(good) == ["connection", "targets", "findings", "unmapped", "orders", "release"]
    assert (good["orders"], good["unmapped"], good["release"]) == (1, [], None)
    for target in good["targets"]:
        assert list(target) == ["kind", "value", "verdict", "rules", "detail", "remedy"]
    said = {(t["kind"], t["value"]): t["verdict"] for t in good["targets"]}
    assert set(said.values()) == {"ok"}
    assert {("site", "100"), ("account", "4000"), ("sales_part", "SIM-1001"), ("charge_type", "FREIGHT")} <= set(said)
    wrong = (
        rule("revenue", "4999", 'sku = "A*"')
        + rule("revenue", "4711", 'sku = "B*"')
        + rule("code_part_b", "NOWHERE")
        + rule("tax", "code:NONE", 'country = "DE"')
        + rule("charge_type", "NOSUCH", 'charge = "fee"')
        + rule("sales_part", "NOPART", 'sku = "X*"')
        + rule("pay_term", "999")
        + rule("customer", "C0", 'guest = "true"')
    )
    connected("mapping", "import", write(tmp_path, REVENUE + wrong))
    found = connected.json("mapping", "check", code=1)
    verdicts = {(t["kind"], t["value"]): t["verdict"] for t in found["targets"] if t["verdict"] != "ok"}
    assert verdicts == {
        ("account", "4999"): "closed",
        ("account", "4711"): "missing",
        ("code_part_b", "NOWHERE"): "missing",
        ("tax_code", "NONE"): "missing",
        ("charge_type", "NOSUCH"): "missing",
        ("sales_part", "NOPART"): "missing",
        ("pay_term", "999"): "missing",
        ("customer", "C0"): "missing",
    }
    (missing,) = (t for t in found["targets"] if t["value"] == "4711")
    assert missing["rules"] == ["revenue#2 v2"]
    assert "bcifs mapping import" in missing["remedy"]


def test_check_counts_what_real_orders_have_and_no_rule_covers(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    digital_only = '[[mapping.rules]]\npurpose = "revenue"\nwhen = { line_type = "digital" }\nresult = "4030"'
    bcifs("connection", "add", write_connection(shop, tmp_path, mapping=digital_only))
    tee, both = shop.place(order(product(113))), shop.place(order(product(113), product(125)))
    bcifs("orders", "sync", tee, both, "--wait", "20", code=1)
    found = bcifs.json("mapping", "check", code=1)
    assert [list(row) for row in found["unmapped"]] == [["subject", "message", "orders", "example", "remedy"]] * 2
    assert [(row["subject"], row["orders"], row["example"]) for row in found["unmapped"]] == [
        ("SKU SIM-1001", 2, tee),
        ("SKU MUG-GRY", 1, both),
    ]
    assert found["orders"] == 2
    assert "No revenue account for SKU SIM-1001" in " ".join(bcifs("mapping", "check", code=1).out.split())


# -- explain ---------------------------------------------------------------------------------------------------------


def test_explain_says_of_each_amount_where_it_comes_from(shop: Shop, connected: Terminal) -> None:
    order_id = shop.place(order(product(113, 2), shipping_cost_ex_tax=10, shipping_cost_inc_tax=10.83))
    connected("orders", "sync", order_id, "--wait", "20")
    rows = connected.json("mapping", "explain", order_id)
    assert {tuple(row) for row in rows} == {tuple(EXPLAIN_KEYS)}
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["document"]] += Decimal(row["amount"])
    (booked,) = shop.ifs_orders(order_id)
    assert sums == {f"BC-{order_id}": Decimal(str(booked["TotalGrossInclChrgCurr"]))}
    (goods,) = (row for row in rows if row["store_field"].startswith("products[") and "line:" in row["ifs_field"])
    assert (goods["currency"], goods["rule"]) == ("USD", "revenue#1 v1")
    assert f"BC-{order_id}" in connected("mapping", "explain", order_id).out


def test_explain_of_an_order_that_waits_says_what_is_planned_and_what_keeps_it(
    shop: Shop, connected: Terminal, tmp_path: Path
) -> None:
    order_id = shop.place(order(priced("Engraving", "ENGR", 1, 25, 27.06)))
    connected("orders", "sync", order_id, "--wait", "20", code=1)
    shown = connected("mapping", "explain", order_id)
    assert "planned" in shown.out
    connected("mapping", "import", write(tmp_path, rule("revenue", "4030", 'line_type = "digital"')))
    ran = connected("mapping", "explain", order_id, "--json")
    assert ran.json == []
    assert "No revenue account for SKU ENGR" in ran.said
    connected("mapping", "explain", 999, code=1)


# -- try -------------------------------------------------------------------------------------------------------------


def tried(connected: Terminal, file: Path) -> dict[str, Any]:
    found: dict[str, Any] = connected.json("mapping", "try", file, "--since", "2020-01-01")
    return found


def standing(shop: Shop, connected: Terminal) -> tuple[Any, ...]:
    """All that a command could have changed: what IFS holds, the rules, the orders."""
    ifs = shop.control("state", side="ifs")
    books = [ifs[part] for part in ("customers", "customer_orders", "vouchers")]
    return books, connected.json("mapping", "export"), connected.json("orders", "list")


def test_try_says_how_past_orders_would_have_fared_and_posts_nothing(
    shop: Shop, connected: Terminal, tmp_path: Path
) -> None:
    tees, mugs = shop.place(order(product(113, 2))), shop.place(order(product(125)))
    connected("orders", "sync", tees, mugs, "--wait", "20")
    before = standing(shop, connected)
    found = tried(connected, write(tmp_path, REVENUE + rule("revenue", "4010", 'sku = "sim-*"')))
    assert list(found) == [
        "connection",
        "since",
        "orders",
        "same",
        "different",
        "newly_blocked",
        "newly_free",
        "accounts",
        "changed",
        "unreadable",
        "elapsed_s",
    ]
    assert (found["orders"], found["same"], found["different"]) == (2, 1, 1)
    (changed,) = found["changed"]
    assert list(changed) == ["order_id", "verdict", "currency", "accounts", "differences", "blockers"]
    assert (changed["order_id"], changed["verdict"]) == (tees, "different")
    moved = {each["account"]: Decimal(each["difference"]) for each in found["accounts"]}
    assert moved["4000"] == -moved["4010"] > 0
    assert {tuple(each) for each in found["accounts"]} == {("account", "currency", "difference", "orders")}
    assert {tuple(d) for d in changed["differences"]} == {("document", "part", "before", "after", "amount")}
    blocked = tried(connected, write(tmp_path, rule("revenue", "4010", 'sku = "sim-*"')))
    assert (blocked["different"], blocked["newly_blocked"]) == (1, 1)
    assert [b["subject"] for row in blocked["changed"] for b in row["blockers"]] == ["SKU MUG-GRY"]
    assert standing(shop, connected) == before
    assert "1 different" in connected("mapping", "try", tmp_path / "proposed.toml", "--since", "2020-01-01").out


def test_try_wants_a_day_it_can_read(connected: Terminal, tmp_path: Path) -> None:
    ran = connected("mapping", "try", write(tmp_path, REVENUE), "--since", "yesterday", code=2)
    assert "2026-11-01" in ran.said
    assert tried(connected, write(tmp_path, REVENUE))["orders"] == 0
