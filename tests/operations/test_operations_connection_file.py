"""The connection file's part about vouchers: keys, accounts in short form, and choices that exclude each other."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.rules import (
    ACCOUNT_PURPOSES,
    ClosedPeriod,
    Condition,
    ConditionField,
    Policy,
    Purpose,
    RevenuePosting,
    Rules,
    TaxPoint,
    VoucherTransport,
)
from bcifs_console.operations.connection_file import (
    ConnectionFile,
    account_notes,
    check_vouchers,
    read_connection_file,
)

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
CONFIG = Path(__file__).parents[2] / "config"
SECRETS = {"BC_CLIENT_SECRET": "a", "BC_ACCESS_TOKEN": "b", "IFS_CLIENT_SECRET": "c"}
FILE = """
name = "acme-us"
[bigcommerce]
store_hash = "abc123"
client_id = "id"
client_secret = "env:BC_CLIENT_SECRET"
access_token = "env:BC_ACCESS_TOKEN"
public_url = "https://hooks.example.com"
[ifs]
base_url = "https://acme.ifs.cloud"
realm = "acmeprod"
client_id = "id"
client_secret = "env:IFS_CLIENT_SECRET"
company = "10"
site = "100"
{ifs}
[policy]
revenue_posting = "{revenue}"
order_type_never_invoices = true
time_zone = "America/Chicago"
{policy}
[mapping]
{mapping}
"""
REVENUE = 'revenue_account = "4000"'
BALANCE = '[mapping.accounts]\ncustomer_balance = "2420"\n'


def read(
    folder: Path,
    *,
    ifs: str = "",
    policy: str = "",
    mapping: str = 'revenue_account = "4000"',
    revenue: str = "voucher",
) -> ConnectionFile:
    path = folder / "connection.toml"
    path.write_text(FILE.format(ifs=ifs, policy=policy, mapping=mapping, revenue=revenue), encoding="utf-8")
    return read_connection_file(path, now=NOW, environment=SECRETS)


def results(file: ConnectionFile, purpose: Purpose) -> list[tuple[str, int]]:
    """What the rules of a purpose give and how many conditions each has, in the order they are tried."""
    return [(rule.result, len(rule.conditions)) for rule in Rules(file.rules).of(purpose)]


def test_vouchers_are_off_until_they_are_chosen(tmp_path: Path) -> None:
    policy = read(tmp_path).settings.policy
    assert (policy.voucher_transport, policy.post_from, policy.makes_vouchers) == (VoucherTransport.OFF, None, False)
    assert (policy.tax_point, policy.closed_period) == (TaxPoint.SHIPMENT, ClosedPeriod.WAIT)
    assert policy.count_test_tenders is False


def test_every_choice_about_vouchers_is_read(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        ifs='voucher_transport = "external_file"',
        policy='post_from = 2026-12-24\ntax_point = "payment"\nclosed_period = "next_open"\ncount_test_tenders = true',
        mapping=BALANCE + 'tax_on_prepayments = "2615"',
    )
    policy = file.settings.policy
    assert policy.voucher_transport is VoucherTransport.EXTERNAL_FILE
    assert policy.post_from == datetime(2026, 12, 24, 6, tzinfo=UTC), "midnight in Chicago"
    assert (policy.tax_point, policy.closed_period) == (TaxPoint.PAYMENT, ClosedPeriod.NEXT_OPEN)
    assert policy.count_test_tenders is True
    assert "voucher_transport" not in file.settings.ifs, "it is a choice, not access data"


def test_a_post_from_without_a_zone_waits_for_the_stores(tmp_path: Path) -> None:
    path = tmp_path / "connection.toml"
    text = FILE.format(ifs="", policy="post_from = 2026-12-24", mapping="", revenue="voucher")
    path.write_text(text.replace('time_zone = "America/Chicago"', ""))
    file = read_connection_file(path, now=NOW, environment=SECRETS)
    assert file.local_post_from == datetime(2026, 12, 24)  # noqa: DTZ001 - without a zone is the point
    assert file.local_start is None


def test_an_account_is_a_rule_after_the_written_ones_and_before_the_shipped(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        mapping="""
[[mapping.rules]]
purpose = "clearing"
when = { gateway = "paypal*" }
result = "1585"
[mapping.accounts]
clearing = "1580"
revenue = "4000"
""",
    )
    assert results(file, Purpose.CLEARING) == [("1585", 1), ("1580", 0)]
    assert results(file, Purpose.REVENUE) == [("4000", 0)]
    assert results(file, Purpose.TAX), "shipped rules of what the file says nothing about stay"
    assert len({(rule.purpose, rule.position) for rule in file.rules}) == len(file.rules)


def test_what_the_connection_file_says_goes_before_its_mapping_file(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text(
        'revenue_account = "4010"\n[accounts]\nclearing = "1580"\ngoodwill = "4910"\n'
        '[[rules]]\npurpose = "clearing"\nwhen = { gateway = "x" }\nresult = "1585"\n'
    )
    file = read(tmp_path, mapping='file = "mapping.toml"\n[mapping.accounts]\nrevenue = "4000"\nclearing = "1590"\n')
    assert results(file, Purpose.REVENUE) == [("4000", 0)]
    assert results(file, Purpose.CLEARING) == [("1585", 1), ("1590", 0)]
    assert results(file, Purpose.GOODWILL) == [("4910", 0)]


@pytest.mark.parametrize("purpose", sorted(p.value for p in ACCOUNT_PURPOSES))
def test_every_account_purpose_has_a_short_form(tmp_path: Path, purpose: str) -> None:
    file = read(tmp_path, mapping=f'[mapping.accounts]\n{purpose} = "1234"')
    assert results(file, Purpose(purpose)) == [("1234", 0)]


def test_a_code_part_may_depend_on_what_its_account_is_for(tmp_path: Path) -> None:
    rule = '[[mapping.rules]]\npurpose = "code_part_b"\nwhen = {{ purpose = {} }}\nresult = "WEB"'
    file = read(tmp_path, mapping=rule.format('["*_income", "returns"]'))
    (found,) = Rules(file.rules).of(Purpose.CODE_PART_B)
    assert found.conditions == (Condition(ConditionField.PURPOSE, ("*_income", "returns")),)


MISTAKES = {
    "purpose on another rule": (
        {"mapping": '[[mapping.rules]]\npurpose = "clearing"\nwhen = { purpose = "returns" }\nresult = "1"'},
        ("mapping.rules.0", "a rule for clearing cannot test purpose", "code_part_b"),
    ),
    "a purpose that no account has": (
        {"mapping": '[[mapping.rules]]\npurpose = "code_part_b"\nwhen = { purpose = "sales" }\nresult = "1"'},
        ("'sales'", "shipping_income"),
    ),
    "no account": ({"mapping": '[mapping.accounts]\npay_term = "30"'}, ("pay_term is no account", "customer_balance")),
    "an unknown account": ({"mapping": '[mapping.accounts]\ncash = "1"'}, ("mapping.accounts.cash",)),
    "an empty account": ({"mapping": '[mapping.accounts]\ngoodwill = ""'}, ("mapping.accounts.goodwill",)),
    "revenue twice": (
        {"mapping": 'revenue_account = "4000"\n[mapping.accounts]\nrevenue = "4010"'},
        ("revenue_account", "accounts.revenue"),
    ),
    "unknown transport": ({"ifs": 'voucher_transport = "email"'}, ("ifs.voucher_transport", "external_file")),
    "unknown tax point": ({"policy": 'tax_point = "invoice"'}, ("policy.tax_point", "shipment")),
    "unknown closed period": ({"policy": 'closed_period = "skip"'}, ("policy.closed_period", "next_open")),
    "no date": ({"policy": 'post_from = "soon"'}, ("policy.post_from",)),
    "no customer balance": (
        {"ifs": 'voucher_transport = "rest"'},
        ("voucher_transport", "customer_balance", "[mapping.accounts]"),
    ),
    "no account for declared tax": (
        {"ifs": 'voucher_transport = "rest"', "policy": 'tax_point = "payment"', "mapping": BALANCE},
        ("tax_on_prepayments",),
    ),
    "tax by vouchers that book none": (
        {"revenue": "ifs_invoice", "policy": 'tax_point = "payment"'},
        ("tax_point", "ifs_invoice", "exclude"),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_about_vouchers_is_named_with_its_remedy(tmp_path: Path, mistake: str) -> None:
    given, named = MISTAKES[mistake]
    with pytest.raises(UsageProblem) as caught:
        read(tmp_path, **given)
    for word in named:
        assert word in str(caught.value)
    assert caught.value.remedy


def test_a_mistake_in_the_mapping_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('[accounts]\nship_via = "1"\n')
    with pytest.raises(UsageProblem) as caught:
        read(tmp_path, mapping='file = "mapping.toml"')
    assert str(tmp_path / "mapping.toml") in caught.value.message


def policy(**changes: object) -> Policy:
    values: dict[str, object] = {
        "start_at": NOW,
        "revenue_posting": RevenuePosting.VOUCHER,
        "voucher_transport": VoucherTransport.REST,
    }
    return Policy(**(values | changes))  # type: ignore[arg-type] # fields of a Policy


def test_accounts_that_vouchers_may_miss_are_told() -> None:
    mapped = ACCOUNT_PURPOSES - {Purpose.GOODWILL, Purpose.TAX_ON_PREPAYMENTS}
    note = "No account for {}: an order that needs one waits."
    assert account_notes(policy(), mapped) == (note.format("goodwill"),)
    assert account_notes(policy(), ACCOUNT_PURPOSES) == ()
    both = account_notes(policy(tax_point=TaxPoint.PAYMENT), mapped)
    assert both == (note.format("tax_on_prepayments, goodwill"),)
    assert account_notes(policy(voucher_transport=VoucherTransport.OFF), ()) == ()
    cash = "customer_balance, clearing, gift_certificate_liability, store_credit_liability"
    assert account_notes(policy(revenue_posting=RevenuePosting.IFS_INVOICE), ()) == (note.format(cash),)


def test_nothing_is_asked_of_the_mapping_while_vouchers_are_off() -> None:
    check_vouchers(policy(voucher_transport=VoucherTransport.OFF), ())
    with pytest.raises(UsageProblem):
        check_vouchers(policy(), ())


@pytest.mark.parametrize("name", ["connection.example.toml", "mapping.example.toml"])
def test_the_shipped_examples_map_every_account(tmp_path: Path, name: str) -> None:
    text = (CONFIG / "connection.example.toml").read_text(encoding="utf-8")
    if name == "mapping.example.toml":
        text = text.partition("[mapping]")[0] + f'[mapping]\nfile = "{CONFIG / name}"\n'
    path = tmp_path / "connection.toml"
    path.write_text(text, encoding="utf-8")
    file = read_connection_file(path, now=NOW, environment=SECRETS)
    assert file.settings.policy.voucher_transport is VoucherTransport.REST
    named = {rule.purpose for rule in file.rules}
    assert named >= ACCOUNT_PURPOSES
    chart = (CONFIG.parent / "docs" / "simulator.md").read_text(encoding="utf-8")
    accounts = {rule.result for rule in file.rules if rule.purpose in ACCOUNT_PURPOSES}
    assert [account for account in accounts if f"| {account} |" not in chart] == []
