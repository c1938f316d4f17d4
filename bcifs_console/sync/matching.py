"""Who is the buyer in IFS: own links → customer rules → look-up by e-mail → policy (DESIGN §7).

What a person decided about one buyer beats a rule, a rule beats what was only looked up. More than one match is always
a question. The look-up is in `lookup`, creating a customer in `creating`.
"""

from dataclasses import dataclass
from typing import Final

from bcifs_console.accounting.mapping import facts_of_buyer, resolve
from bcifs_console.domain.buyers import Buyer, Customer, Known, Skipped, Unknown
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.rules import Purpose, Rules, Unmatched
from bcifs_console.domain.states import Claim
from bcifs_console.store import customers, ledger
from bcifs_console.store.customers import Decision
from bcifs_console.store.database import Tx
from bcifs_console.store.lookups import Found
from bcifs_console.sync.creating import Creating
from bcifs_console.sync.lookup import Holders, holders_of
from bcifs_console.sync.redraft import nothing_in_ifs
from bcifs_console.sync.runtime import Runtime

TO_BE_CREATED: Final = "(to be created)"
LOOKED_UP: Final = "lookup"


@dataclass(frozen=True, slots=True)
class Match:
    """What matching found, with the customers that have the buyer's e-mail where it is a question."""

    customer: Customer
    holders: Found = ()


def by_rule(rules: Rules, buyer: Buyer) -> Known | None:
    """The customer that a rule gives the buyer, None where none fits."""
    rule = resolve(rules, Purpose.CUSTOMER, facts_of_buyer(buyer))
    return None if rule is None else Known(rule.result, f"rule {rule.label}")


class Matching:
    """Finds, or creates, the IFS customer of a buyer."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def resolve(self, buyer: Buyer, claim: Claim | None) -> Match:
        """The buyer's customer. Raises BuyerBusy while another worker creates it, DirectoryUnread, and IFS errors.

        Without a claim it is a preview: nothing is written, and a customer that would be created is only named.
        """
        runtime = self._runtime
        linked, decision = await runtime.database.read(
            lambda conn: (
                customers.link_of(conn, runtime.id, buyer.key),
                customers.decision_of_buyer(conn, runtime.id, buyer.key),
            )
        )
        if linked is not None and not (isinstance(linked, Known) and linked.source == LOOKED_UP):
            return Match(linked)
        ruled = by_rule(runtime.rules, buyer)
        if ruled is not None:
            if claim is not None and decision is not None and not decision.action:
                await self._close(buyer, ruled)
            return Match(ruled)
        if linked is not None:
            return Match(linked)
        if buyer.is_guest and runtime.policy.guest_customer:
            return Match(Known(runtime.policy.guest_customer, "guest"))
        return await self._look_up(buyer, claim, decision)

    async def _look_up(self, buyer: Buyer, claim: Claim | None, decision: Decision | None) -> Match:
        runtime = self._runtime
        holders = await holders_of(runtime, buyer.email)
        # Half-made, a customer of ours may be found by its e-mail already, but IFS takes no order for it before it is
        # complete. The ledger is asked after IFS: what IFS shows was written down before it was sent.
        begun = await runtime.database.read(
            lambda conn: ledger.find(conn, runtime.id, DocumentKind.CUSTOMER, buyer.key)
        )
        if begun is not None and not nothing_in_ifs(begun):
            return await self._create(buyer, claim, decision)
        if len(holders.found) == 1:
            return await self._found(buyer, claim, holders)
        if decision is not None and decision.action == "create":
            return await self._create(buyer, claim, decision)
        if claim is not None and holders.asked_at is not None:
            await runtime.database.write(lambda tx: holders.keep(tx, runtime.id, buyer.email))
        if holders.found:
            return _several(holders)
        return await self._by_policy(buyer, claim, decision)

    async def _by_policy(self, buyer: Buyer, claim: Claim | None, decision: Decision | None) -> Match:
        policy = self._runtime.policy
        match policy.unmatched:
            case Unmatched.CREATE if buyer.email:
                return await self._create(buyer, claim, decision)
            case Unmatched.FIXED:
                return Match(Known(policy.fixed_customer, "fixed"))
            case Unmatched.SKIP:
                return Match(Skipped("policy: unmatched buyers are skipped"))
        return Match(Unknown())

    async def _create(self, buyer: Buyer, claim: Claim | None, decision: Decision | None) -> Match:
        if claim is None:
            return Match(Known(TO_BE_CREATED, "create"))
        made = await Creating(self._runtime, claim, buyer, decision).run()
        if isinstance(made, Known):
            return Match(made)
        return await self._found(buyer, claim, made) if len(made.found) == 1 else _several(made)

    async def _found(self, buyer: Buyer, claim: Claim | None, holders: Holders) -> Match:
        """The one customer with the buyer's e-mail; from now on the buyer's own link says so."""
        runtime = self._runtime
        ((customer_id, _),) = holders.found

        def write(tx: Tx) -> None:
            holders.keep(tx, runtime.id, buyer.email)
            customers.link(tx, runtime.id, buyer.key, customer_id, source=LOOKED_UP)
            customers.close_decision(tx, runtime.id, buyer.key, "link", customer_id)

        if claim is not None:
            await runtime.database.write(write)
        return Match(Known(customer_id, LOOKED_UP))

    async def _close(self, buyer: Buyer, ruled: Known) -> None:
        """A question that a rule answers is asked no more."""
        runtime = self._runtime
        await runtime.database.write(
            lambda tx: customers.close_decision(tx, runtime.id, buyer.key, "rule", ruled.customer_id)
        )


def _several(holders: Holders) -> Match:
    return Match(Unknown(tuple(customer_id for customer_id, _ in holders.found)), holders.found)
