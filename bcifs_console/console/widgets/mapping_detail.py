"""What the Mappings screen says in words: of a connection's mapping, of one rule, of one thing that no rule covers.

Pure: `Content` from what is handed in.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.mapping_draft import MappingDraft
from bcifs_console.console.mapping_words import purpose_title, rule_title, when
from bcifs_console.console.widgets.lines import BAD, DIM, GOOD, NEW, STRONG, WARN, facts, paragraph
from bcifs_console.domain.rules import CODE_PART_PURPOSES, MappingRule, Purpose
from bcifs_console.operations.mapping_gaps import Gap, Mapped

#: Orders named before "and N more".
_NAMED: Final = 8
_LABEL: Final = 7
_STANDINGS: Final = {
    "ok": ("✓ in IFS", GOOD),
    "missing": ("✗ not in IFS", BAD),
    "closed": ("! closed in IFS", WARN),
    "unknown": ("· IFS does not say", DIM),
}
_WITHOUT: Final = {
    Purpose.SALES_PART: "the SKU itself, in capitals, is the sales part",
    Purpose.PAY_TERM: "IFS takes the customer's own terms",
    Purpose.SHIP_VIA: "IFS takes the customer's own",
    Purpose.CUSTOMER: "buyers are looked up one by one",
}


def head_lines(found: Mapped, draft: MappingDraft, busy: str, *, many: bool, readonly: bool) -> Content:
    """What is to be said of the connection's mapping: how it stands, what is not saved, what is being let go."""
    lines = [_standing(found, many=many)]
    if busy:
        lines.append(Content.styled(f"◑ {busy}", "$accent"))
    if draft.is_overtaken:
        lines.append(Content.styled("! Somebody else saved this mapping meanwhile. X discards your edits.", WARN))
    elif draft.edits and not readonly:
        edits = "1 edit is" if draft.edits == 1 else f"{draft.edits} edits are"
        lines.append(
            Content.assemble((f"* {edits} not saved: ", NEW), ("ctrl+s reviews and saves, U takes one back", DIM))
        )
    lines += release_lines(found)
    return Content("\n").join(lines)


def _standing(found: Mapped, *, many: bool) -> Content:
    rules = len(found.view.rules.rules)
    gaps = len(found.lacking)
    if gaps:
        things = "1 thing is" if gaps == 1 else f"{gaps} things are"
        orders = "1 order waits" if found.waiting == 1 else f"{found.waiting:,} orders wait"
        state = Content.styled(f"! {things} not covered, {orders}", WARN)
    elif found.gaps:
        state = Content.styled("◔ every rule is there; orders wait to be looked at again", "$accent")
    else:
        state = Content.styled("✓ nothing waits for a rule", GOOD)
    shops = "   [ ] other shops" if many else ""
    return Content.assemble(
        (safe_text(found.view.connection), STRONG), (f"  {rules} rules  ", DIM), state, (shops, DIM)
    )


def release_lines(found: Mapped) -> Iterator[Content]:
    """How far orders are let go since the last save; nothing where none are."""
    release = found.view.release
    if release is None:
        return
    rest = len(release.orders)
    match release.state.value:
        case "saved":
            yield Content.styled("◔ Saved; the service looks who waited for it.", "$accent")
        case "canary":
            others = f"{rest:,} follow once it is through" if rest else "nobody waits behind it"
            yield Content.styled(f"◑ Order {release.canary} goes first with the new rules; {others}.", "$accent")
        case _:
            yield Content.styled(f"! {safe_text(release.note)} {rest:,} wait on.", WARN)


def list_title(purpose: Purpose | None, gaps: Sequence[Gap], rules: int) -> tuple[str, str]:
    """The title over the list beside the purposes, and what stands at its end."""
    if purpose is None:
        lacking = sum(1 for gap in gaps if not gap.is_covered)
        covered = f"{len(gaps) - lacking} covered since" if lacking < len(gaps) else ""
        return "Not covered by any rule", ", ".join(filter(None, (f"{lacking}" if lacking else "", covered)))
    return purpose_title(purpose), f"{rules} rule{'' if rules == 1 else 's'}, the first that fits decides"


