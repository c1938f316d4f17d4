"""Mappings: rules are edited here, looked at once more with what they change, and saved.

Edits are kept in a `MappingDraft` for each connection; nothing reaches the store before the review. What is shown is
`mapping_lists.MappingLists`.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

from textual import work

from bcifs_console.base.problems import Problem
from bcifs_console.console.mapping_draft import MappingDraft
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

#: How far back the review replays past orders.
_DAYS: Final = 30
_VERDICTS: Final = ("ok", "missing", "closed", "unknown")


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
        written = await self._asked(self.gap.answer(draft.wanted) or self.gap.rule)
        if written is not None:
            draft.add(written)
            self._edited()

    async def _asked(self, rule: MappingRule) -> MappingRule | None:
        return await self.app.push_screen_wait(RuleFormScreen(rule, self.gaps))

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
        from bcifs_console.operations import mapping_check  # with both clients: loaded when they are first needed

        draft, connection_id = self.draft, self._chosen
        if draft is None:
            return
        wanted = draft.wanted
        self._set_busy("asking IFS …")
        try:
            ask: Callable[[Context], Awaitable[tuple[mapping_check.Target, ...]]] = partial(
                mapping_check.standings, connection=self.connection, wanted=wanted
            )
            targets: tuple[mapping_check.Target, ...] = await self.gateway.look(ask)
        except Problem as problem:
            self.desk.show_problem(problem)
            return
        finally:
            self._set_busy("")
        by_label = {rule.label: rule for rule in wanted.rules}
        self._standings[connection_id] = {
            (rule.purpose, rule.result.strip()): (target.standing.value, target.detail)
            for target in targets
            for label in target.rules
            if (rule := by_label.get(label)) is not None
        }
        counts = {word: sum(1 for target in targets if target.standing.value == word) for word in _VERDICTS}
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        is_good = not (counts["missing"] or counts["closed"])
        self.desk.say(f"{self.connection} in IFS: {told}.", severity="information" if is_good else "warning")
        self.show()

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
            if reason is None:
                return
            said = reason or "edited in the console"
            saved = await self.gateway.act(
                partial(mapping.save, connection=name, wanted=wanted, before=before, reason=said)
            )
        except Problem as problem:
            self.desk.show_problem(problem)
            return
        draft.discard(saved.after)
        self.desk.notify_done(_told(saved), partial(_restore, connection=name, before=before, after=saved.after))
        self.reload()

    def _questions(self, before: Rules, wanted: Rules) -> Questions:
        connection_id, name, since = self._chosen, self.connection, self.gateway.now() - timedelta(days=_DAYS)

        async def ask_freed() -> Freed:
            return await self.gateway.read(partial(freed, connection_id=connection_id, before=before, wanted=wanted))

        async def ask_tried() -> Tried:
            ask = partial(time_machine.try_rules, connection=name, wanted=wanted, since=since)
            return await self.gateway.look(ask)

        return Questions(ask_freed, ask_tried, _DAYS)


def _told(saved: Imported) -> str:
    named = ", ".join(purpose.value.replace("_", " ") for purpose in saved.purposes)
    return f"Saved the mapping of {saved.connection}: {named}. Orders that waited for it go, one first."


def _restore(context: Context, *, connection: str, before: Rules, after: Rules) -> None:
    """Put the rules of before in force again; refused where somebody changed them since."""
    mapping.save(context, connection, before, before=after, reason="taken back in the console")
