"""What waits for a mapping rule and the rule each lacks; what proposed rules would let go. Calls nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from bcifs_console.accounting.mapping import resolve
from bcifs_console.accounting.replay import Past, Replayed, replay
from bcifs_console.accounting.suggestion import suggested
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Policy, Purpose, Question, Rules
from bcifs_console.store import connections, mapping_releases, past
from bcifs_console.store.past import KeptOrder
from bcifs_console.store.views import mappings
from bcifs_console.store.views.mappings import MappingView, WaitingValue
from bcifs_console.sync.releasing import affected

#: What an order waits for whose sales part IFS does not have (`sync.looking`).
_SALES_PART: Final = "sales_part "


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that no rule covers, with the beginning of the rule it lacks."""

    value: WaitingValue
    question: Question | None = None  #: None: IFS refused what the rules gave, and which of them is not known
    conditions: tuple[Condition, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Mapped:
    """The mapping of one connection with what it lacks."""

    view: MappingView
    gaps: tuple[Gap, ...]

    @property
    def waiting(self) -> int:
        """How many orders wait for a rule."""
        return len({order_id for gap in self.gaps for order_id in gap.value.orders})


@dataclass(frozen=True, slots=True)
class Freed:
    """The waiting orders that proposed rules settle something of. The service sees to it once they are saved."""

    ready: tuple[int, ...] = ()  #: nothing we know of stands in their way any more
    nearer: tuple[int, ...] = ()  #: they go on waiting, for something else
    first: int | None = None  #: who is let go first

    @property
    def count(self) -> int:
        return len(self.ready) + len(self.nearer)


def mapped(conn: Connection, connection_id: int) -> Mapped:
    """The mapping with its gaps, most orders first. Of each gap one order is planned anew, to see what it lacks."""
    view = mappings.mapping(conn, connection_id)
    policy = connections.settings_of(conn, connection_id).policy
    examples = {value.orders[0] for value in view.waiting}
    planned = {
        kept.order_id: replayed
        for kept in past.of_orders(conn, connection_id, sorted(examples))
        if (replayed := _replayed(kept, view.rules, policy)) is not None
    }
    return Mapped(view, tuple(_gap(value, planned.get(value.orders[0])) for value in view.waiting))


def freed(conn: Connection, connection_id: int, before: Rules, wanted: Rules) -> Freed:
    """What saving `wanted` in place of `before` would let go, by what is known without asking IFS."""
    policy = connections.settings_of(conn, connection_id).policy
    waiting = mapping_releases.standings(conn, connection_id)
    kept = past.of_orders(conn, connection_id, [standing.order_id for standing in waiting])
    found = sorted(affected(waiting, kept, before, wanted, policy), key=lambda each: each.rank)
    return Freed(
        ready=tuple(each.order_id for each in found if each.is_free),
        nearer=tuple(each.order_id for each in found if not each.is_free),
        first=found[0].order_id if found else None,
    )


def _replayed(kept: KeptOrder, rules: Rules, policy: Policy) -> Replayed | None:
    try:
        order = Past.of(
            kept.snapshot,
            kept.draft,
            seen_at=kept.fetched_at,
            customer_id=kept.customer_id,
            is_named=kept.is_named,
        )
    except ValueError:
        return None
    return replay(order, rules, policy)


def _gap(value: WaitingValue, planned: Replayed | None) -> Gap:
    if planned is None:
        return Gap(value)
    if value.subject.startswith(_SALES_PART):
        return _unknown_part(value, planned)
    same_subject = [blocker for blocker in planned.unmapped if blocker.subject == value.subject]
    for blocker in sorted(same_subject, key=lambda each: each.message != value.message):
        if blocker.question is not None:
            return Gap(value, blocker.question, suggested(blocker.question))
    return Gap(value)


def _unknown_part(value: WaitingValue, planned: Replayed) -> Gap:
    """IFS has no such sales part: a rule for the SKUs that lead to it."""
    part = value.subject.removeprefix(_SALES_PART)
    skus = tuple(dict.fromkeys(_skus(planned, part))) or (part,)
    question = Question(Purpose.SALES_PART, ((ConditionField.SKU, skus[0]),))
    return Gap(value, question, (Condition(ConditionField.SKU, skus),))


def _skus(planned: Replayed, part: str) -> Iterable[str]:
    for draft in planned.documents:
        for line in draft.basis.lines if draft.basis is not None else ():
            if line.sku.strip().upper() == part:
                yield line.sku.strip()
