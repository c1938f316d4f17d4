"""Comparing two sets of books: whatever is planted is found, exactly that, and in its place."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.operations.reconciling import (
    Allowance,
    Booked,
    BookKind,
    Compared,
    Difference,
    Expected,
    Reasoned,
    Verdict,
    What,
    compare,
)

DAY = date(2026, 12, 1)
LAST = DAY + timedelta(days=6)
GOOD = Reasoned("It waits.", "Wait with it.")


def fact(key: str = "BC-1/PAY/1", amount: str = "69.84", **changes: Any) -> Expected:
    values: dict[str, Any] = {"kind": BookKind.PAYMENTS, "day": DAY, "currency": "USD", "order_id": 1}
    return Expected(key=key, amount=Decimal(amount), **(values | changes))


def entry(key: str = "BC-1/PAY/1", amount: str = "69.84", **changes: Any) -> Booked:
    values: dict[str, Any] = {"kind": BookKind.PAYMENTS, "day": DAY, "currency": "USD", "reference": f"M-{key}"}
    return Booked(key=key, amount=Decimal(amount), **(values | changes))


def one(expected: list[Expected], booked: list[Booked], **how: Any) -> Compared:
    (found,) = compare(expected, booked, DAY, LAST, **how)
    return found


def only(found: Compared) -> Difference:
    (difference,) = found.differences
    return difference


# -- single differences ------------------------------------------------------------------------------------------------


def test_two_sides_that_agree_are_green_with_their_sums() -> None:
    found = one([fact(), fact("BC-2/PAY/2", "10")], [entry("BC-2/PAY/2", "10.00"), entry()])
    assert (found.day, found.currency, found.kind, found.verdict) == (DAY, "USD", BookKind.PAYMENTS, Verdict.GREEN)
    assert (found.store_count, found.store_sum, found.ifs_count, found.ifs_sum) == (
        2,
        Decimal("79.84"),
        2,
        Decimal("79.84"),
    )


def test_what_ifs_lacks_is_red_unless_something_explains_it() -> None:
    found = one([fact()], [])
    assert (only(found).what, only(found).verdict, found.verdict) == (What.MISSING, Verdict.RED, Verdict.RED)
    assert (only(found).store_amount, only(found).ifs_amount) == (Decimal("69.84"), None)
    found = one([fact(absent=GOOD)], [])
    assert (found.verdict, only(found).explanation, only(found).remedy) == (
        Verdict.EXPLAINED,
        "It waits.",
        "Wait with it.",
    )
    assert (found.store_count, found.ifs_count, found.ifs_sum) == (1, 0, Decimal(0))


def test_what_only_ifs_has_is_a_stray_unless_it_is_known() -> None:
    found = one([], [entry("", reference="M-2026-7")])
    assert (only(found).what, only(found).ifs_reference, found.verdict) == (What.STRAY, "M-2026-7", Verdict.RED)
    assert (found.store_count, found.ifs_count, found.ifs_sum) == (0, 1, Decimal("69.84"))
    found = one([], [entry()], strays={"BC-1/PAY/1": GOOD})
    assert (found.verdict, only(found).explanation) == (Verdict.EXPLAINED, "It waits.")


def test_strays_without_a_key_are_each_found() -> None:
    found = one([], [entry("", "1"), entry("", "2")])
    assert [d.ifs_amount for d in found.differences] == [Decimal(1), Decimal(2)]


def test_another_amount_is_red_but_for_what_is_allowed() -> None:
    assert only(one([fact()], [entry(amount="70.84")])).what is What.AMOUNT
    assert "+1.00 USD" in only(one([fact()], [entry(amount="70.84")])).explanation
    allowed = fact(allowances=(Allowance(Decimal("51.84"), "A line was lowered."),), tolerance=Decimal("0.05"))
    lowered = one([allowed], [entry(amount="51.84")])
    assert (lowered.verdict, only(lowered).explanation) == (Verdict.EXPLAINED, "A line was lowered.")
    assert one([allowed], [entry(amount="51.80")]).verdict is Verdict.EXPLAINED
    assert one([allowed], [entry(amount="69.89")]).verdict is Verdict.EXPLAINED, "within the cap"
    assert one([allowed], [entry(amount="69.90")]).verdict is Verdict.RED


def test_the_right_amount_on_wrong_accounts_is_red() -> None:
    posted = {"1580": Decimal("69.84"), "2420": Decimal("-69.84")}
    assert one([fact(entries=posted)], [entry(entries=dict(posted))]).verdict is Verdict.GREEN
    found = one([fact(entries=posted)], [entry(entries={"1580": Decimal("69.84"), "4999": Decimal("-69.84")})])
    assert (only(found).what, found.verdict) == (What.ACCOUNTS, Verdict.RED)
    assert "2420: 0 instead of -69.84" in only(found).explanation
    assert "4999: -69.84 instead of 0" in only(found).explanation


def test_another_currency_is_told_once_and_counts_on_its_own_side() -> None:
    usd, eur = sorted(compare([fact()], [entry(currency="EUR")], DAY, LAST), key=lambda row: row.currency != "USD")
    assert (only(usd).what, usd.verdict, eur.verdict) == (What.CURRENCY, Verdict.RED, Verdict.GREEN)
    assert (usd.store_count, usd.ifs_count, eur.ifs_count) == (1, 0, 1)


def test_the_same_key_twice_is_red_and_the_right_one_is_taken_for_ours() -> None:
    found = one([fact()], [entry(amount="1", reference="wrong"), entry(reference="right")])
    assert (only(found).what, only(found).ifs_reference) == (What.TWICE, "wrong")
    assert found.ifs_count == 2


def test_a_fault_is_red_though_both_sides_agree() -> None:
    found = one([fact()], [entry(fault=Reasoned("It was invoiced.", "Credit it.", is_good=False))])
    assert (only(found).what, found.verdict, only(found).remedy) == (What.FAULT, Verdict.RED, "Credit it.")


def test_another_day_is_red_but_for_the_one_it_was_moved_to() -> None:
    moved = DAY + timedelta(days=3)
    today, later = compare([fact()], [entry(day=moved)], DAY, LAST)
    assert (only(today).what, today.verdict, later.verdict) == (What.DAY, Verdict.RED, Verdict.GREEN)
    assert (today.store_count, today.ifs_count, later.store_count, later.ifs_count) == (1, 0, 0, 1)
    known = fact(moved_to=moved, moved_because="Its period was closed.")
    today, _ = compare([known], [entry(day=moved)], DAY, LAST)
    assert (today.verdict, only(today).explanation) == (Verdict.EXPLAINED, "Its period was closed.")
    other, *_ = compare([known], [entry(day=moved + timedelta(days=1))], DAY, LAST)
    assert other.verdict is Verdict.RED


def test_what_ifs_dates_by_its_own_clock_counts_on_the_stores_day() -> None:
    found = one([fact(any_day=True)], [entry(day=DAY + timedelta(days=3))])
    assert (found.verdict, found.store_count, found.ifs_count) == (Verdict.GREEN, 1, 1)


def test_days_that_were_not_asked_for_are_left_out() -> None:
    before, after = DAY - timedelta(days=1), LAST + timedelta(days=1)
    assert compare([fact(day=before)], [], DAY, LAST) == []
    assert compare([], [entry(day=after)], DAY, LAST) == []
    moved_in = compare([fact(day=before, moved_to=DAY, moved_because="moved")], [entry()], DAY, LAST)
    assert [(row.day, row.store_count, row.ifs_count, row.verdict) for row in moved_in] == [
        (DAY, 0, 1, Verdict.EXPLAINED)
    ]
    moved_out = compare([fact(day=LAST, moved_to=after, moved_because="moved")], [entry(day=after)], DAY, LAST)
    assert [(row.day, row.store_count, row.ifs_count, row.verdict) for row in moved_out] == [
        (LAST, 1, 0, Verdict.EXPLAINED)
    ]


def test_rows_come_by_day_currency_and_kind() -> None:
    facts = [
        fact("1", kind=BookKind.REFUNDS),
        fact("2", currency="EUR"),
        fact("3", kind=BookKind.ORDERS),
        fact("4", day=DAY + timedelta(days=1)),
    ]
    found = compare(facts, [], DAY, LAST)
    assert [(row.day.day, row.currency, row.kind.value) for row in found] == [
        (1, "EUR", "payments"),
        (1, "USD", "orders"),
        (1, "USD", "refunds"),
        (2, "USD", "payments"),
    ]


def test_a_difference_as_json_has_texts_for_amounts_and_null_for_what_is_unknown() -> None:
    shown = only(one([fact(amount="5.50")], [])).as_json()
    assert shown == {
        "what": "missing",
        "key": "BC-1/PAY/1",
        "order_id": 1,
        "ifs_reference": None,
        "store_amount": "5.50",
        "ifs_amount": None,
        "store_day": "2026-12-01",
        "ifs_day": None,
        "verdict": "red",
        "explanation": "It is not in IFS, and nothing says why.",
        "remedy": None,
    }


# -- planted differences -----------------------------------------------------------------------------------------------

amounts = st.decimals(min_value="0.01", max_value="9999.99", places=2)


@st.composite
def books(draw: st.DrawFn) -> list[Expected]:
    """Facts of some days, currencies and kinds, each with a key of its own and its rows."""
    drawn = draw(
        st.lists(
            st.tuples(
                amounts,
                st.integers(0, 6),
                st.sampled_from(["USD", "EUR", "JPY"]),
                st.sampled_from([kind for kind in BookKind if kind is not BookKind.ORDERS]),
            ),
            max_size=25,
        )
    )
    return [
        fact(
            f"BC-{number}/PAY/{number}",
            str(amount),
            day=DAY + timedelta(days=offset),
            currency=currency,
            kind=kind,
            entries={"1580": amount, "2420": -amount},
        )
        for number, (amount, offset, currency, kind) in enumerate(drawn)
    ]


def mirrored(facts: list[Expected]) -> list[Booked]:
    """IFS as it should be."""
    return [
        Booked(f.key, f.kind, f.day, f.currency, f.amount, f"M-{f.key}", dict(f.entries or {}), order_id=f.order_id)
        for f in facts
    ]


@given(facts=books())
def test_books_that_agree_are_green_and_every_fact_is_counted_once(facts: list[Expected]) -> None:
    found = compare(facts, mirrored(facts), DAY, LAST)
    assert {row.verdict for row in found} <= {Verdict.GREEN}
    assert sum(row.store_count for row in found) == sum(row.ifs_count for row in found) == len(facts)
    assert all((row.store_count, row.store_sum) == (row.ifs_count, row.ifs_sum) for row in found)
    assert len({(row.day, row.currency, row.kind) for row in found}) == len(found)


@given(data=st.data(), facts=books())
def test_whatever_is_planted_is_found_exactly(data: st.DataObject, facts: list[Expected]) -> None:
    """Each voucher of IFS meets one fate, known here; the comparison must name precisely those."""
    fates = st.sampled_from(["same", "same", "deleted", "changed", "swapped", "moved", "doubled"])
    planted: Counter[tuple[What, str]] = Counter()
    booked: list[Booked] = []
    for own in mirrored(facts):
        match data.draw(fates):
            case "same":
                booked.append(own)
            case "deleted":
                planted[What.MISSING, own.key] += 1
            case "changed":
                booked.append(replace(own, amount=own.amount + data.draw(amounts)))
                planted[What.AMOUNT, own.key] += 1
            case "swapped":
                booked.append(replace(own, entries={"1910": own.amount, "2420": -own.amount}))
                planted[What.ACCOUNTS, own.key] += 1
            case "moved":
                shift = timedelta(days=data.draw(st.sampled_from([-400, -1, 1, 400])))
                booked.append(replace(own, day=own.day + shift))
                planted[What.DAY, own.key] += 1
            case _:
                booked += [own, replace(own, reference="again")]
                planted[What.TWICE, own.key] += 1
    for number in range(data.draw(st.integers(0, 3))):
        stray = entry(f"stray {number}", str(data.draw(amounts)), day=DAY + timedelta(days=number))
        booked.append(stray)
        planted[What.STRAY, stray.key] += 1
    shuffled = data.draw(st.permutations(booked))
    found = compare(facts, shuffled, DAY, LAST)
    assert Counter((d.what, d.key) for row in found for d in row.differences) == planted
    assert all(d.verdict is Verdict.RED for row in found for d in row.differences)
    in_range = [own for own in booked if DAY <= own.day <= LAST]
    assert sum(row.ifs_count for row in found) == len(in_range)
    assert sum((row.ifs_sum for row in found), Decimal(0)) == sum((own.amount for own in in_range), Decimal(0))
    assert sum(row.store_count for row in found) == len(facts)


@given(facts=books(), excused=st.sets(st.integers(0, 24)))
def test_a_day_is_red_as_soon_as_one_difference_is_not_explained(facts: list[Expected], excused: set[int]) -> None:
    told = [replace(f, absent=GOOD) if number in excused else f for number, f in enumerate(facts)]
    for row in compare(told, [], DAY, LAST):
        verdicts = {d.verdict for d in row.differences}
        assert row.verdict is (Verdict.RED if Verdict.RED in verdicts else Verdict.EXPLAINED)
        assert len(row.differences) == row.store_count
