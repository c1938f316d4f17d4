"""Mappings: rules are edited here, looked at once more with what they change, and saved.

Edits are kept in a `MappingDraft` for each connection; nothing reaches the store before the review. What is shown is
`mapping_lists.MappingLists`.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import work

from bcifs_console.base.problems import Problem
from bcifs_console.console.mapping_draft import MappingDraft
from bcifs_console.console.mapping_words import Standings, rule_title
from bcifs_console.console.screens.mapping_history import MappingHistoryScreen
from bcifs_console.console.screens.mapping_lists import MappingLists
from bcifs_console.console.screens.mapping_review import MappingReviewScreen, Questions
from bcifs_console.console.screens.mapping_rule import RuleFormScreen
from bcifs_console.domain.rules import MappingRule, Rules
from bcifs_console.operations import mapping, time_machine
from bcifs_console.operations.context import Context
from bcifs_console.operations.mapping import Imported
from bcifs_console.operations.mapping_gaps import Freed, freed
from bcifs_console.operations.time_machine import Tried
from bcifs_console.store.views import mappings as views

if TYPE_CHECKING:
    from bcifs_console.operations.mapping_check import Target

#: How far back the review replays past orders.
_DAYS: Final = 30
_VERDICTS: Final = ("ok", "missing", "closed", "unknown")
#: Things that IFS lacks named before "and N more".
_NAMED: Final = 4


class MappingsScreen(MappingLists):
    """The mapping of one connection, and what a person does with it."""

    SECTION = "mappings"
    TITLE_TEXT = "Mappings"

    def edit_row(self) -> None:
        """Enter edits."""
        self.action_edit()

    # -- editing -----------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot be done now."""
        name, draft = action_id.rpartition(".")[2], self.draft
        if name in ("next_connection", "previous_connection"):
            return None if len(self._names) > 1 else "there is one connection only"
        if draft is None:
            return "there is no connection yet"
        if self._busy:
            return f"wait, {self._busy.removesuffix(' …')}"
        if name in ("save", "take_back", "discard"):
            return None if draft.edits else "there is no edit that is not saved"
        if name == "open_order":
            return None if self.gap is not None else "only what no rule covers has orders that wait"
        if name in ("delete", "move_up", "move_down"):
            return None if self.index is not None else "there is no rule under the cursor"
        if name in ("add", "edit") and self._purpose is None:
            return self._why_no_rule()
        if name == "edit":
            return None if self.index is not None else "there is no rule under the cursor; + writes one"
        if name == "history":
            return None if self._purpose is not None else "choose a purpose first"
        return None

    def _why_no_rule(self) -> str | None:
        if self.gap is None:
            return "nothing waits for a rule; choose a purpose first"
        if self.gap.is_covered:
            return "a rule covers it since; the order waits to be looked at again"
        if self.gap.rule is None:
            return "IFS refused what the rules gave; find the rule in its purpose, or put IFS right"
        return None

    @work(group="mappings.edit", exclusive=True)
    async def action_edit(self) -> None:
        """Change the rule under the cursor; of what no rule covers, make the rule."""
        draft, at = self.draft, self.index
        if draft is None:
            return
        if self._purpose is None:
            await self._write_missing(draft)
            return
        if at is None:
            return
        written = await self._asked(draft.of(self._purpose)[at])
        if written is not None:
            draft.change(at, written)
            self._edited(at)

    @work(group="mappings.edit", exclusive=True)
    async def action_add(self) -> None:
        """Write a rule before the one under the cursor."""
        draft = self.draft
        if draft is None:
            return
        if self._purpose is None:
            await self._write_missing(draft)
            return
        at = self.index or 0
        written = await self._asked(MappingRule(self._purpose, at + 1, ""))
        if written is not None:
            draft.add(written, at)
            self._edited(at)

    async def _write_missing(self, draft: MappingDraft) -> None:
        """Write the rule that what is under the cursor lacks; it stands first, where nothing takes its case."""
        if self.gap is None or self.gap.rule is None:
            return
        if self.gap.culprit is not None:
            await self._change_culprit(draft, self.gap.culprit)
            return
        written = await self._asked(self.gap.answer(draft.wanted) or self.gap.rule)
        if written is not None:
            draft.add(written)
            self._edited()

    async def _change_culprit(self, draft: MappingDraft, culprit: MappingRule) -> None:
        """Change the rule that gives what IFS lacks; where that is done already, show it among the others."""
        ids = [rule.id for rule in draft.of(culprit.purpose)]
        if culprit.id not in ids:
            self.choose(culprit.purpose)
            return
        at = ids.index(culprit.id)
        written = await self._asked(draft.of(culprit.purpose)[at])
        if written is not None:
            draft.change(at, written)
            self._edited()

    async def _asked(self, rule: MappingRule) -> MappingRule | None:
        lacking = [gap for gap in self.gaps if not gap.is_covered]
        return await self.app.push_screen_wait(RuleFormScreen(rule, lacking))

    def action_delete(self) -> None:
        """Take the rule under the cursor out."""
        if self.draft is not None and self._purpose is not None and (at := self.index) is not None:
            self.draft.delete(self._purpose, at)
            self._edited(at)

    def action_move_up(self) -> None:
        """Try the rule earlier."""
        self._move(-1)

    def action_move_down(self) -> None:
        """Try the rule later."""
        self._move(1)

    def _move(self, by: int) -> None:
        if self.draft is not None and self._purpose is not None and (at := self.index) is not None:
            self._edited(self.draft.move(self._purpose, at, by))

    def action_take_back(self) -> None:
        """Take the last edit back."""
        if self.draft is not None and (said := self.draft.take_back()):
            self.desk.say(f"Taken back: {said}")
            self._edited()

    def action_discard(self) -> None:
        """Give up every edit; each was an edit of a rule that is not saved."""
        if self.draft is not None and self._found is not None:
            self.draft.discard(self._found.view.rules)
            self._edited()

    def _edited(self, at: int | None = None) -> None:
        self.show()
        if at is not None:
            self.listed.move_to_index(at)
        self.refresh_bindings()

    # -- asking IFS, looking back ------------------------------------------------------------------------------------

    @work(group="mappings.check", exclusive=True)
    async def action_check(self) -> None:
        """Ask IFS about everything the rules lead to, edits included."""
        name, draft = self.connection, self.draft
        if draft is None:
            return
        wanted = draft.wanted
        self._set_busy("asking IFS …")
        try:
            targets = await self._ask_ifs(self._chosen, name, wanted)
        except Problem as problem:
            self.desk.show_problem(problem)
            return
        finally:
            self._set_busy("")
        counts = {word: sum(1 for target in targets if target.standing.value == word) for word in _VERDICTS}
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        titles = {rule.label: rule_title(rule) for rule in wanted.rules}
        bad = [
            f"{target.value} is {target.standing.value}: {', '.join(titles.get(each, each) for each in target.rules)}."
            for target in targets
            if target.standing.value in ("missing", "closed")
        ]
        more = [f"And {len(bad) - _NAMED} more."] if len(bad) > _NAMED else []
        said = " ".join([f"{name} in IFS: {told}.", *bad[:_NAMED], *more])
        self.desk.say(said, severity="warning" if bad else "information")

    async def _ask_ifs(self, connection_id: int, name: str, wanted: Rules) -> "tuple[Target, ...]":
        """How IFS answers for everything `wanted` leads to; kept for the lists. Raises Problem."""
        from bcifs_console.operations import mapping_check  # with both clients: loaded when they are first needed

        ask: Callable[[Context], Awaitable[tuple[Target, ...]]] = partial(
            mapping_check.standings, connection=name, wanted=wanted
        )
        targets: tuple[Target, ...] = await self.gateway.look(ask)
        by_label = {rule.label: rule for rule in wanted.rules}
        self._standings[connection_id] = {
            (rule.purpose, rule.result): (target.standing.value, target.detail)
            for target in targets
            for label in target.rules
            if (rule := by_label.get(label)) is not None
        }
        self.show()
        return targets

    @work(group="mappings.history", exclusive=True)
    async def action_history(self) -> None:
        """Who changed the rules of the purpose, when and why."""
        purpose = self._purpose
        if purpose is None:
            return
        found = await self.gateway.read(partial(views.history, connection_id=self._chosen, purpose=purpose))
        await self.app.push_screen_wait(MappingHistoryScreen(purpose, found))

    def _set_busy(self, busy: str) -> None:
        self._busy = busy
        self.show()
        self.refresh_bindings()

    # -- saving ------------------------------------------------------------------------------------------------------

    @work(group="mappings.save", exclusive=True)
    async def action_save(self) -> None:
        """Show what the edits change and whom they let go; save them when it is wanted."""
        draft, name = self.draft, self.connection
        if draft is None:
            return
        before, wanted = draft.base, draft.wanted
        try:
            found = await self.gateway.look(partial(mapping.changes, connection=name, wanted=wanted, before=before))
            if not found.changes:
                draft.discard()
                self._edited()
                self.desk.say("The edits come to nothing; nothing was saved.")
                return
            reason = await self.app.push_screen_wait(MappingReviewScreen(found, self._questions(before, wanted)))
        except Problem as problem:
            self.desk.show_problem(problem)
            return
        if reason is None:
            return

        def tell(saved: Imported) -> None:
            draft.discard(saved.after)
            self.desk.notify_done(_told(saved), partial(_restore, connection=name, before=before, after=saved.after))
            self.reload()

        said = reason or "edited in the console"
        save = partial(mapping.save, connection=name, wanted=wanted, before=before, reason=said)
        await self.desk.carry_out(save, tell)

    def _questions(self, before: Rules, wanted: Rules) -> Questions:
        connection_id, name, since = self._chosen, self.connection, self.gateway.now() - timedelta(days=_DAYS)

        def standings() -> Standings:
            return self._standings.get(connection_id, {})

        async def ask_freed() -> Freed:
            lacking = frozenset(key for key, (word, _) in standings().items() if word == "missing")
            ask = partial(freed, connection_id=connection_id, before=before, wanted=wanted, lacking=lacking)
            return await self.gateway.read(ask)

        async def ask_tried() -> Tried:
            ask = partial(time_machine.try_rules, connection=name, wanted=wanted, since=since)
            return await self.gateway.look(ask)

        async def check() -> None:
            await self._ask_ifs(connection_id, name, wanted)

        return Questions(ask_freed, ask_tried, _DAYS, standings, check)


def _told(saved: Imported) -> str:
    named = ", ".join(purpose.value.replace("_", " ") for purpose in saved.purposes)
    return f"Saved the mapping of {saved.connection}: {named}. Orders that waited for it go, one first."


def _restore(context: Context, *, connection: str, before: Rules, after: Rules) -> None:
    """Put the rules of before in force again; refused where somebody changed them since."""
    mapping.save(context, connection, before, before=after, reason="taken back in the console")
