"""The line at the top: where you are on the left, how the installation is on the right."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from bcifs_console.base.text import safe_text
from bcifs_console.console.vitals import Part
from bcifs_console.console.widgets.lines import DIM

_GAP: Final = 3


class StatusBar(Widget):
    """`crumbs` and `parts`; what does not fit is left out, the least weighty first."""

    ALLOW_SELECT = False
    DEFAULT_CSS: ClassVar[str] = """
    StatusBar { dock: top; height: 1; padding: 0 1; background: $panel; }
    """

    crumbs: reactive[tuple[str, ...]] = reactive((), init=False)
    parts: reactive[Sequence[Part]] = reactive((), init=False)

    def render(self) -> Content:
        """`Orders › 1042          ! 3 need you   ✓ listener :8080   ✓ worker`"""
        place = self.place()
        room = self.size.width - place.cell_length - 1
        kept = list(self.parts)
        while kept and self.length(kept) > room:
            kept.remove(max(kept, key=lambda part: part.weight))
        told = Content(" " * _GAP).join([part.shown for part in kept])
        gap = max(1, self.size.width - place.cell_length - told.cell_length)
        return Content.assemble(place, " " * gap, told).truncate(self.size.width, ellipsis=True)

    def place(self) -> Content:
        """The breadcrumbs."""
        *before, last = (safe_text(crumb) for crumb in self.crumbs or ("",))
        lead = "".join(f"{crumb} › " for crumb in before)
        return Content.assemble((lead, DIM), (last, "bold $primary"))

    @staticmethod
    def length(parts: Sequence[Part]) -> int:
        """Cells these parts take."""
        return sum(part.shown.cell_length for part in parts) + _GAP * max(0, len(parts) - 1)
