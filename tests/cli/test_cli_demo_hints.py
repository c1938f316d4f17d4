"""The demo's hints: one short line at any time, the next step first, keys as the console has them."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.cli.demo_hints import Seen, hint
from bcifs_console.console.actions import REGISTRY

SECTIONS = ("overview", "orders", "decisions", "webhooks", "mappings", "ledger", "jobs", "log")
#: What fits beside the arrow on a terminal of 80 columns.
WIDTH = 77

numbers = st.sampled_from((0, 1, 12_345))
seen = st.builds(
    Seen,
    section=st.sampled_from(SECTIONS),
    in_order=st.booleans(),
    visited=st.frozensets(st.sampled_from((*SECTIONS, "order"))),
    orders=numbers,
    waiting=numbers,
    open_decisions=numbers,
    decided=numbers,
    unmapped=numbers,
    mapped=st.booleans(),
    broken_hooks=numbers,
    vouchers=numbers,
    compared=st.booleans(),
)


@given(seen)
def test_there_is_always_one_line_and_it_fits(found: Seen) -> None:
    line = hint(found)
    assert 0 < len(line) <= WIDTH
    assert "\n" not in line


@given(seen)
def test_the_keys_it_names_are_the_consoles_own(found: Seen) -> None:
    pressed = re.findall(r"[Pp]ress (\S)", hint(found))
    keys = {key for action in REGISTRY.values() if action.id.startswith("everywhere.show_") for key in action.keys}
    assert set(pressed) <= keys


def test_the_tour_follows_what_the_person_does() -> None:
    start = Seen(orders=60, waiting=9, open_decisions=3, unmapped=4, vouchers=80)
    tour = [start]
    tour.append(replace(tour[-1], section="decisions", visited=frozenset({"decisions"})))
    tour.append(replace(tour[-1], decided=1, open_decisions=2))
    tour.append(replace(tour[-1], section="orders"))
    tour.append(replace(tour[-1], in_order=True, visited=frozenset({"decisions", "order"})))
    tour.append(replace(tour[-1], in_order=False, section="mappings"))
    tour.append(replace(tour[-1], mapped=True, section="overview"))
    tour.append(replace(tour[-1], section="ledger", visited=frozenset({"decisions", "order", "ledger"})))
    tour.append(replace(tour[-1], compared=True))
    tour.append(replace(tour[-1], broken_hooks=1))
    said = [hint(step) for step in tour]
    expected = (
        "does not know 3 buyers: press 3",
        "links the buyer",
        "Why? Press 2",
        "Enter on an order",
        "pages of this order",
        "honey",
        "vouchers in the general ledger: press 6",
        "compares the day",
        "came by a webhook: press 4",
        "switched a webhook off: press 4",
    )
    assert len(said) == len(expected)
    assert all(part in line for part, line in zip(expected, said, strict=True)), said


def test_before_the_first_decision_a_broken_webhook_does_not_distract() -> None:
    found = Seen(orders=9, waiting=1, open_decisions=1, broken_hooks=1)
    assert "press 3" in hint(found)
    assert "repairs" in hint(replace(found, section="webhooks"))
