"""What the Ledger screen does: a comparison of both sides, run and stopped; exports; copying."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from textual import work
from textual.content import Content
from textual.worker import Worker

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.console.ledger_filter import days
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.screens.ledger_pages import GridDay, last_day
from bcifs_console.console.screens.note import AskScreen
from bcifs_console.console.widgets.lines import DIM, Lines, line
from bcifs_console.console.widgets.sheet import Sheet, SheetScroll
from bcifs_console.operations import reconcile_kept
from bcifs_console.operations.books import ExportFormat, export
from bcifs_console.operations.context import Context
from bcifs_console.operations.reconcile import Reconciled, reconcile
from bcifs_console.operations.reconcile_reading import Progress
from bcifs_console.store.views.ledger_pages import Books, DocumentLine

#: Writes the file and says what it wrote.
Write = Callable[[Path, Context], str]


class FileThere(Problem):
    """A read-only console was to write over a file."""

    kind = ProblemKind.USAGE

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name} is there already; a read-only console writes new files only.", remedy="Give it another name."
        )


class LedgerWork(ConsoleScreen):
    """The verbs of the Ledger screen. The screen says what the cursor is on."""

    at: Books | None
    month: date | None
    running: Worker[None] | None = None

    # -- what the screen answers -------------------------------------------------------------------------------------

    @property
    def day(self) -> GridDay | None:
        """The day under the cursor."""
        raise NotImplementedError

    @property
    def document(self) -> DocumentLine | None:
        """The document under the cursor."""
        raise NotImplementedError

    @property
    def shows_documents(self) -> bool:
        """Whether the documents are in front, not the books."""
        raise NotImplementedError

    def why_not(self, action_id: str) -> str | None:
        match action_id:
            case "ledger.compare" | "ledger.compare_days" if self.running is not None:
                return "a comparison is running; x stops it"
            case "ledger.compare" if self.day is None or self.shows_documents:
                return "the cursor is on no day: b shows the books"
            case "ledger.compare_days" | "ledger.export_csv" | "ledger.export_beancount" if self.at is None:
                return "there is no connection yet"
            case "ledger.stop" if self.running is None:
                return "no comparison is running"
            case "ledger.connection" if self.at is None:
                return "there is no connection yet"
        return None

    # -- comparing ---------------------------------------------------------------------------------------------------

    def action_compare(self) -> None:
        """Compare the day under the cursor."""
        if self.day is not None:
            self._start(self.day.day, self.day.day)

    @work(exclusive=True, group="ask")
    async def action_compare_days(self) -> None:
        """Compare days that are typed."""
        if self.month is None:
            return
        chosen = await self.desk.push_screen_wait(
            AskScreen(
                "Compare which days?",
                "A day, a month, or first..last. Both the store and IFS are read afresh; nothing is posted.",
                value=f"{self.month:%Y-%m}",
                check=days,
            )
        )
        if chosen is not None:
            self._start(*days(chosen))

    def _start(self, first: date, last: date) -> None:
        if self.at is not None and self.running is None:
            self.running = self._compare(self.at, first, min(last, self._today(first)))
            self.add_class("-running")
            self.refresh_bindings()

    def _today(self, first: date) -> date:
        """The last day there is anything of; time zones ahead of UTC are a day further."""
        return max(first, date.fromordinal(self.gateway.now().date().toordinal() + 1))

    @work(group="compare")
    async def _compare(self, at: Books, first: date, last: date) -> None:
        what = f"{first}" if first == last else f"{first} to {last}"
        self._say_progress(what, Progress("starting"))
        run = partial(
            reconcile, connection=at.name, first=first, last=last, on_progress=partial(self._say_progress, what)
        )
        try:
            found: Reconciled = await self.gateway.act(run)
        except Problem as problem:
            self.desk.show_problem(problem)
        else:
            self.desk.notify_done(f"Compared {what} of {at.name}: {_outcome(found)}")
            self.reload()
        finally:
            self.running = None
            self.remove_class("-running")
            self.refresh_bindings()

    def _say_progress(self, what: str, progress: Progress) -> None:
        self.query_one("#running", Sheet).show(partial(_progress_lines, what, progress))

    def action_stop(self) -> None:
        """Stop the comparison."""
        if self.running is not None:
            self.running.cancel()
            self.desk.say("The comparison is stopped; what was found before stays.")

    # -- exporting ---------------------------------------------------------------------------------------------------

    @work(group="export")
    async def action_export_csv(self) -> None:
        """The days shown, or the vouchers of the month, as CSV."""
        if self.at is None or self.month is None:
            return
        at, first, last = self.at, self.month, last_day(self.month)
        if self.shows_documents:
            run: Write = partial(_vouchers, ExportFormat.CSV, at, first, last)
            await self._export(at, self.month, "vouchers.csv", run)
        else:
            await self._export(at, self.month, "books.csv", partial(_books, at, first, last))

    @work(group="export")
    async def action_export_beancount(self) -> None:
        """The month's vouchers for bean-check."""
        if self.at is None or self.month is None:
            return
        at, first, last = self.at, self.month, last_day(self.month)
        run: Write = partial(_vouchers, ExportFormat.BEANCOUNT, at, first, last)
        await self._export(at, self.month, "vouchers.beancount", run)

    async def _export(self, at: Books, month: date, what: str, run: Write) -> None:
        chosen = await self.desk.push_screen_wait(
            AskScreen(
                f"Write the {what.partition('.')[0]} of {at.name}, {month:%B %Y}",
                "To which file?",
                value=f"{at.name}-{month:%Y-%m}-{what}",
            )
        )
        if not chosen:
            return
        path, there = await asyncio.to_thread(_looked_up, chosen)
        if there and not await self._may_replace(path, there):
            return
        try:
            told = await self.gateway.look(partial(run, path))
        except Problem as problem:
            self.desk.show_problem(problem)
        else:
            self.desk.notify_done(told)

    async def _may_replace(self, path: Path, there: str) -> bool:
        """Whether a file may be written over; by a read-only console never."""
        if self.gateway.readonly:
            self.desk.show_problem(FileThere(path))
            return False
        return await self.desk.confirm(f"Replace {path.name}?", [there, "It is replaced, whole."], danger=True)

    # -- copying -----------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the document's key, or the day."""
        if self.shows_documents:
            if self.document is not None:
                self.desk.copy(self.document.key, self.document.key)
        elif self.day is not None:
            self.desk.copy(self.day.day.isoformat(), f"day {self.day.day}")

    def action_copy_all(self) -> None:
        """Copy what the pane on the right says."""
        panes = [pane for pane in self.query("#right SheetScroll").results(SheetScroll) if pane.display]
        self.desk.copy("\n\n".join(pane.sheet.text for pane in panes), "the pane on the right")


