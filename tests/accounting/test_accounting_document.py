"""docs/accounting.md: every worked example is run step by step, and its T-accounts are compared entry by entry."""

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Final

import pytest

from bcifs_console.domain.documents import DocumentState
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.plan import Plan
from bcifs_console.domain.rules import ACCOUNT_PURPOSES, Purpose, Rules
from bcifs_console.domain.vouchers import VoucherDraft, VoucherKind
from bcifs_console.operations.reconciling import Verdict, What
from tests.accounting.bookkeeping import BookLedger, codes, looked_at
from tests.accounting.worked_examples import DOCUMENT, Balance, Example, Row, Voucher, read_document
from tests.accounting.worked_orders import Unreadable

TEXT: Final = DOCUMENT.read_text(encoding="utf-8")
RULES, EXAMPLES = read_document(TEXT)
_REFERENCE: Final = "BC-5001/"


class Differs(Exception):
    """The program makes something else of an example than the document says."""


def check(rules: Rules, example: Example) -> None:
    """Run an example. Raises Differs at the first thing that is otherwise than in the document."""
    books = BookLedger()
    held = ZERO
    found: Plan | None = None
    for number, look in enumerate(example.looks, 1):
        found = looked_at(
            look.order, books, policy=example.policy, rules=rules, seen_at=look.seen_at, rate=example.rate
        )
        made = []
        for voucher in found.vouchers:
            held += voucher.balance
            made.append(as_shown(voucher, held))
        _same(example, f"look {number}, vouchers", [v for v in made if v.rows], list(look.vouchers))
        _same(example, f"look {number}, rest", _rest(found), (look.updates, look.warnings, look.waits))
    _same(example, "balances", balances(books), sorted(example.balances))
    position = found.position if found else None
    _same(example, "settled", position is not None and position.is_settled, example.is_settled)


def _same(example: Example, what: str, made: object, said: object) -> None:
    if made != said:
        raise Differs(f"{example.title}, {what}:\n  made {made}\n  said {said}")


def as_shown(voucher: VoucherDraft, held: Decimal) -> Voucher:
    """A voucher of the program in the document's terms; it must balance in both currencies."""
    assert voucher.debits == voucher.credits
    assert sum((row.accounting_amount for row in voucher.rows), ZERO) == ZERO
    rows = [Row(r.account, r.purpose.value, r.debit, r.credit, r.accounting_amount) for r in voucher.rows]
    return Voucher(voucher.key.removeprefix(_REFERENCE), voucher.day, tuple(sorted(rows)), held)


def _rest(found: Plan) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    waits = (*found.blockers, *found.conflicts, *found.pending)
    updates = (update.key.removeprefix(_REFERENCE) for update in found.updates)
    return (
        tuple("TRACKING" if key.startswith("TRACKING/") else key for key in updates),
        tuple(codes(found)),
        tuple(f"{blocker.reason.value} for {blocker.subject}" for blocker in waits),
    )


def balances(books: BookLedger) -> list[Balance]:
    """Every account that was touched, with what stands on it."""
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for voucher in books.vouchers:
        for row in voucher.rows:
            both = sums[row.account, row.purpose.value]
            both[0] += row.amount
            both[1] += row.accounting_amount
    return sorted(Balance(account, purpose, *both) for (account, purpose), both in sums.items())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_the_example_comes_out_as_the_document_says(example: Example) -> None:
    check(RULES, example)
    assert example.looks


# -- that the tests above would notice --------------------------------------------------------------------------------

#: What the law and the issue ask for by name; an example may not be dropped unseen.
_ASKED_FOR: Final = {
    "Paid, shipped in two parts",
    "The store's own example: 69.84",
    "Goods refunded, shipping kept, nothing ships",
    "A whole order refunded as an amount",
    "Restocking fee",
    "Authorised, then voided",
    "A gift certificate is sold with a shirt",
    "Cancelled after the capture, refunded a week later",
    "A shipment is deleted and made again",
    "An outage: the order is first seen refunded",
    "A refund of shipped and of unshipped goods",
    "Paid by gift certificate, store credit and PayPal; a return to store credit",
    "Tax is due on payment",
    "An order in euro, a company in dollars",
    "IFS invoices book the revenue",
}
_HEAD, _BODY = TEXT.split("## Worked examples\n", 1)
_SECTIONS: Final = {part.split("\n", 1)[0]: part for part in re.split(r"^### ", _BODY, flags=re.MULTILINE)[1:]}
_BLOCK: Final = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_FIGURE: Final = re.compile(r"(?<![\w./])\d+(?:\.\d+)?(?![\w./:])")


