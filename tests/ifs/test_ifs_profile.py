"""The profile: the shipped one is whole, a site's own needs only what differs, mistakes are named."""

from pathlib import Path

import pytest

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.ifs.profile import DeliveryAddressMode, IfMatch, LookupKind, load_profile


def site(tmp_path: Path, text: str) -> str:
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_shipped_profile_holds_the_evidence_of_the_facts() -> None:
    profile = load_profile("default")
    assert profile.layer == "main"
    assert profile.if_match is IfMatch.REQUIRED
    assert profile.order.reference == "CustomerPoNo"
    assert profile.line.reference == "CustomerPoLineNo"
    assert profile.customer.lookup.kind is LookupKind.CUSTOM_FIELD
    assert profile.delivery_address.mode is DeliveryAddressMode.SINGLE_OCCURRENCE
    assert profile.pre_posting.code_part_property("B") == "CodenoB"
    assert profile.customer.creation.info_defaults["DefaultDomain"] is True


def test_a_sites_profile_changes_only_what_it_names(tmp_path: Path) -> None:
    path = site(
        tmp_path, 'layer = "int"\n[order]\nrelease_action = ""\n[order.defaults]\nOrderId = "SEO"\nDistrictCode = "9"\n'
    )
    profile, default = load_profile(path), load_profile("default")
    assert profile.layer == "int"
    assert profile.order.release_action == ""
    assert profile.order.defaults == {**default.order.defaults, "OrderId": "SEO", "DistrictCode": "9"}
    assert profile.line == default.line


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('relase_action = "x"', "unknown key relase_action"),
        ('[order]\nrelaese_action = "x"', "unknown key order.relaese_action"),
        ("[customer.lookup]\nfolds = true", "unknown key customer.lookup.folds"),
        ('page_size = "many"', "page_size"),
        ("page_size = 0", "page_size"),
        ('[order]\nreference = "A eq 1"', "order.reference"),
        ('[order]\nreference = ""', "order.reference"),
        ('if_match = "never"', "if_match"),
        ('[customer.lookup]\nkind = "soundex"', "customer.lookup.kind"),
        ('[customer.lookup]\npath = "https://evil.example/X.svc/Y"', "customer.lookup.path"),
        ('token_path = "//evil.example/token"\nlayer = "main extra"', "layer"),
        ("layer = [", "no TOML"),
        ("order = 1", "order"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationProblem, match=named):
        load_profile(site(tmp_path, text))


def test_a_profile_that_is_nowhere_is_named() -> None:
    with pytest.raises(ConfigurationProblem, match=r"acme-custom"):
        load_profile("acme-custom")


def test_fractions_stay_exact(tmp_path: Path) -> None:
    assert (
        str(load_profile(site(tmp_path, "[line.defaults]\nCurrencyRate = 1.10")).line.defaults["CurrencyRate"])
        == "1.10"
    )


def test_the_shipped_voucher_tables_hold_the_recorded_row_names() -> None:
    voucher = load_profile("default").voucher
    assert (voucher.row.currency_debit, voucher.row.tax_code, voucher.row.code_part_property("J")) == (
        "CurrencyDebetAmount",
        "OptionalCode",
        "CodeJ",
    )
    assert [(source.path, source.key) for source in voucher.lookup_sources] == [
        ("VoucherHandling.svc/VoucherSet", "VoucherText"),
        ("VoucherRowsAnalysis.svc/VoucherRowSet", "ReferenceNumber"),
    ]
    assert voucher.send_tax_code is False


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[voucher]\nlookup_sources = []", "voucher.lookup_sources"),
        ('[voucher]\nlookup_sources = [{ path = "X.svc/Y" }]', "voucher.lookup_sources.0.key"),
        ('[voucher]\nanalysis = ""', "voucher.analysis"),
        ('[voucher]\nvoucher_type = "M-1"', "voucher.voucher_type"),
        ('[voucher]\ntransport = "rest"', "unknown key voucher.transport"),
        ('[voucher.row]\ncode_part = "Code"', "voucher.row.code_part"),
        ('[voucher.row]\nreference = ""', "voucher.row.reference"),
        ('[voucher.period]\nfirst_day = ""', "both first_day and last_day"),
        ('[voucher.rate]\naccounting_currency = "sek"', "voucher.rate.accounting_currency"),
        ('[order]\ntracking_heading = ""', "order.tracking_heading"),
    ],
)
def test_mistakes_in_the_voucher_tables_are_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationProblem, match=named):
        load_profile(site(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        '[voucher.rate]\npath = ""\naccounting_currency = "SEK"',
        '[voucher.period]\npath = ""\nfirst_day = ""\nlast_day = ""',
        '[voucher]\nconfirm_action = ""\nconfirmed_states = ["AwaitingApproval"]',
    ],
)
def test_what_a_site_can_do_without_can_be_left_out(tmp_path: Path, text: str) -> None:
    assert load_profile(site(tmp_path, text)).voucher != load_profile("default").voucher
