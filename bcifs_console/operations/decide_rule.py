"""“Make this a rule”: one answer for many buyers, as a customer rule, with the past orders it would have covered.

Rules are stored and versioned by `store.rules` like every mapping rule, and exported with them; the orders that waited
for one are let go like those of every other (`sync.releasing`). A rule stands behind what a person decided about one
buyer and before any look-up (`sync.matching`).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from bcifs_console.accounting.mapping import RuleBook, facts_of_buyer
from bcifs_console.accounting.mapping_faults import faults_of, findings
from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.buyers import Buyer, buyer_of
from bcifs_console.domain.contact_keys import own_domain
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.operations import decide
from bcifs_console.operations.context import Context
from bcifs_console.store import customers, mapping_releases, past, rules
from bcifs_console.store.past import KeptOrder
from bcifs_console.store.rules import RulesChanged

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Covered:
    """A past order that the rule decides. `customer_id`: whom it was booked on, "" where it was not."""

    order_id: int
    placed_at: datetime
    email: str
    name: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class MadeRule:
    """A customer rule, saved or only proposed. `released`: waiting orders that the service lets go, one first."""

    connection_id: int
    rule: MappingRule
    is_saved: bool
    covered: tuple[Covered, ...]
    released: tuple[int, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rule is to say. `position`: its place among the customer rules, from 1; None: behind all others."""

    customer_id: str
    conditions: tuple[Condition, ...]
    position: int | None = None


def suggested(buyer: Buyer) -> tuple[Condition, ...]:
    """The conditions that make a rule of one buyer's answer: all guests of the channel, or all of the company's own
    e-mail domain. Empty where the buyer stands for nobody but himself."""
    if buyer.is_guest:
        return (
            Condition(ConditionField.GUEST, ("true",)),
            Condition(ConditionField.CHANNEL, (str(buyer.channel_id),)),
        )
    domain = own_domain(buyer.email)
    return (Condition(ConditionField.EMAIL_DOMAIN, (domain,)),) if domain else ()


def conditions_for(context: Context, decision_id: int) -> tuple[int, tuple[Condition, ...]]:
    """The connection of a question and what `suggested` makes of its buyer. Raises NoSuchDecision, UsageProblem."""
    detail = decide.show(context, decision_id)
    found = suggested(detail.buyer) if detail.buyer is not None else ()
    if not found:
        raise UsageProblem(
            f"{detail.decision.name} stands for nobody else: a registered buyer without a company's e-mail domain.",
            remedy="Say whom the rule is for: --channel, --guest, --email-domain, --country, --currency.",
        )
    return detail.decision.connection_id, found


async def make(context: Context, connection_id: int, wanted: Wanted, note: str, *, dry_run: bool = False) -> MadeRule:
    """Save the rule, or with `dry_run` only say what it would do. The customer must exist in IFS.

    Raises UsageProblem for a rule that can never hold or would take everybody, NoSuchCustomer, RulesChanged, IFS
    errors.
    """
    customer_id = await decide.existing_customer(context, connection_id, wanted.customer_id)
    rule = MappingRule(Purpose.CUSTOMER, 0, customer_id, wanted.conditions, author=context.actor, reason=note)
    _refuse(rule)
    database = context.store.database
    before = database.read_sync(lambda conn: rules.in_force(conn, connection_id))
    last = len(before.of(Purpose.CUSTOMER)) + 1
    position = min(wanted.position or last, last)
    proposed = _placed(before, rule, position)
    covered, waiting = database.read_sync(lambda conn: _covered(conn, connection_id, proposed, position))
    if not dry_run:
        proposed = _save(context, connection_id, before, proposed, note)
    told = (f for f in findings(proposed) if f.rule.purpose is Purpose.CUSTOMER and f.rule.position == position)
    return MadeRule(
        connection_id=connection_id,
        rule=proposed.of(Purpose.CUSTOMER)[position - 1],
        is_saved=not dry_run,
        covered=tuple(covered),
        released=tuple(waiting),
        warnings=tuple(f"{finding.message}." for finding in told),
    )


def _refuse(rule: MappingRule) -> None:
    faults = [fault.message for fault in faults_of(rule)]
    if not rule.conditions:
        faults.append("it has no condition, so it would take every buyer")
    if faults:
        raise UsageProblem(
            f"This customer rule cannot be saved: {'; '.join(faults)}.",
            remedy="Correct its conditions. For all buyers, set [policy] unmatched_customer or guest_customer instead.",
        )


def _placed(before: Rules, rule: MappingRule, position: int) -> Rules:
    """All rules, with the new one at its place among the customer rules."""
    buyers = before.of(Purpose.CUSTOMER)
    ordered = [*buyers[: position - 1], rule, *buyers[position - 1 :]]
    others = (each for each in before.rules if each.purpose is not Purpose.CUSTOMER)
    return Rules((*others, *(replace(each, position=place) for place, each in enumerate(ordered, 1))))


def _covered(conn: Connection, connection_id: int, proposed: Rules, position: int) -> tuple[list[Covered], list[int]]:
    """The past orders that the rule at `position` decides, newest first, and those of them that wait for a customer."""
    decided = customers.decided_buyers(conn, connection_id)
    standings = mapping_releases.standings(conn, connection_id)
    waiting = {standing.order_id for standing in standings if standing.waits_for_a_customer}
    book = RuleBook(proposed)
    found: list[Covered] = []
    for page in past.since(conn, connection_id, _EVER):
        for kept in page:
            order = kept.order()
            if order is None:
                continue
            buyer = buyer_of(order)
            rule = book.first(Purpose.CUSTOMER, facts_of_buyer(buyer)) if buyer.key not in decided else None
            if rule is not None and rule.position == position:
                found.append(_as_covered(kept, buyer))
    found.reverse()
    return found, sorted(waiting.intersection(each.order_id for each in found))


def _as_covered(kept: KeptOrder, buyer: Buyer) -> Covered:
    return Covered(kept.order_id, kept.placed_at, buyer.email, buyer.name, kept.customer_id)


def _save(context: Context, connection_id: int, before: Rules, proposed: Rules, note: str) -> Rules:
    """Put the rules in force, unless others were saved meanwhile; the service lets go who waited."""
    database = context.store.database
    try:
        database.write_sync(
            lambda tx: rules.save(tx, connection_id, proposed, expected=before, actor=context.actor, reason=note)
        )
    except RulesChanged as error:
        raise RulesChanged(
            error.message, remedy="Try again: the rule is then compared with those in force by now."
        ) from error
    return database.read_sync(lambda conn: rules.in_force(conn, connection_id))
