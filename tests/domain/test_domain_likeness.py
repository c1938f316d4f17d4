"""What people are found by, and how alike their names are."""

import pytest

from bcifs_console.domain.buyers import folded_email
from bcifs_console.domain.contact_keys import domain_of, own_domain, phone_key, postcode_key, words_of
from bcifs_console.domain.likeness import name_likeness, ratio


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Ann.Lee@Example.COM ", "ann.lee@example.com"),
        ("ann@example.com\n", "ann@example.com"),
        ("STRASSE@Example.de", "strasse@example.de"),
        ("nobody", ""),
        ("a b@example.com", ""),
        ("n/a@none", ""),
        ("", ""),
    ],
)
def test_an_email_is_trimmed_and_folded_or_none(text: str, folded: str) -> None:
    assert folded_email(text) == folded


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Acme Tools GmbH & Co. KG", ("acme", "tools")),
        ("Émile  Zola", ("emile", "zola")),
        ("J. Smith-Smith", ("smith",)),
        ("Ltd.", ()),
    ],
)
def test_the_words_of_a_name_that_tell_something(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize("phone", ["+1 (512) 555-0147", "512.555.0147", "00 1 512 5550147", "5550147"])
def test_a_phone_is_known_by_its_last_digits_however_it_is_written(phone: str) -> None:
    assert phone_key(phone) == "5550147"


def test_a_few_digits_are_no_phone() -> None:
    assert phone_key("ext. 0147") == ""


def test_postcodes_and_domains() -> None:
    assert postcode_key(" sw1a 1AA") == postcode_key("SW1A1aa") == "sw1a1aa"
    assert domain_of("Ann@Example.COM") == "example.com"
    assert domain_of("ann") == ""
    assert (own_domain("ann@gmail.com"), own_domain("ann@example.com")) == ("", "example.com")


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Grace Hopper", "HOPPER, Grace", 1.0, 1.0),
        ("Acme Tools Ltd", "ACME TOOLS GmbH", 1.0, 1.0),
        ("Grace Hopper", "Grace Hooper", 0.85, 0.99),
        ("Grace Hopper", "Grace Hopper-Murray", 0.75, 0.95),
        ("Grace Hopper", "Tycho Brahe", 0.0, 0.6),
        ("Ltd", "GmbH", 0.0, 0.0),
    ],
)
def test_how_alike_names_are(one: str, other: str, least: float, most: float) -> None:
    assert least <= name_likeness(one, other) <= most
    assert name_likeness(one, other) == name_likeness(other, one)


def test_a_ratio_is_between_nothing_in_common_and_the_same() -> None:
    assert (ratio("abc", "abc"), ratio("abc", "xyz")) == (1.0, 0.0)
