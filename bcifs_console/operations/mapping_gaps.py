"""What waits for a mapping rule and the rule each lacks; what proposed rules would let go. Calls nothing."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from bcifs_console.accounting.mapping import facts_of_line, resolve
from bcifs_console.accounting.replay import Past, Replayed, replay
from bcifs_console.accounting.suggestion import suggested
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker
from bcifs_console.domain.rules import (
    ACCOUNT_PURPOSES,
    Condition,
    ConditionField,
    MappingRule,
    Policy,
    Purpose,
    Question,
    Rules,
)
from bcifs_console.store import connections, mapping_releases, past
from bcifs_console.store.views import mappings
from bcifs_console.store.views.mappings import MappingView, WaitingValue
from bcifs_console.sync.releasing import affected, past_of

#: What an order waits for whose sales part IFS does not have (`sync.looking`).
_SALES_PART: Final = "sales_part "
#: What only the accounts of vouchers are asked for: without the others an order does not come to its vouchers.
_OF_VOUCHERS: Final = ACCOUNT_PURPOSES - {Purpose.REVENUE}


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that no rule covers, with the beginning of the rule it lacks."""

    value: WaitingValue
    question: Question | None = None  #: None: IFS refused what the rules gave, and which of them is not known
    conditions: tuple[Condition, ...] = ()
    culprit: MappingRule | None = None  #: the rule in force that gives what IFS lacks: it is to be changed
    is_covered: bool = False  #: the rules in force settle it; the order was not looked at again yet

    @property
    def purpose(self) -> Purpose | None:
        """Which list the rule belongs into."""
        return None if self.question is None else self.question.purpose

    @property
    def rule(self) -> MappingRule | None:
        """The rule it lacks, but for its result."""
        return None if self.question is None else MappingRule(self.question.purpose, 1, "", self.conditions)

    def answer(self, wanted: Rules) -> MappingRule | None:
        """The rule of `wanted` that answers it, None where none does."""
        return None if self.question is None else resolve(wanted, self.question.purpose, dict(self.question.facts))

    def is_answered(self, wanted: Rules) -> bool:
        """Whether an edit among `wanted` settles it: a rule that is not saved, or the culprit changed or gone."""
        if self.culprit is not None:
            return all(rule.id != self.culprit.id for rule in wanted.of(self.culprit.purpose))
        answer = self.answer(wanted)
        return answer is not None and not answer.id


@dataclass(frozen=True, slots=True)
class Mapped:
    """The mapping of one connection with what it lacks."""

    view: MappingView
    gaps: tuple[Gap, ...]

    @property
    def waiting(self) -> int:
        """How many orders wait for a rule."""
        return len({order_id for gap in self.lacking for order_id in gap.value.orders})

    @property
    def lacking(self) -> tuple[Gap, ...]:
        """Those that no rule in force settles."""
        return tuple(gap for gap in self.gaps if not gap.is_covered)


@dataclass(frozen=True, slots=True)
class Freed:
    """The waiting orders that proposed rules settle something of. The service sees to it once they are saved."""

    ready: tuple[int, ...] = ()  #: nothing we know of stands in their way any more
    nearer: tuple[int, ...] = ()  #: they go on waiting, for something else
    refused: tuple[int, ...] = ()  #: nothing else is in their way, but the rules give them what IFS lacks
    first: int | None = None  #: who is let go first

    @property
    def count(self) -> int:
        return len(self.ready) + len(self.nearer) + len(self.refused)


def mapped(conn: Connection, connection_id: int) -> Mapped:
    """The mapping with its gaps, most orders first, what is settled last.

    Of each gap one order is planned anew under the rules in force, to see what it lacks.
    """
    view = mappings.mapping(conn, connection_id)
    policy = connections.settings_of(conn, connection_id).policy
    examples = {value.orders[0] for value in view.waiting}
    kept = {each.order_id: past_of(each) for each in past.of_orders(conn, connection_id, sorted(examples))}
    gaps = [_gap(value, kept.get(value.orders[0]), view.rules, policy) for value in view.waiting]
    return Mapped(view, tuple(sorted(gaps, key=lambda gap: gap.is_covered)))


