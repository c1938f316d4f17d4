"""The customers a buyer may be, best first, each with its score as a bar and the reasons for it; one is chosen.

Letters choose at once while the list has the focus. What choosing means is the screen's business.
"""

from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from bcifs_console.console.widgets.lines import DIM, GOOD, RULE, STRONG, WARN, Lines, fit, line, wrapped
from bcifs_console.store.views.decisions import CandidateView

#: So many have a letter; a search finds more, which the cursor reaches.
LETTERS: Final = ascii_lowercase[:9]
_BAR: Final = 10
_SURE: Final = 70
_LIKELY: Final = 40
#: Cells before the name: cursor, letter, gaps.
_LEAD: Final = 5
NOTHING_APART: Final = "nothing tells these apart here: look both up in IFS"
_FACTS: Final[tuple[tuple[str, Callable[[CandidateView], tuple[str, ...]]], ...]] = (
    ("e-mail", lambda found: found.emails),
    ("phone", lambda found: found.phones),
    ("postcode", lambda found: found.postcodes),
)


def score_style(score: int) -> str:
    """The colour of a score: green from 70, yellow from 40."""
    return GOOD if score >= _SURE else WARN if score >= _LIKELY else DIM


def score_bar(score: int) -> Content:
    """`━━━━━━━─── 67`."""
    full = round(min(100, max(0, score)) / 100 * _BAR)
    style = score_style(score)
    return line(("━" * full, style), ("─" * (_BAR - full), RULE), (f" {score:>3}", style))


def told_apart(found: Sequence[CandidateView]) -> Mapping[str, str]:
    """By customer id, of those that look the same (name, score, reasons): what differs, of all that was read."""
    alike: dict[tuple[object, ...], list[CandidateView]] = {}
    for each in found:
        alike.setdefault((each.score, each.name.casefold(), each.reasons), []).append(each)
    return {each.customer_id: _apart(each, group) for group in alike.values() if len(group) > 1 for each in group}


def _apart(found: CandidateView, group: Sequence[CandidateView]) -> str:
    told = [
        f"{what} {', '.join(values(found)) or 'not known'}"
        for what, values in _FACTS
        if len({frozenset(value.casefold() for value in values(each)) for each in group}) > 1
    ]
    return f"differs: {' · '.join(told)}" if told else NOTHING_APART


def candidate_lines(found: CandidateView, width: int, *, letter: str, is_chosen: bool, apart: str = "") -> Lines:
    """One candidate: id, name and score on a line, the reasons below, and `apart` from those that look the same."""
    bar = score_bar(found.score)
    room = max(8, width - _LEAD - bar.cell_length - 2)
    number = found.customer_id
    name_room = max(4, room - cell_len(number) - 2)
    head = line(
        ("▌" if is_chosen else " ", "$primary"),
        (f" {letter or ' '}  ", STRONG if is_chosen else DIM),
        (fit(number, cell_len(number)), STRONG),
        "  ",
        fit(found.name or "(no name read)", name_room),
        "  ",
        bar,
    )
    reasons = ", ".join(found.reasons) or "nothing in common but what you looked for"
    margin = line(("▌" if is_chosen else " ", "$primary"), " " * (_LEAD - 1))
    told = [(part, DIM) for part in wrapped(reasons, max(8, width - _LEAD))]
    told += [(part, WARN) for part in wrapped(apart, max(8, width - _LEAD))]
    return [head, *(line(margin, part) for part in told)]


class CandidateList(Widget, can_focus=True):
    """Candidates to choose from."""

    DEFAULT_CSS = """
    CandidateList { height: auto; width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="candidates.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="candidates.down"),
        Binding("enter", "choose", "Choose", id="candidates.choose"),
        Binding("escape,left", "leave", "Back", id="candidates.leave"),
    ]

    at: reactive[int] = reactive(0)

    class Chosen(Message):
        """Enter, a letter, or a click on the one under the cursor."""

        def __init__(self, candidate: CandidateView) -> None:
            super().__init__()
            self.candidate = candidate

    class Highlighted(Message):
        """Another one is under the cursor; None where there is none."""

        def __init__(self, candidate: CandidateView | None) -> None:
            super().__init__()
            self.candidate = candidate

    class Left(Message):
        """Esc: back to where one came from."""

    def __init__(self, *, empty: Content | None = None, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty: Final = empty or Content("")
        self._found: Sequence[CandidateView] = ()

    # -- what a screen may do ----------------------------------------------------------------------------------------

    @property
    def chosen(self) -> CandidateView | None:
        """The one under the cursor."""
        return self._found[self.at] if self.at < len(self._found) else None

    def show(self, found: Sequence[CandidateView]) -> None:
        """Show these; the cursor stays on its customer where that one is among them."""
        before = self.chosen.customer_id if self.chosen is not None else ""
        self._found = tuple(found)
        ids = [each.customer_id for each in found]
        self.at = ids.index(before) if before in ids else 0
        self.refresh(layout=True)
        self.post_message(self.Highlighted(self.chosen))

    # -- drawing -----------------------------------------------------------------------------------------------------

    def _blocks(self, width: int) -> list[Lines]:
        apart = told_apart(self._found)
        return [
            candidate_lines(
                each,
                width,
                letter=LETTERS[number] if number < len(LETTERS) else "",
                is_chosen=number == self.at and self.has_focus,
                apart=apart.get(each.customer_id, ""),
            )
            for number, each in enumerate(self._found)
        ]

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        if not self._found:
            return len(self._empty.wrap(max(1, width)))
        return sum(len(block) for block in self._blocks(width)) + len(self._found) - 1

    def render(self) -> Content:
        if not self._found:
            return self._empty
        blocks = self._blocks(max(1, self.content_size.width))
        return Content("\n\n").join(Content("\n").join(block) for block in blocks)

    def watch_at(self) -> None:
        self.refresh()
        self.post_message(self.Highlighted(self.chosen))
        self.call_after_refresh(self._into_view)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _into_view(self) -> None:
        """Scroll whatever holds the list so that the cursor's candidate is seen whole."""
        blocks = self._blocks(max(1, self.content_size.width))
        y = sum(len(block) + 1 for block in blocks[: self.at])
        height = len(blocks[self.at]) if self.at < len(blocks) else 1
        self.scroll_visible_region(Region(0, y, self.size.width, height))

    def scroll_visible_region(self, region: Region) -> None:
        """Bring a part of the list into the view of its container."""
        parent = self.parent
        if isinstance(parent, Widget) and parent.is_scrollable:
            parent.scroll_to_region(region.translate(self.virtual_region.offset), animate=False)

    # -- choosing ----------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Up and down; the ends are ends."""
        if self._found:
            self.at = min(len(self._found) - 1, max(0, self.at + by))

    def action_choose(self) -> None:
        """Choose the one under the cursor."""
        if self.chosen is not None:
            self.post_message(self.Chosen(self.chosen))

    def action_leave(self) -> None:
        """Back to where one came from."""
        self.post_message(self.Left())

    def on_key(self, event: events.Key) -> None:
        """A letter chooses its candidate."""
        number = LETTERS.find(event.key)
        if number < 0 or number >= len(self._found):
            return
        event.stop()
        event.prevent_default()
        self.at = number
        self.action_choose()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there; a second one chooses."""
        y = event.y
        for number, block in enumerate(self._blocks(max(1, self.content_size.width))):
            if y < len(block) + 1:
                is_second = number == self.at and event.chain > 1
                self.at = number
                if is_second:
                    self.action_choose()
                return
            y -= len(block) + 1
