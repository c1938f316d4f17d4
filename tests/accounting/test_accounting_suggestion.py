"""The rule suggested for what no rule answered fits that case, can be saved, and tests what people would test."""

import pytest
from hypothesis import given

from bcifs_console.accounting.mapping import default_rules, resolve
from bcifs_console.accounting.mapping_faults import faults_of
from bcifs_console.accounting.plan import plan
from bcifs_console.accounting.suggestion import suggested
from bcifs_console.domain.documents import Ledger
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Question, Rules
from tests.accounting.bookkeeping import ACCOUNTS, BOOK_RULES, BOOKS
from tests.accounting.building import KNOWN, ci
from tests.accounting.lives import Life, lives

F = ConditionField


@pytest.mark.parametrize(
    ("purpose", "facts", "expected"),
    [
        (Purpose.REVENUE, {F.SKU: " A-1 ", F.NAME: "Thing", F.CHANNEL: "1"}, {F.SKU: "A-1"}),
        (Purpose.SALES_PART, {F.SKU: " ", F.NAME: "Engraving"}, {F.NAME: "Engraving"}),
        (Purpose.CHARGE_TYPE, {F.CHARGE: "fee", F.NAME: "Rush"}, {F.CHARGE: "fee"}),
        (Purpose.TAX, {F.TAX_NAME: "VAT", F.TAX_RATE: "20"}, {F.TAX_NAME: "VAT"}),
        (Purpose.TAX, {F.TAX_RATE: "0", F.COUNTRY: "US"}, {F.TAX_RATE: "0"}),
        (Purpose.CLEARING, {F.GATEWAY: "", F.PAYMENT_METHOD: "cash"}, {F.PAYMENT_METHOD: "cash"}),
        (Purpose.TAX_ACCOUNT, {F.TAX_CODE: "", F.TAX_NAME: "VAT"}, {F.TAX_NAME: "VAT"}),
        (Purpose.CODE_PART_C, {F.SKU: "A-1"}, {F.SKU: "A-1"}),
        (Purpose.GOODWILL, {F.SKU: "A-1"}, {}),
        (Purpose.CUSTOMER_BALANCE, {F.CHANNEL: "1"}, {}),
    ],
)
def test_the_fact_that_tells_the_case_from_others(
    purpose: Purpose, facts: dict[F, str], expected: dict[F, str]
) -> None:
    found = suggested(Question(purpose, tuple(facts.items())))
    assert found == tuple(Condition(field, (pattern,)) for field, pattern in expected.items())


def blockers(life: Life, rules: Rules) -> list[Blocker]:
    of, seen_at = life.looks[-1]
    found = plan(of, KNOWN, rules, BOOKS, Ledger(), seen_at=seen_at)
    return [b for b in (*found.blockers, *found.pending) if b.reason is Reason.MAPPING]


@ci
@given(lives())
def test_a_suggested_rule_answers_what_nobody_answered_and_has_no_fault(life: Life) -> None:
    none = Rules(tuple(each for each in BOOK_RULES.rules if each.purpose is Purpose.CUSTOMER_BALANCE))
    without_accounts = Rules(tuple(each for each in BOOK_RULES.rules if each not in ACCOUNTS[1:]))
    for rules in (none, without_accounts, Rules(default_rules())):
        for blocker in blockers(life, rules):
            question = blocker.question
            assert question is not None, blocker
            rule = MappingRule(question.purpose, 1, "code:S", suggested(question))
            assert not faults_of(rule)
            assert resolve(Rules((rule,)), question.purpose, dict(question.facts)) == rule


def test_which_question_it_was_makes_no_other_problem() -> None:
    asked = Blocker(Reason.MAPPING, "m", "r", "s", question=Question(Purpose.REVENUE))
    assert asked == Blocker(Reason.MAPPING, "m", "r", "s")
    assert len({asked, Blocker(Reason.MAPPING, "m", "r", "s")}) == 1
