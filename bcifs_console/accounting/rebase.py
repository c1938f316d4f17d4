"""A frozen basis under other mapping rules: every amount as it was frozen, every account as the rules say.

For the time machine only: the basis of an order that was posted stands as it is, whatever the rules become
(ACCOUNTING §1). This makes another one beside it, to see what the rules would have said.
"""

from dataclasses import replace

from bcifs_console.accounting.mapping import Facts, RuleBook
from bcifs_console.accounting.placement import tax_result
from bcifs_console.accounting.sheet import Subjects
from bcifs_console.domain.basis import Basis, BasisCharge, BasisLine, TaxShare
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import LineType, Order
from bcifs_console.domain.rules import Allocation, ConditionField, Policy, Purpose


def rebased(basis: Basis, order: Order, book: RuleBook, policy: Policy) -> Basis:
    """`basis` with accounts, code parts and tax codes by the rules of `book`. What no rule covers is left empty."""
    whole = _Rebasing(order, book, policy)
    return replace(
        basis,
        lines=tuple(whole.line(line, basis) for line in basis.lines),
        charges=tuple(whole.charge(charge) for charge in basis.charges),
    )


class _Rebasing:
    def __init__(self, order: Order, book: RuleBook, policy: Policy) -> None:
        self._book = book
        self._policy = policy
        self._subjects = Subjects(order)

    def line(self, line: BasisLine, basis: Basis) -> BasisLine:
        if line.type is LineType.GIFT_CERTIFICATE:
            return line
        facts = self._subjects.of_source(line)
        taxes = tuple(self._share(share, facts, is_taxed=_is_taxed(line, basis)) for share in line.taxes)
        if self._policy.allocation is not Allocation.PRE_POSTING:
            return replace(line, taxes=taxes, account="", code_parts=(), rule="")
        rule = self._book.first(Purpose.REVENUE, facts)
        account = rule.result if rule else ""
        label = rule.label if rule and account else ""
        return replace(line, taxes=taxes, account=account, code_parts=self._book.code_parts(facts), rule=label)

    def charge(self, charge: BasisCharge) -> BasisCharge:
        facts = self._subjects.of_source(charge)
        taxes = tuple(self._share(share, facts, is_taxed=bool(charge.tax)) for share in charge.taxes)
        return replace(charge, taxes=taxes)

    def _share(self, share: TaxShare, subject: Facts, *, is_taxed: bool) -> TaxShare:
        """The share with the code that its tax has now; what was not known of the tax stays unknown."""
        facts = dict(subject)
        known = (
            (ConditionField.TAX_NAME, share.name),
            (ConditionField.TAX_CLASS, share.tax_class),
            (ConditionField.TAX_RATE, share.rate),
        )
        if share.rate:
            facts.update(known)
        elif not is_taxed:
            facts[ConditionField.TAX_RATE] = "0"
        rule = self._book.first(Purpose.TAX, facts)
        found = tax_result(rule.result) if rule else None
        return replace(share, code=found[0].code if found else "")


def _is_taxed(line: BasisLine, basis: Basis) -> bool:
    """Whether the line bears tax; a bundle child at price 0 as its parent does."""
    if line.gross or not line.parent_id:
        return line.tax != ZERO
    return any(parent.tax != ZERO for parent in basis.lines if parent.id == line.parent_id)
