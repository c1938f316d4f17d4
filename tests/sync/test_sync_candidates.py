"""Whom an unknown buyer may be: scores, reasons and their order."""

from dataclasses import replace
from typing import Final

import pytest

from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.orders import Address
from bcifs_console.sync.candidates import LEAST_SCORE, SHOWN, KnownCustomer, ranked, score

HOME: Final = Address(
    first_name="Tycho",
    last_name="Brahe",
    zip="SW1A 1AA",
    phone="+45 555-0147 00",
    email="tycho@uraniborg.example",
)
TYCHO: Final = Buyer("customer:7", "tycho@uraniborg.example", "Tycho Brahe", "", is_guest=False, address=HOME)


@pytest.mark.parametrize(
    ("customer", "reason"),
    [
        (KnownCustomer("C1", "Someone", emails=("TYCHO@uraniborg.example ",)), "same e-mail"),
        (KnownCustomer("C1", "BRAHE, Tycho"), "same name"),
        (KnownCustomer("C1", "Tycho Brae"), "name 95 % alike"),
        (KnownCustomer("C1", "", emails=("sales@uraniborg.example",)), "same e-mail domain uraniborg.example"),
        (KnownCustomer("C1", "", domains=("uraniborg.example",)), "same e-mail domain uraniborg.example"),
        (KnownCustomer("C1", "", emails=("tycho@elsewhere.example",)), "e-mail name alike"),
        (KnownCustomer("C1", "", phones=("0045 (555) 014700",)), "same phone number"),
        (KnownCustomer("C1", "", postcodes=("sw1a1aa",)), "same postcode SW1A 1AA"),
        (KnownCustomer("C1", "", decided=True), "chosen before for a buyer like this"),
    ],
)
def test_each_likeness_scores_and_is_said(customer: KnownCustomer, reason: str) -> None:
    found = score(TYCHO, customer)
    assert found.score > 0
    assert found.reasons == (reason,)


def test_a_company_is_compared_with_the_customers_name_and_the_better_reading_counts() -> None:
    company = replace(TYCHO, company="Uraniborg Observatories Ltd")
    found = score(company, KnownCustomer("C1", "Uraniborg Observatories"))
    assert found.reasons == ("same company",)
    assert found.score > score(TYCHO, KnownCustomer("C1", "Tycho Brahe")).score


def test_free_mail_says_next_to_nothing() -> None:
    free = replace(TYCHO, email="tycho@gmail.com")
    found = score(free, KnownCustomer("C1", "", emails=("someone@gmail.com",)))
    assert found.score < LEAST_SCORE
    assert found.reasons == ("same free mail domain gmail.com",)


def test_a_domain_is_the_same_whatever_its_accents() -> None:
    buyer = replace(TYCHO, email="tycho@brahé.example")
    assert score(buyer, KnownCustomer("C1", "", domains=("brahe.example",))).score >= LEAST_SCORE


def test_nothing_in_common_is_nothing() -> None:
    found = score(TYCHO, KnownCustomer("C1", "Grace Hopper", ("grace@example.com",), (), ("555-9999999",), ("78701",)))
    assert (found.score, found.reasons) == (0, ())


def test_an_empty_buyer_is_like_nobody() -> None:
    nobody = Buyer("order:1", "", "order 1", "", is_guest=True, address=Address())
    assert score(nobody, KnownCustomer("C1", "", ("",), ("",), ("",), ("",))).score == 0


def test_knowing_more_that_agrees_never_lowers_the_score() -> None:
    little = KnownCustomer("C1", "Tycho Brahe")
    more = replace(little, emails=("sales@uraniborg.example",), phones=("555014700",), postcodes=("SW1A 1AA",))
    scores = [score(TYCHO, each).score for each in (little, replace(little, emails=more.emails), more)]
    assert scores == sorted(scores)
    assert scores[-1] <= 100


def test_who_holds_the_email_stands_first_and_is_never_left_out() -> None:
    alike = [KnownCustomer(f"C{n:02}", "Tycho Brahe", phones=("555014700",)) for n in range(20)]
    found = ranked(TYCHO, [*alike, KnownCustomer("Z9", "Someone else")], always=["Z9"])
    assert (found[0].customer_id, len(found)) == ("Z9", SHOWN)
    assert [c.customer_id for c in found[1:]] == sorted(c.customer_id for c in found[1:])


def test_strangers_are_not_shown_and_a_customer_stands_once_at_his_best() -> None:
    found = ranked(
        TYCHO,
        [KnownCustomer("C1", "Tycho"), KnownCustomer("C2", "Grace Hopper"), KnownCustomer("C1", "Tycho Brahe")],
    )
    assert [(c.customer_id, c.name) for c in found] == [("C1", "Tycho Brahe")]
    shown = {"customer_id": "C1", "name": "Tycho Brahe", "score": 40, "reasons": ["same name"]}
    assert shown.items() <= found[0].as_json.items()


def test_what_a_candidate_is_known_by_is_kept_with_it() -> None:
    found = score(TYCHO, KnownCustomer("C1", "Tycho Brahe", ("a@b.example", "a@b.example"), (), ("1234567",), ("1",)))
    assert (found.emails, found.phones, found.postcodes) == (("a@b.example",), ("1234567",), ("1",))
    assert found.as_json["emails"] == ["a@b.example"]