def no_rules(purpose: Purpose) -> Content:
    """What it means that a purpose has no rule."""
    if purpose in CODE_PART_PURPOSES:
        means = "nothing is written to this code part"
    else:
        means = _WITHOUT.get(purpose, "an order that needs one waits")
    return Content(f"No rule: {means}. + writes the first.")


def gap_lines(gap: Gap, now: datetime, width: int, *, readonly: bool) -> Content:
    """One thing that no rule covers: what it is, who waits, and the rule it lacks."""
    orders = gap.value.orders
    named = ", ".join(str(order_id) for order_id in orders[:_NAMED])
    more = f" and {len(orders) - _NAMED:,} more" if len(orders) > _NAMED else ""
    style, lead = (DIM, "· ") if gap.is_covered else (WARN, "! ")
    lines = paragraph(gap.value.message, width, style=style, lead=lead)
    count = "1 order, " if len(orders) == 1 else f"{len(orders):,} orders, the oldest "
    lines += facts([("Waiting", f"{count}from {text.ago(now, gap.value.since)}: {named}{more}")], width, label=_LABEL)
    if gap.is_covered:
        told = "Covered since; waits to be looked at again. The service does so by itself; o opens the oldest order."
        lines += paragraph(told, width, style=GOOD, lead="✓ ")
        return Content("\n").join(lines)
    if gap.rule is None:
        return Content("\n").join([*lines, *facts([("Do", gap.value.remedy)], width, label=_LABEL)])
    if gap.culprit is not None:
        said = f"{rule_title(gap.culprit)} gives {gap.culprit.result}, which IFS lacks."
        lines += paragraph(said, width, style=BAD, lead="✗ ")
        if not readonly:
            lines += [Content(""), Content.styled("Enter edits that rule.  o opens the oldest order.", DIM)]
        return Content("\n").join(lines)
    wanted = Content.assemble((f"{purpose_title(gap.rule.purpose)}: ", DIM), when(gap.rule.conditions), ("  →  ?", DIM))
    lines += facts([("Lacks", wanted)], width, label=_LABEL)
    if not readonly:
        lines += [Content(""), Content.styled("Enter writes this rule.  o opens the oldest order.", DIM)]
    return Content("\n").join(lines)


def rule_lines(
    rules: Sequence[MappingRule],
    at: int,
    now: datetime,
    width: int,
    standing: tuple[str, str],
    remark: str,
) -> Content:
    """One rule in full. `standing`: how IFS answered for its result, "" while it was not asked; `remark`: why it never
    decides anything."""
    rule = rules[at]
    rows: list[tuple[str, Content | tuple[str, str] | str]] = [("When", when(rule.conditions, is_last=at == 0))]
    word, colour = _STANDINGS.get(standing[0], ("", DIM))
    said = f"  {word}{f': {safe_text(standing[1])}' if standing[1] else ''}" if word else ""
    rows.append(("Then", Content.assemble((safe_text(rule.result), STRONG), (said, colour))))
    rows.append(("Saved", _saved(rule, now)))
    lines = facts(rows, width, label=_LABEL)
    if remark:
        lines += paragraph(f"{remark}.", width, style=WARN, lead="! ")
    return Content("\n").join(lines)


def _saved(rule: MappingRule, now: datetime) -> tuple[str, str]:
    if not rule.id:
        return "not yet: an edit of yours", NEW
    who = "came with the program" if rule.author == "shipped" else f"by {rule.author or 'nobody known'}"
    why = f": {rule.reason}" if rule.reason else ""
    return f"{rule.label}, {who}, {text.ago(now, rule.created_at)}{why}", ""
