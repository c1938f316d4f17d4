"""`bcifs connection …`: the file of DESIGN §12, every mistake in it with its remedy, secrets that never show."""

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.shop import Shop, Terminal, write_connection
from tests.integration.bookkeeping import books
from tests.integration.storefront import order
from tests.integration.world import connection_text

ROOT = Path(__file__).parents[2]


def test_add_list_and_show(shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path) -> None:
    added = bcifs.json("connection", "add", write_connection(shop, tmp_path))
    assert added["name"] == "acme-us"
    assert added["webhook_url"].startswith("http://127.0.0.1:9/webhooks/bigcommerce/")
    assert len(added["webhook_url"].rsplit("/", 1)[1]) == 32, "an opaque token of 128 bits"
    assert added["time_zone"] == "America/Chicago"
    (row,) = bcifs.json("connection", "list")
    assert (row["name"], row["company"], row["site"]) == ("acme-us", "10", "100")
    found = bcifs.json("connection", "show", "acme-us")
    assert set(found) == {"name", "webhook_url", "bigcommerce", "ifs", "policy", "mapping"}
    assert (found["bigcommerce"]["client_secret"], found["bigcommerce"]["access_token"]) == ("set", "set")
    assert found["ifs"]["client_secret"] == "set"
    assert found["policy"]["revenue_posting"] == "voucher"
    assert found["policy"]["unmatched"] == "ask"
    revenue = [rule["result"] for rule in found["mapping"] if rule["purpose"] == "revenue"]
    assert revenue == ["4000"]
    assert bcifs.json("connection", "show") == found, "the only one needs no name"
    for secret in environment.values():
        assert secret not in "".join(bcifs.shown)
    for command in (("connection", "list"), ("connection", "show")):
        assert "acme-us" in bcifs(*command).out


def test_the_stores_time_zone_is_the_default(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    path = write_connection(shop, tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(("time_zone", "start_at"))))
    added = bcifs.json("connection", "add", path)
    assert added["time_zone"] == "America/Chicago"
    assert added["notes"] == []


@pytest.mark.parametrize(
    ("given", "start_at"),
    [
        ("2026-12-01", "2026-12-01T06:00:00+00:00"),
        ("2026-07-01", "2026-07-01T05:00:00+00:00"),  # daylight saving
        ("2026-12-01T08:30:00", "2026-12-01T14:30:00+00:00"),
        ("2026-12-01T08:30:00+01:00", "2026-12-01T07:30:00+00:00"),
    ],
)
def test_a_start_without_a_zone_is_in_the_stores(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path, given: str, start_at: str
) -> None:
    path = write_connection(shop, tmp_path)
    lines = [line for line in path.read_text().splitlines() if not line.startswith(("time_zone", "start_at"))]
    lines.insert(lines.index("[policy]") + 1, f"start_at = {given}")
    path.write_text("\n".join(lines))
    assert bcifs.json("connection", "add", path)["start_at"] == start_at
    policy = bcifs.json("connection", "show")["policy"]
    assert datetime.fromisoformat(policy["start_at"]) == datetime.fromisoformat(start_at)


def test_test_names_each_thing_it_checked(connected: Terminal) -> None:
    rows = connected.json("connection", "test", "acme-us")
    for row in rows:
        assert list(row) == ["check", "verdict", "detail", "remedy"]
        assert row["verdict"] == "ok", row
    names = " | ".join(row["check"] for row in rows)
    for part in ("store", "clock", "scope store_v2_orders_read_only", "webhooks", "token", "CustomerOrderHandling"):
        assert part in names, names
    for part in ("CustomerOrderSet", "CustomerOrder_SetReleased", "SalesPartSet", "CustomerInfoSet", "revenue_posting"):
        assert part in names, names
    assert "SalesPartHandling" in connected("connection", "test").out


@pytest.mark.parametrize(
    ("knobs", "verdict", "named"),
    [
        ({"ifs": {"client_secret": "changed", "expire_tokens": True}}, "failed", "token"),
        ({"ifs": {"revoke_grants": ["SalesPartHandling"]}}, "forbidden", "SalesPart"),
        ({"ifs": {"hidden_projections": ["CustomerOrdersHandling"]}}, "missing", "CustomerOrdersHandling"),
        ({"bigcommerce": {"access_token": "changed"}}, "forbidden", "store"),
        ({"bigcommerce": {"revoke_scopes": ["orders"]}}, "forbidden", "store_v2_orders_read_only"),
    ],
)
def test_test_says_what_is_wrong_and_exits_1(
    shop: Shop, connected: Terminal, knobs: dict[str, object], verdict: str, named: str
) -> None:
    shop.control("set", knobs)
    rows = connected.json("connection", "test", code=1)
    bad = [row for row in rows if row["verdict"] != "ok"]
    assert {row["verdict"] for row in bad if named in row["check"]} == {verdict}, bad
    for row in bad:
        assert row["verdict"] in ("missing", "forbidden", "failed")
        assert row["detail"]
        assert row["remedy"], row


