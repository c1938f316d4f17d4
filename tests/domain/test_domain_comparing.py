"""A buyer beside one IFS customer: what agrees, what is alike, what differs."""

from dataclasses import replace
from typing import Final

import pytest

from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.comparing import Agreement, Compared, compare
from bcifs_console.domain.orders import Address

HOME: Final = Address(first_name="Jane", last_name="Doe", phone="+1 713 555 0142", zip="77002")
JANE: Final = Buyer("customer:1", "jane@acme.example", "Jane Doe", "", is_guest=False, address=HOME)
NONE: Final = ((), (), ())


def facts(buyer: Buyer, name: str, *known: tuple[str, ...]) -> dict[str, Compared]:
    emails, phones, postcodes = known
    return {each.fact: each for each in compare(buyer, name, emails, phones, postcodes)}


@pytest.mark.parametrize(
    ("name", "agreement"),
    [
        ("DOE, Jane", Agreement.SAME),
        ("Jane Do", Agreement.ALIKE),
        ("Tycho Brahe", Agreement.DIFFERS),
        ("", Agreement.UNKNOWN),
    ],
)
def test_names(name: str, agreement: Agreement) -> None:
    assert facts(JANE, name, *NONE)["name"].agreement is agreement


def test_the_customers_one_name_stands_beside_what_it_is_more_like() -> None:
    company = replace(JANE, company="Acme Industrial Ltd")
    found = facts(company, "Acme Industrial Limited", *NONE)
    assert (found["company"].agreement, found["company"].theirs) == (Agreement.SAME, "Acme Industrial Limited")
    assert (found["name"].agreement, found["name"].theirs) == (Agreement.UNKNOWN, "")
    person = facts(company, "Jane Doe", *NONE)
    assert (person["name"].agreement, person["company"].theirs) == (Agreement.SAME, "")


@pytest.mark.parametrize(
    ("emails", "agreement", "nearest"),
    [
        (("x@y.example", "JANE@acme.example"), Agreement.SAME, "JANE@acme.example"),
        (("x@y.example", "office@acme.example"), Agreement.ALIKE, "office@acme.example"),
        (("x@y.example",), Agreement.DIFFERS, "x@y.example"),
        (("jané@acme.example",), Agreement.ALIKE, "jané@acme.example"),
        ((), Agreement.UNKNOWN, ""),
    ],
)
def test_the_nearest_email_is_shown(emails: tuple[str, ...], agreement: Agreement, nearest: str) -> None:
    found = facts(JANE, "", emails, (), ())["e-mail"]
    assert (found.agreement, found.theirs) == (agreement, nearest)


def test_free_mail_makes_nobody_alike() -> None:
    free = replace(JANE, email="jane@gmail.com")
    assert facts(free, "", ("bob@gmail.com",), (), ())["e-mail"].agreement is Agreement.DIFFERS


def test_phones_and_postcodes_are_compared_however_they_are_written() -> None:
    found = facts(JANE, "", (), ("…5550142",), ("77 002",))
    assert found["phone"].agreement is Agreement.SAME
    assert found["postcode"].agreement is Agreement.SAME
    other = facts(JANE, "", (), ("555 9999",), ("10001",))
    assert {other["phone"].agreement, other["postcode"].agreement} == {Agreement.DIFFERS}


def test_what_the_buyer_did_not_say_is_compared_with_nothing() -> None:
    silent = replace(JANE, email="", address=Address())
    found = facts(silent, "Jane Doe", ("a@b.example",), ("5550142",), ("77002",))
    assert {found[fact].agreement for fact in ("e-mail", "phone", "postcode")} == {Agreement.UNKNOWN}