def is_noticed(section: str) -> bool:
    """Whether the tests fail on a document with this one example."""
    try:
        rules, (example,) = read_document(f"{_HEAD}## Worked examples\n\n### {section}")
        check(rules, example)
    except (Unreadable, Differs):
        return True
    return False


def lines_of(section: str, *kinds: str) -> Iterator[tuple[int, int]]:
    """Where the lines of these blocks begin and end."""
    for block in _BLOCK.finditer(section):
        if block[1] in kinds:
            for line in re.finditer(r"[^\n]+", block[2]):
                yield block.start(2) + line.start(), block.start(2) + line.end()


def raised(figure: re.Match[str]) -> str:
    """A figure with one more in its last place."""
    number = Decimal(figure[0])
    return f"{number + Decimal(1).scaleb(int(number.as_tuple().exponent))}"


def test_every_example_that_was_asked_for_is_there() -> None:
    assert {example.title for example in EXAMPLES} >= _ASKED_FOR
    assert set(_SECTIONS) == {example.title for example in EXAMPLES}


@pytest.mark.parametrize("title", _SECTIONS)
def test_a_changed_figure_is_noticed(title: str) -> None:
    section = _SECTIONS[title]
    assert not is_noticed(section)
    unnoticed = [
        section[start:end]
        for start, end in lines_of(section, "vouchers", "balances")
        for figure in _FIGURE.finditer(section, start, end)
        if not is_noticed(section[: figure.start()] + raised(figure) + section[figure.end() :])
    ]
    assert unnoticed == []


@pytest.mark.parametrize("title", _SECTIONS)
def test_a_line_more_or_less_is_noticed(title: str) -> None:
    section = _SECTIONS[title]
    unnoticed = [
        section[start:end]
        for start, end in lines_of(section, "vouchers", "balances")
        if not is_noticed(section[:start] + section[end:]) or not is_noticed(f"{section[:end]}\n{section[start:]}")
    ]
    assert unnoticed == []


@pytest.mark.parametrize("title", _SECTIONS)
def test_a_line_that_cannot_be_read_is_noticed(title: str) -> None:
    section = _SECTIONS[title]
    for start, end in lines_of(section, "order", "facts", "vouchers", "balances"):
        for broken in (f"{section[:end]} or so{section[end:]}", f"{section[:start]}Maybe {section[start:]}"):
            with pytest.raises(Unreadable):
                read_document(f"{_HEAD}## Worked examples\n\n### {broken}")


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("```order\n", "```\n"),
        ("```vouchers\n", "```voucher\n"),
        ("```balances\n", "```console\n"),
        ("```facts\n", "```facts\n```\n\n```facts\n"),
        ("settled\n```", "settled\n"),
        ("| 2420 customer balance", "| 2420 costumer balance"),
        ("balance 119.08 held", "balance 119.08"),
    ],
)
def test_a_broken_example_cannot_be_read(what: str, instead: str) -> None:
    section = _SECTIONS["Paid, shipped in two parts"]
    assert what in section
    with pytest.raises(Unreadable):
        read_document(f"{_HEAD}## Worked examples\n\n### {section.replace(what, instead, 1)}")


@pytest.mark.parametrize(
    "change", [("total 69.84", "total 69.90"), ("4 of line 1", "3 of line 1"), ("44: 69.84", "44: 69.85")]
)
def test_a_changed_order_or_fact_is_noticed(change: tuple[str, str]) -> None:
    section = _SECTIONS["The store's own example: 69.84"]
    assert is_noticed(section.replace(*change))


def test_a_changed_account_is_noticed() -> None:
    rules, examples = read_document(TEXT.replace('revenue_account = "4000"', 'revenue_account = "4001"'))
    with pytest.raises(Differs):
        check(rules, examples[0])


@pytest.mark.parametrize(
    "words", [Purpose, DocumentState, Verdict, What, VoucherKind], ids=lambda words: words.__name__
)
def test_the_document_explains_every_word(words: type[StrEnum]) -> None:
    """Purposes of accounts, states of documents, verdicts and differences of reconciliation, kinds of vouchers."""
    explained = set(re.findall(r"\w+", _HEAD))
    known = {word.value for word in words if not isinstance(word, Purpose) or word in ACCOUNT_PURPOSES}
    assert known - explained == set()