def test_test_tries_what_the_connection_uses_and_nothing_else(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    """Here: payments are read for vouchers, and no account is put on an order line."""
    bcifs("connection", "add", write_connection(shop, tmp_path, **books(policy='allocation = "posting_control"')))
    shop.place(order())
    shop.control("set", {"bigcommerce": {"revoke_scopes": ["transactions"]}})
    rows = bcifs.json("connection", "test", code=1)
    (bad,) = [row for row in rows if row["verdict"] != "ok"]
    assert (bad["check"], bad["verdict"]) == ("bigcommerce: scope store_v2_transactions_read_only", "forbidden")
    assert not [row for row in rows if "PreAccounting" in row["check"]]


def test_set_replaces_a_secret_from_the_environment(
    shop: Shop, connected: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop.control("set", {"ifs": {"client_secret": "a-new-ifs-secret", "expire_tokens": True}})
    connected("connection", "test", code=1)
    monkeypatch.setenv("NEW_SECRET", "a-new-ifs-secret")
    connected("connection", "set", "acme-us", "ifs.client_secret", "env:NEW_SECRET")
    connected("connection", "test")
    secret_file = tmp_path / "secret"
    secret_file.write_text("a-new-ifs-secret\n")
    connected("connection", "set", "acme-us", "ifs.client_secret", f"file:{secret_file}")
    connected("connection", "test")
    assert "a-new-ifs-secret" not in "".join(connected.shown)


def test_set_refuses_a_secret_on_the_command_line(connected: Terminal) -> None:
    ran = connected("connection", "set", "acme-us", "ifs.client_secret", "plain-text", code=2)
    assert "env:NAME" in ran.said
    unknown = connected("connection", "set", "acme-us", "ifs.password", "env:HOME", code=2)
    assert "ifs.client_secret" in unknown.said
    unset = connected("connection", "set", "acme-us", "ifs.client_secret", "env:NOT_SET_ANYWHERE", code=2)
    assert "NOT_SET_ANYWHERE" in unset.said
    nobody = connected("connection", "set", "nobody", "ifs.client_secret", "env:HOME", code=1)
    assert "acme-us" in nobody.said


ACCOUNTS = '[mapping.accounts]\ncustomer_balance = "2420"\nclearing = "1580"\nrevenue = "4000"'


def test_set_changes_a_choice_and_show_shows_it(connected: Terminal) -> None:
    for key, value, shown in (
        ("policy.closed_period", "next_open", "next_open"),
        ("policy.count_test_tenders", "true", True),
        ("policy.post_from", "2026-12-24", "2026-12-24T06:00:00Z"),
    ):
        assert key in connected("connection", "set", "acme-us", key, value).out
        assert connected.json("connection", "show")["policy"][key.partition(".")[2]] == shown
    assert connected.json("connection", "show")["ifs"]["voucher_transport"] == "off"
    assert "voucher_transport" in connected("connection", "show").out


def test_vouchers_are_switched_on_with_the_day_they_begin(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    bcifs("connection", "add", write_connection(shop, tmp_path, mapping=ACCOUNTS))
    switch = ("connection", "set", "acme-us", "ifs.voucher_transport")
    refused = bcifs(*switch, "rest", code=2)
    assert "--post-from" in refused.said.partition("→")[2]
    assert bcifs.json("connection", "show")["ifs"]["voucher_transport"] == "off"
    ran = bcifs(*switch, "rest", "--post-from", "2026-12-24")
    assert "No account for" in ran.out
    assert "goodwill" in ran.out
    assert "clearing" not in ran.out
    found = bcifs.json("connection", "show")
    assert (found["ifs"]["voucher_transport"], found["policy"]["post_from"]) == ("rest", "2026-12-24T06:00:00Z")
    bcifs(*switch, "external_file")
    bcifs(*switch, "off")
    bcifs(*switch, "rest", code=2)


def test_vouchers_without_a_customer_balance_cannot_be_switched_on(connected: Terminal) -> None:
    ran = connected(
        "connection", "set", "acme-us", "ifs.voucher_transport", "rest", "--post-from", "2026-12-24", code=2
    )
    assert "customer_balance" in ran.said
    assert connected.json("connection", "show")["ifs"]["voucher_transport"] == "off"


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("policy.closed_period", "skip", "next_open"),
        ("policy.tax_point", "never", "shipment"),
        ("policy.count_test_tenders", "maybe", "true"),
        ("policy.post_from", "soon", "2026-12-01"),
        ("ifs.voucher_transport", "email", "external_file"),
        ("policy.start_at", "2026-12-01", "policy.post_from"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_with_those_that_do(
    connected: Terminal, key: str, value: str, named: str
) -> None:
    ran = connected("connection", "set", "acme-us", key, value, code=2)
    assert named in ran.said


def test_post_from_goes_with_the_transport_alone(connected: Terminal) -> None:
    ran = connected("connection", "set", "acme-us", "policy.tax_point", "shipment", "--post-from", "2026-12-24", code=2)
    assert "ifs.voucher_transport" in ran.said


def test_remove_asks_and_keeps_the_orders(shop: Shop, connected: Terminal) -> None:
    order_id = shop.place(order())
    connected("orders", "sync", order_id, "--wait", "20")
    connected("connection", "remove", "acme-us", typed="n\n", code=1)
    assert len(connected.json("connection", "list")) == 1
    connected("connection", "remove", "acme-us", "--yes")
    assert connected.json("connection", "list") == []
    (row,) = connected.json("orders", "list")
    assert (row["order_id"], row["state"]) == (order_id, "synced")
    assert row["connection"].startswith("acme-us (removed")
    connected("connection", "remove", "acme-us", "--yes", code=1)


def test_the_same_name_twice(shop: Shop, connected: Terminal, tmp_path: Path) -> None:
    ran = connected(
        "connection", "add", write_connection(shop, tmp_path, policy='order_reference = "X-{order_id}"'), code=2
    )
    assert "'acme-us'" in ran.said
    assert "bcifs connection remove acme-us" in ran.said


def test_the_same_order_reference_on_the_same_company(shop: Shop, connected: Terminal, tmp_path: Path) -> None:
    ran = connected("connection", "add", write_connection(shop, tmp_path, name="acme-eu"), code=2)
    assert "order reference" in ran.said
    assert "order_reference" in ran.said.partition("→")[2]
    other = write_connection(shop, tmp_path, name="acme-eu", policy='order_reference = "EU-{order_id}"')
    connected("connection", "add", other)
    assert [row["name"] for row in connected.json("connection", "list")] == ["acme-us", "acme-eu"]
    several = connected("orders", "sync", "1", code=2)
    assert "acme-us, acme-eu" in several.said
    assert "--connection" in several.said
    connected("orders", "sync", "1", "--connection", "acme-eu")
    connected("orders", "sync", "1", "--connection", "nobody", code=1)


#: What a person may get wrong: (what is replaced, by what, what the message must name).
MISTAKES = {
    "no revenue_posting": ('revenue_posting = "voucher"', "", ("policy.revenue_posting", "voucher", "ifs_invoice")),
    "unconfirmed voucher": (
        "order_type_never_invoices = true",
        "order_type_never_invoices = false",
        ("never invoiced", "order_type_never_invoices"),
    ),
    "unknown revenue_posting": ('"voucher"  #', '"cash"  #', ("policy.revenue_posting",)),
    "unknown key": ('realm = "simprod"', 'realm = "simprod"\nrelm = "x"', ("ifs.relm", "not known")),
    "unknown table": ("[mapping]", "[mappings]", ("mappings", "not known")),
    "missing key": ('site = "100"', "", ("ifs.site", "missing")),
    "empty key": ('company = "10"', 'company = ""', ("ifs.company",)),
    "unknown policy": ('"ask"', '"guess"', ("policy.unmatched_customer",)),
    "unknown environment variable": ("env:IFS_CLIENT_SECRET", "env:NO_SUCH_NAME", ("NO_SUCH_NAME",)),
    "missing secret file": ("env:IFS_CLIENT_SECRET", "file:no/such/file", ("no/such/file",)),
    "no time zone": ("America/Chicago", "Mars/Olympus", ("Mars/Olympus", "America/Chicago")),
    "bad name": ('name = "acme-us"', 'name = "acme us!"', ("name",)),
    "bad start": ("start_at = ", 'start_at = "yesterday" # ', ("policy.start_at",)),
    "reference without number": ("release_orders = true", 'order_reference = "BC"', ("policy.order_reference",)),
    "unknown profile": ('profile = "default"', 'profile = "no-such-profile"', ("no-such-profile",)),
    "unknown purpose": ("[mapping]", '[[mapping.rules]]\npurpose = "x"\nresult = "y"\n[mapping]', ("mapping",)),
    "no TOML": ("[ifs]", "[ifs", ("TOML", "line")),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_file_is_named_with_its_remedy(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path, mistake: str
) -> None:
    old, new, named = MISTAKES[mistake]
    path = write_connection(shop, tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    ran = bcifs("connection", "add", path, code=None)
    assert ran.code in (1, 2)
    assert ran.out == ""
    assert "Traceback" not in ran.err
    for word in named:
        assert word in ran.said, ran.err
    assert "→" in ran.err, "there is no remedy"
    for secret in environment.values():
        assert secret not in ran.err
    assert bcifs.json("connection", "list") == []


@pytest.mark.parametrize("field", ["base_url", "public_url", "api_url"])
@pytest.mark.parametrize("url", ["http://acme.example.com", "ftp://127.0.0.1", "acme.example.com", ""])
def test_an_address_that_is_not_https_is_refused(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path, field: str, url: str
) -> None:
    text = connection_text(shop.about, **({"public_url": "http://127.0.0.1:9"} | {field: url}))
    path = tmp_path / "connection.toml"
    path.write_text(text)
    ran = bcifs("connection", "add", path, code=2)
    assert field in ran.said
    assert "→" in ran.err


def test_a_file_that_is_not_there(bcifs: Terminal, tmp_path: Path) -> None:
    ran = bcifs("connection", "add", tmp_path / "nowhere.toml", code=2)
    assert str(tmp_path / "nowhere.toml") in ran.said
    assert "→" in ran.err


def test_several_mistakes_are_told_at_once_and_values_never(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    path = write_connection(shop, tmp_path)
    text = path.read_text().replace('site = "100"', "").replace('realm = "simprod"', "realm = 5")
    path.write_text(text.replace('"env:BC_CLIENT_SECRET"', '["planted-secret-in-a-list"]'))
    ran = bcifs("connection", "add", path, code=2)
    for word in ("ifs.site", "ifs.realm", "bigcommerce.client_secret"):
        assert word in ran.said
    assert "planted-secret" not in ran.err


def test_the_shipped_examples_work_against_the_simulator(
    shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    """As they are but for the ports: config/connection.example.toml, and the mapping beside it."""
    text = (ROOT / "config" / "connection.example.toml").read_text()
    text = text.replace("http://127.0.0.1:9101", shop.about["bigcommerce"]["api_url"])
    text = text.replace("http://127.0.0.1:9102", shop.about["ifs"]["base_url"])
    path = tmp_path / "connection.toml"
    path.write_text(text)
    bcifs("connection", "add", path)
    bcifs("connection", "test")
    order_id = shop.place(order())
    bcifs("orders", "sync", order_id, "--wait", "20")
    bcifs("connection", "remove", "acme-us", "--yes")
    os.link(ROOT / "config" / "mapping.example.toml", tmp_path / "mapping.example.toml")
    with_mapping = text.replace('revenue_account = "4000"', 'file = "mapping.example.toml"')
    path.write_text(with_mapping)
    bcifs("connection", "add", path)
    kinds = ("plain", "tax_inclusive", "gift_wrapping", "coupon", "zero_rated")
    placed = [shop.place_kind(kind) for kind in kinds]
    rows = bcifs.json("orders", "sync", *placed, "--wait", "20")
    assert [row["state"] for row in rows] == ["synced"] * len(kinds)


def test_secrets_are_sealed_and_never_shown(
    shop: Shop, connected: Terminal, environment: dict[str, str], tmp_path: Path
) -> None:
    """Everything a day brings is done; then the secrets are looked for in all that was printed and in every file."""
    assert connected.home is not None
    asks = shop.place_kind("unknown_buyer")
    with shop.service(connected.home) as service:
        connected("webhooks", "register", "--json")
        connected("poll")
        connected("orders", "sync", asks, "--wait", "20", code=1)
        for command in (
            "status",
            "connection list",
            "connection show",
            "orders list",
            "webhooks status",
            "problems list",
        ):
            connected(*command.split(), code=None)
            connected(*command.split(), "--json", code=None)
        connected("orders", "show", asks, "--json")
        shop.control("set", {"ifs": {"client_secret": "changed", "expire_tokens": True}})
        connected("connection", "test", "--json", code=1)
        connected("orders", "plan", asks, "--json", code=None)
        hook_secrets = {hook["headers"]["X-BCIFS-Key"] for hook in shop.control("state")["hooks"]}
        shop.loop.run(service.reload())
    master_key = (connected.home / "master.key").read_text().strip()
    planted = {**environment, "hook": hook_secrets.pop(), "master": master_key}
    printed = "".join(connected.shown)
    files = [path for path in connected.home.rglob("*") if path.is_file() and path.name != "master.key"]
    assert any(path.name == "bcifs.db" for path in files)
    for name, secret in planted.items():
        assert len(secret) > 20
        assert secret not in printed, name
        for path in files:
            assert secret.encode() not in path.read_bytes(), (name, path.name)
    assert (connected.home / "master.key").stat().st_mode & 0o077 == 0
    assert connected.home.stat().st_mode & 0o077 == 0


def test_json_of_add_is_one_document(shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path) -> None:
    ran = bcifs("connection", "add", write_connection(shop, tmp_path), "--json")
    assert json.loads(ran.out)["id"] == 1