def freed(
    conn: Connection,
    connection_id: int,
    before: Rules,
    wanted: Rules,
    *,
    lacking: Collection[tuple[Purpose, str]] = (),
) -> Freed:
    """What saving `wanted` in place of `before` would let go, by what is known without asking IFS.

    `lacking`: results, by purpose, that IFS is known not to have; who is given one is not ready.
    """
    policy = connections.settings_of(conn, connection_id).policy
    waiting = mapping_releases.standings(conn, connection_id)
    kept = past.of_orders(conn, connection_id, [standing.order_id for standing in waiting])
    found = sorted(affected(waiting, kept, before, wanted, policy), key=lambda each: each.rank)
    free = [each.order_id for each in found if each.is_free]
    sure = set(free)
    if lacking:
        usable = affected(waiting, kept, before, _without(wanted, lacking), policy)
        sure = {each.order_id for each in usable if each.is_free}
    return Freed(
        ready=tuple(order_id for order_id in free if order_id in sure),
        nearer=tuple(each.order_id for each in found if not each.is_free),
        refused=tuple(order_id for order_id in free if order_id not in sure),
        first=found[0].order_id if found else None,
    )


def _without(rules: Rules, lacking: Collection[tuple[Purpose, str]]) -> Rules:
    """The same rules, those that give what IFS lacks giving nothing: they still take their cases."""
    return Rules(
        tuple(replace(rule, result="") if (rule.purpose, rule.result) in lacking else rule for rule in rules.rules)
    )


def _gap(value: WaitingValue, order: Past | None, rules: Rules, policy: Policy) -> Gap:
    if order is None:
        return Gap(value)
    if value.subject.startswith(_SALES_PART):
        return _unknown_part(value, order.order, rules)
    blocker = _blocker(value, replay(order, rules, policy))
    if blocker is not None and blocker.question is not None:
        return Gap(value, blocker.question, suggested(blocker.question))
    return _settled(value, order, rules, policy) or Gap(value)


def _blocker(value: WaitingValue, planned: Replayed) -> Blocker | None:
    """What keeps the order back under this name, best in these words, of all that a rule could answer."""
    same = [each for each in planned.unmapped if each.subject == value.subject and each.question is not None]
    return min(same, key=lambda each: each.message != value.message, default=None)


def _settled(value: WaitingValue, order: Past, rules: Rules, policy: Policy) -> Gap | None:
    """The gap that a rule has closed since: without rules the order would lack the same. None where it would not."""
    for given in ((), [rule for rule in rules.rules if rule.purpose not in _OF_VOUCHERS]):
        blocker = _blocker(value, replay(order, Rules(tuple(given)), policy))
        if blocker is None or blocker.question is None or blocker.message != value.message:
            continue
        if resolve(rules, blocker.question.purpose, dict(blocker.question.facts)) is not None:
            return Gap(value, blocker.question, suggested(blocker.question), is_covered=True)
    return None


def _unknown_part(value: WaitingValue, order: Order, rules: Rules) -> Gap:
    """IFS has no such sales part: the rule that gives it is to be changed; else one for the SKUs that lead to it."""
    part = value.subject.removeprefix(_SALES_PART)
    asked = [(line.sku.strip(), facts_of_line(order, line)) for line in order.lines]
    given = [(sku, facts, resolve(rules, Purpose.SALES_PART, facts)) for sku, facts in asked]
    leading = [
        (sku, facts, rule) for sku, facts, rule in given if (rule.result if rule is not None else sku.upper()) == part
    ]
    skus = tuple(dict.fromkeys(sku for sku, _, _ in leading if sku)) or (part,)
    facts = leading[0][1] if leading else {ConditionField.SKU: part}
    return Gap(
        value,
        Question(Purpose.SALES_PART, tuple(facts.items())),
        (Condition(ConditionField.SKU, skus),),
        culprit=next((rule for _, _, rule in leading if rule is not None), None),
        is_covered=not leading,
    )
