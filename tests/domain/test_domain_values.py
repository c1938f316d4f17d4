"""Small rules that sit on the values themselves."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bcifs_console.domain.documents import (
    DocumentKind,
    DocumentState,
    Figures,
    Ledger,
    LedgerDocument,
    LedgerPart,
    PartState,
    TaxTreatment,
)
from bcifs_console.domain.orders import Address
from bcifs_console.domain.rules import IMPORT_STATUSES, RELEASE_STATUSES, MappingRule, Purpose, Rules
from bcifs_console.domain.states import Claim, order_subject


def document(kind: DocumentKind, *parts: LedgerPart) -> LedgerDocument:
    return LedgerDocument(
        id=1,
        connection_id=1,
        subject="order:5001",
        key="BC-5001",
        kind=kind,
        state=DocumentState.SENT,
        fact_hash="",
        amount=Decimal(0),
        currency="USD",
        reference="",
        etag="",
        draft="{}",
        created_at=datetime(2026, 12, 1, tzinfo=UTC),
        parts=parts,
    )


def test_rules_are_tried_by_position_and_purpose() -> None:
    rules = Rules(
        (
            MappingRule(Purpose.REVENUE, 2, "4000"),
            MappingRule(Purpose.TAX, 1, "default"),
            MappingRule(Purpose.REVENUE, 1, "4100"),
        )
    )
    assert [rule.result for rule in rules.of(Purpose.REVENUE)] == ["4100", "4000"]
    assert rules.of(Purpose.SHIP_VIA) == ()


def test_a_rule_is_named_so_that_people_find_it() -> None:
    assert MappingRule(Purpose.REVENUE, 3, "4000", version=2).label == "revenue#3 v2"


def test_only_a_confirmed_part_counts_as_done() -> None:
    for state in PartState:
        found = document(DocumentKind.CUSTOMER_ORDER, LedgerPart("header", 1, state))
        assert found.is_confirmed("header") is (state is PartState.CONFIRMED)
    assert not found.is_confirmed("line:1")
    assert found.part("line:1") is None


def test_the_customer_order_of_a_ledger_is_found_among_others() -> None:
    wanted = document(DocumentKind.CUSTOMER_ORDER)
    assert Ledger((document(DocumentKind.CUSTOMER), wanted)).customer_order() is wanted
    assert Ledger((document(DocumentKind.CUSTOMER),)).customer_order() is None


def test_a_difference_is_computed_minus_stated() -> None:
    assert Figures("gross", Decimal("10.00"), Decimal("9.95"), "USD").difference == Decimal("-0.05")


@pytest.mark.parametrize(
    ("treatment", "group"),
    [(TaxTreatment(True), "default"), (TaxTreatment(code="S"), "S"), (TaxTreatment(), "")],
)
def test_tax_is_grouped_by_how_ifs_is_to_tax(treatment: TaxTreatment, group: str) -> None:
    assert treatment.group == group


def test_a_name_has_no_blank_at_its_ends() -> None:
    assert Address(first_name="Ann").name == "Ann"
    assert Address(last_name="Lee").name == "Lee"
    assert Address().name == ""


def test_statuses_that_are_released_are_imported() -> None:
    assert RELEASE_STATUSES <= IMPORT_STATUSES


def test_a_claim_names_its_order_as_the_ledger_does() -> None:
    held = Claim(1, 5001, "w1", 1, 1, 0, datetime(2026, 12, 1, tzinfo=UTC))
    assert held.subject == order_subject(5001) == "order:5001"
