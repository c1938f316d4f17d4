"""The filter grammar: what is typed is what is meant, what is written can be read back, mistakes say what is right."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.console.filters import FilterProblem, parse, toggled, write
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.store.views.order_filter import (
    PROBLEMS,
    Condition,
    Contains,
    Day,
    Named,
    OneOf,
    OrderFilter,
    Placed,
    Relation,
    Searched,
    Total,
)

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_SIGNS = st.booleans()


def _words(field: Named, words: list[str]) -> st.SearchStrategy[Condition]:
    values = st.lists(st.sampled_from(words), min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(OneOf, st.just(field), values, _SIGNS)


_CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    _words(Named.STATE, [state.value for state in OrderState]),
    _words(Named.REASON, [reason.value for reason in Reason]),
    _words(Named.CURRENCY, ["EUR", "USD", "JPY"]),
    _words(Named.ORDER, ["1", "1042", "999999999999"]),
    st.builds(OneOf, st.sampled_from([Named.CONNECTION, Named.CAUSE]), st.tuples(_TEXTS), _SIGNS),
    st.builds(Contains, st.sampled_from(Searched), _TEXTS, _SIGNS),
    st.builds(
        Total,
        st.sampled_from(Relation),
        st.decimals(min_value=-(10**11), max_value=10**11, places=4, allow_nan=False, allow_infinity=False),
        _SIGNS,
    ),
    st.builds(
        Placed, st.sampled_from(Relation), st.one_of(st.dates(), st.sampled_from(Day), st.integers(0, 9999)), _SIGNS
    ),
)


@given(st.lists(_CONDITIONS, max_size=4).map(lambda found: OrderFilter(tuple(found))))
def test_what_is_written_is_read_back_as_it_was(wanted: OrderFilter) -> None:
    assert parse(write(wanted)) == wanted


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_a_mistake_with_a_remedy(typed: str) -> None:
    wanted, mistake = OrderFilter(), None
    try:
        wanted = parse(typed)
    except FilterProblem as problem:
        mistake = problem
    assert mistake is None or (mistake.message and mistake.remedy)
    assert parse(write(wanted)) == wanted


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", ()),
        ("acme  ltd", (Contains(Searched.ANY, "acme"), Contains(Searched.ANY, "ltd"))),
        ('"acme ltd"', (Contains(Searched.ANY, "acme ltd"),)),
        ("-acme", (Contains(Searched.ANY, "acme", negated=True),)),
        ("state:fail,wait", (OneOf(Named.STATE, ("failed", "waiting")),)),
        ("state:problems", (PROBLEMS,)),
        ("-reason:map", (OneOf(Named.REASON, ("mapping",), negated=True),)),
        ("STATE:Failed", (OneOf(Named.STATE, ("failed",)),)),
        ("total>1,000.50", (Total(Relation.ABOVE, Decimal("1000.50")),)),
        ("total:>=5", (Total(Relation.FROM, Decimal(5)),)),
        ("placed:today", (Placed(Relation.IS, Day.TODAY),)),
        ("placed>2026-11-01", (Placed(Relation.ABOVE, date(2026, 11, 1)),)),
        ("placed:7d", (Placed(Relation.IS, 7),)),
        ("order:#1042,7", (OneOf(Named.ORDER, ("1042", "7")),)),
        ("currency:eur", (OneOf(Named.CURRENCY, ("EUR",)),)),
        ('customer:"Müller \\"x\\""', (Contains(Searched.CUSTOMER, 'Müller "x"'),)),
        ("cause:mapping:SKU-7", (OneOf(Named.CAUSE, ("mapping:SKU-7",)),)),
        ('"http://x"', (Contains(Searched.ANY, "http://x"),)),
    ],
)
def test_what_is_typed_is_what_is_meant(typed: str, meant: tuple[Condition, ...]) -> None:
    assert parse(typed).conditions == meant


@pytest.mark.parametrize(
    ("typed", "message", "remedy"),
    [
        ("state:s", "could be synced or skipped", "Type more"),
        ("state:nonsense", "No state is nonsense", "synced"),
        ("sku:MUG", "no field sku", "problem:"),
        ("colour:red", "no field colour", "state"),
        ("total:many", "no amount", "total>100"),
        ("total>1.23456", "no amount", "total>100"),
        ("placed:2026-13-01", "no day", "2026-11-01"),
        ("order:12x", "no order number", "order:1042"),
        ("state>failed", "no more or less", "synced"),
        ("state:", "what?", "synced"),
        ('"open', "is open", "Close it"),
        ("-", "nothing after", "-acme"),
    ],
)
def test_a_mistake_says_what_would_be_right(typed: str, message: str, remedy: str) -> None:
    with pytest.raises(FilterProblem, match=message) as raised:
        parse(typed)
    assert remedy in raised.value.remedy


def test_a_condition_is_toggled_beside_the_others() -> None:
    wanted = parse("acme")
    assert write(toggled(wanted, PROBLEMS)) == "acme state:failed,waiting"
    assert toggled(toggled(wanted, PROBLEMS), PROBLEMS) == wanted
