"""Setting up a connection: a form that both systems answer to while it is filled in.

Nothing is stored before `ctrl+s`, and then only when both systems agree, or the person says so. Secrets are masked,
held as `Secret` and never told to anybody but the vault and the two systems.
"""

from datetime import datetime
from functools import partial
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from bcifs_console.base.problems import Problem
from bcifs_console.console import text
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.set_up import SetUp
from bcifs_console.console.widgets import lines
from bcifs_console.console.widgets.answer_row import AnswerRow, row_id
from bcifs_console.operations import first_run, hooks
from bcifs_console.operations.connect import Added
from bcifs_console.operations.context import Context
from bcifs_console.operations.first_run import PROBES, Probe, Said
from bcifs_console.operations.first_run_questions import GROUPS, QUESTIONS

#: How long after the last key both systems are asked: nobody waits for it, and half a word is not sent.
PATIENCE_S = 0.6
_LEAST_WIDTH: Final = 20


class SetupScreen(ConsoleScreen):
    """The set-up form; the first screen of an installation that has no connection."""

    SECTION = "setup"
    TITLE_TEXT = "Set-up"
    KINDS: ClassVar[frozenset[str]] = frozenset({"connection"})

    def __init__(self) -> None:
        super().__init__()
        self.set_up = SetUp()
        self.at = "bigcommerce.store_hash"
        self.is_saving = False
        self._soon: Timer | None = None
        self._obstacle: str | None = None

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="set-up"):
            with VerticalScroll(id="form", can_focus=False):
                for group in GROUPS:
                    yield Static(group.title, classes="group", markup=False)
                    for question in group.questions:
                        yield AnswerRow(question)
            with Vertical(id="aside"):
                yield Static(id="help", markup=False)
                yield Static(id="said", markup=False)
                yield Static(id="progress", markup=False)

    async def load(self) -> None:
        self.set_up.taken = await self.gateway.look(first_run.taken_names)
        self.show_all()

    # -- answering ---------------------------------------------------------------------------------------------------

    @on(AnswerRow.Answered)
    def take_answer(self, event: AnswerRow.Answered) -> None:
        """Take an answer and ask the systems about it when the person pauses."""
        self.set_up.answer(event.key, event.answer)
        self.show_all()
        if self._soon is not None:
            self._soon.stop()
        self._soon = self.set_timer(PATIENCE_S, self.ask_what_is_due)

    @on(AnswerRow.Reached)
    def reach(self, event: AnswerRow.Reached) -> None:
        """Show what the question at hand is about."""
        self.at = event.key
        self.show_aside()

    def ask_what_is_due(self) -> None:
        """Ask each system whose answers are there and were not tried yet."""
        for probe in self.set_up.due():
            self.ask(probe)
        self.show_all()

    def ask(self, probe: Probe) -> None:
        """Ask one system; a newer question takes the place of one under way."""
        asked_with = self.set_up.begin(probe)
        answers = self.set_up.answers

        async def look(context: Context) -> tuple[Said, ...]:
            return await first_run.probe(context, probe, answers)

        async def run() -> None:
            said = await self.gateway.look(look)
            self.set_up.end(probe, asked_with, said)
            self.ask_what_is_due()

        self.run_worker(run(), group=f"probe {probe.name}", exclusive=True)

    def action_test_again(self) -> None:
        """Ask both systems once more."""
        self.set_up.ask_again()
        self.ask_what_is_due()

    # -- showing -----------------------------------------------------------------------------------------------------

    def show_all(self) -> None:
        """Bring every line up to date."""
        answers = self.set_up.answers
        for key, question in QUESTIONS.items():
            row = self.query_one(f"#{row_id(key)}", AnswerRow)
            if question.only_with is not None:
                row.display = answers.is_asked(question)
            row.show_verdict(self.set_up.verdict(key))
        self.show_aside()
        if (obstacle := self.why_not("setup.save")) != self._obstacle:
            self._obstacle = obstacle
            self.refresh_bindings()

    def show_aside(self) -> None:
        """What the question at hand is about, and what both systems said."""
        width = max(_LEAST_WIDTH, self.query_one("#aside").content_size.width)
        shown = (
            Content("\n").join(self._help(width)),
            Content("\n").join(self._said(width)),
            self._progress(),
        )
        for name, content in zip(("#help", "#said", "#progress"), shown, strict=True):
            panel = self.query_one(name, Static)
            if panel.content != content:
                panel.update(content)

    def on_resize(self) -> None:
        """What stands beside the form is laid out for its width."""
        self.call_after_refresh(self.show_aside)

    def _help(self, width: int) -> lines.Lines:
        question, verdict = QUESTIONS[self.at], self.set_up.verdict(self.at)
        shown = [lines.heading(question.label, width), *lines.paragraph(question.help, width)]
        if verdict.text:
            colour = lines.GOOD if verdict.state == "ok" else lines.BAD if verdict.remedy else lines.DIM
            shown += lines.paragraph(verdict.text, width, style=colour)
        if verdict.remedy:
            shown += lines.paragraph(verdict.remedy, width, style=lines.DIM, lead="→ ")
        return shown

    def _said(self, width: int) -> lines.Lines:
        shown = []
        for probe in PROBES:
            shown.append(lines.heading(probe.name, width))
            if probe.name in self.set_up.asking:
                shown.append(lines.line(("  ◑ asking …", "$accent")))
            elif probe.name not in self.set_up.said:
                shown += lines.paragraph(self.set_up.waits_for(probe), width, style=lines.DIM, lead="  · ")
            for one in self.set_up.said.get(probe.name, ()):
                shown.append(Content.assemble("  ", text.state(one.verdict, one.check)))
                shown += lines.paragraph(one.detail, width, style=lines.DIM, indent=4) if one.detail else []
            shown.append(lines.EMPTY)
        return shown

    def _progress(self) -> Content:
        lacking = self.set_up.lacking()
        if lacking:
            names = ", ".join(QUESTIONS[key].label.lower() for key in lacking[:3])
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            return Content.styled(f"Still open: {names}{more}.", lines.DIM)
        if self.set_up.doubts():
            return Content.styled("Everything is answered; not everything is confirmed yet.", "$text-warning")
        return Content.styled("✓ Both systems agree. ctrl+s stores it and registers the webhooks.", "$text-success")

    # -- keeping -----------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        if action_id == "setup.save":
            if self.is_saving:
                return "it is being stored"
            if lacking := self.set_up.lacking():
                return f"{QUESTIONS[lacking[0]].label} is still open"
        return None

    @work(exclusive=True, group="save")
    async def action_save(self) -> None:
        """Store the connection and register its webhooks."""
        doubts = self.set_up.doubts()
        if doubts and not await self.desk.confirm("Store it although not everything is confirmed?", doubts):
            return
        self.is_saving = True
        self.refresh_bindings()
        try:
            added = await self.gateway.act(partial(first_run.keep, answers=self.set_up.answers))
        except Problem as problem:
            self.desk.show_problem(problem)
        else:
            self._forget()
            await self._register(added)
        finally:
            self.is_saving = False
            if self.is_attached:
                self.refresh_bindings()

    def _forget(self) -> None:
        """The secrets are sealed in the store; nothing here needs them any more."""
        self.set_up.forget_secrets()
        for row in self.query(AnswerRow):
            if row.question.is_secret:
                row.clear()

    async def _register(self, added: Added) -> None:
        start = datetime.fromisoformat(added.start_at)
        self.desk.notify_done(f"Connection {added.name} is stored; orders count from {start:%d %b %Y %H:%M} UTC on.")
        for note in added.notes:
            self.desk.say(note, severity="warning")

        async def register(context: Context) -> int:
            done = await hooks.register(context, added.name)
            return sum(1 for one in done if one.action == "created")

        try:
            made = await self.gateway.act(register)
        except Problem as problem:
            self.desk.show_problem(problem)
            self.desk.open_section("webhooks")
            return
        self.desk.notify_done(f"{made} webhooks registered for {added.name}.")
        self.desk.open_section("overview")