def _progress_lines(what: str, progress: Progress, width: int) -> Lines:
    done = "" if not progress.done else f"  {progress.done:,}" + (f" of {progress.total:,}" if progress.total else "")
    bar = _bar(progress, 16)
    told = line(("◑ ", "bold"), f"Comparing {what}: {progress.doing}{done}  ", bar, ("  x stops it", DIM))
    return [told.truncate(width, ellipsis=True)]


def _bar(progress: Progress, width: int) -> Content:
    """How far it is, where that is known."""
    if not progress.total:
        return Content("")
    full = round(width * min(progress.done, progress.total) / progress.total)
    return line(("━" * full, "$primary"), ("━" * (width - full), DIM))


def _outcome(found: Reconciled) -> str:
    counts = {verdict: sum(row.verdict.value == verdict for row in found.rows) for verdict in ("red", "explained")}
    told = [f"{number} {verdict}" for verdict, number in counts.items() if number]
    if found.unread:
        told.append(f"{len(found.unread)} orders could not be read")
    return ", ".join(told) or ("all green" if found.rows else "nothing was booked")


def _looked_up(chosen: str) -> tuple[Path, str]:
    """The file of that name and how it is; "" where it is new, or cannot be looked at: writing it says why."""
    path = Path(chosen)
    try:
        path = path.expanduser()
        found = path.stat()
    except (OSError, ValueError, RuntimeError):  # RuntimeError: ~ of a user whom nobody knows
        return path, ""
    written = datetime.fromtimestamp(found.st_mtime, UTC).astimezone()
    return path, f"It is there: {found.st_size:,} bytes, written {written:%d %b %Y %H:%M}."


def _vouchers(form: ExportFormat, at: Books, first: date, last: date, path: Path, context: Context) -> str:
    wrote = export(context, path, form, connection=at.name, first=first, last=last)
    return f"Wrote {wrote.vouchers} vouchers to {path.name}"


def _books(at: Books, first: date, last: date, path: Path, context: Context) -> str:
    wrote = reconcile_kept.export_csv(context, path, at.connection_id, first=first, last=last)
    return f"Wrote {wrote.days} days and {wrote.differences} differences to {path.name}"
