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
        ('[customer.lookup]\nkind = "quick_report"', "customer.lookup.kind"),
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
