"""The virtual table shows what a plain list would show, whatever is done to it, and reads no more than it shows."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection
from textual.theme import Theme

from bcifs_console.console.widgets.columns import Column, arrange, fit
from bcifs_console.console.widgets.row_order import RowOrder
from bcifs_console.console.widgets.virtual_table import VirtualTable
from tests.console.painting import Painted, Paper, assert_nothing_is_stale

COLUMNS = (
    Column("id", "No", 7, number=True),
    Column("name", "Name", 9, grow=1),
    Column("state", "State", 8, from_width=42),
    Column("total", "Total", 8, align="right", number=True),
)


@dataclass
class Model:
    """A plain list of rows, and how a line of it must read."""

    ids: list[int] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    reads: int = 0
    batches: list[int] = field(default_factory=list)  #: how many were read each time

    def hydrate(self, row_ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        assert len(row_ids) <= 100
        self.reads += len(row_ids)
        self.batches.append(len(row_ids))
        return {row_id: self.cells(row_id) for row_id in row_ids if row_id in self.names}

    def cells(self, row_id: int) -> Sequence[Content]:
        return (
            Content(str(row_id)),
            Content(self.names[row_id]),
            Content.styled("✗ failed", "$error"),
            Content(f"{row_id * 1000}.00"),
        )

    def line(self, index: int, table: VirtualTable) -> str:
        row_id = self.ids[index]
        bar = "▌" if row_id == table.cursor_id else " "
        mark = "●" if row_id in table.marks else " "
        left = table.view.width - 3 - 7 - 8 - 2 - 2
        name_width = left - (10 if table.view.width >= 42 else 0)
        name = self.names[row_id]
        if cell_len(name) > name_width:
            name = set_cell_size(name, name_width - 1) + "…"
        cells = [_number(str(row_id)).ljust(7), set_cell_size(name, name_width)]
        if table.view.width >= 42:
            cells.append("✗ failed")
        cells.append(_number(f"{row_id * 1000}.00", 8).rjust(8))
        return f"{bar}{mark} " + "  ".join(cells)


def _number(text: str, width: int = 7) -> str:
    return text if len(text) <= width else "#" * width


class TableApp(Painted, App[None]):
    """A table and nothing else."""

    def __init__(self, model: Model, *, newest: Any = "top", following: bool = False) -> None:
        super().__init__()
        self.paper = Paper()
        self.model = model
        self.newest = newest
        self.following = following
        self.seen: list[Any] = []

    def compose(self) -> ComposeResult:
        yield VirtualTable(COLUMNS, newest=self.newest, following=self.following)

    def on_mount(self) -> None:
        self.animation_level = "none"
        table = self.query_one(VirtualTable)
        table.set_source(self.model.ids, self.model.hydrate)
        table.focus()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        self.seen.append(("opened", event.row_id))

    def on_virtual_table_sort_asked(self, event: VirtualTable.SortAsked) -> None:
        self.seen.append(("sort", event.key))

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        self.seen.append(("marks", event.count))


@asynccontextmanager
async def shown(
    model: Model, size: tuple[int, int] = (60, 12), **options: Any
) -> AsyncIterator[tuple[Pilot[None], VirtualTable]]:
    app = TableApp(model, **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot, app.query_one(VirtualTable)


def model_of(count: int) -> Model:
    return Model(list(range(count)), {n: f"row {n}" for n in range(count)})


def painted(table: VirtualTable) -> list[str]:
    """The lines of the table as they stand in the terminal, the scroll bar left out."""
    assert isinstance(table.app, TableApp)
    return table.app.paper.text(table.size.height, table.view.width)


def check(table: VirtualTable, model: Model) -> None:
    """The painted lines are the model's slice, to the character."""
    width = table.view.width
    lines = painted(table)[1 : 1 + table.body_height]
    top = table.top
    wanted = [
        set_cell_size(model.line(index, table) if index < len(model.ids) else "", width)
        for index in range(top, top + table.body_height)
    ]
    assert lines == wanted
    assert list(table.order.ids) == model.ids
    assert (table.cursor_id is None) == (not model.ids)
    assert table.cursor_id is None or table.cursor_id in model.ids
    assert table.marks <= set(model.ids)


def check_all(table: VirtualTable, model: Model) -> None:
    """As `check`, and no line, no colour and no number of a line is left from before."""
    check(table, model)
    assert isinstance(table.app, TableApp)
    assert_nothing_is_stale(table, table.app.paper)


# -- against a plain list ----------------------------------------------------------------------------------------------

_NAMES = st.text(st.sampled_from("ab 東é"), min_size=0, max_size=40).map(str.strip)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("prepend"), st.integers(1, 6)),
        st.tuples(st.just("append"), st.integers(1, 6)),
        st.tuples(st.just("discard"), st.lists(st.integers(0, 60), max_size=6)),
        st.tuples(st.just("change"), st.lists(st.tuples(st.integers(0, 60), _NAMES), max_size=4)),
        st.tuples(st.just("replace"), st.sampled_from(["reversed", "odd", "all", "none"])),
        st.tuples(
            st.just("refill"),
            st.tuples(
                st.sampled_from(["same", "reversed", "odd", "all", "none"]),
                st.lists(st.tuples(st.integers(0, 60), _NAMES), max_size=4),
            ),
        ),
        st.tuples(st.just("select"), st.tuples(st.integers(0, 15), st.integers(0, 15))),
        st.tuples(st.just("scroll"), st.integers(0, 60)),
        st.tuples(st.just("resize"), st.tuples(st.integers(32, 70), st.integers(2, 16))),
        st.tuples(st.just("follow"), st.booleans()),
        st.tuples(
            st.just("press"), st.sampled_from(["j", "k", "pagedown", "pageup", "g", "G", "space", "v", "escape"])
        ),
    ),
    max_size=14,
)


@settings(max_examples=settings().max_examples // 8)
@given(count=st.integers(0, 40), newest=st.sampled_from(["top", "bottom"]), steps=_STEPS)
def test_what_is_painted_is_what_a_plain_list_would_show(count: int, newest: str, steps: list[tuple[str, Any]]) -> None:
    asyncio.run(_play(count, newest, steps))


async def _play(count: int, newest: str, steps: list[tuple[str, Any]]) -> None:
    model = model_of(count)
    async with shown(model, newest=newest) as (pilot, table):
        check_all(table, model)
        for step, value in steps:
            await _do(pilot, table, model, step, value)
            await pilot.pause()
            check_all(table, model)


async def _do(pilot: Pilot[None], table: VirtualTable, model: Model, step: str, value: Any) -> None:
    match step:
        case "prepend" | "append":
            start = max(model.names, default=0) + 1
            fresh = list(range(start, start + value))
            model.names |= {n: f"new {n}" for n in fresh}
            model.ids = fresh + model.ids if step == "prepend" else model.ids + fresh
            first, top = _first_of(table), table.top
            selected = table.screen.get_selected_text()
            (table.prepend if step == "prepend" else table.append)(fresh)
            held = top + value if step == "prepend" else top
            if not table.following and first is not None and table.max_scroll_y >= held:
                assert model.ids[table.top] == first, "nothing moves under the operator's eyes"
            assert table.screen.get_selected_text() == selected, "new rows do not change what is selected"
        case "discard":
            table.discard(value)
            model.ids = [row_id for row_id in model.ids if row_id not in value]
        case "change":
            model.names |= {row_id: name for row_id, name in value if row_id in model.names}
            table.changed(row_id for row_id, _ in value)
        case "replace":
            had = table.cursor_id
            model.ids = _other_ids(model, value)
            table.replace(model.ids)
            assert table.following or had not in model.ids or table.cursor_id == had
        case "refill":
            had, (which, names) = table.cursor_id, value
            model.ids = _other_ids(model, which)
            model.names |= {row_id: name for row_id, name in names if row_id in model.names}
            table.refill(model.ids, model.hydrate)
            assert table.following or had not in model.ids or table.cursor_id == had
        case "select":
            await pilot.pause()
            lines = sorted(min(line, table.body_height - 1) for line in value)
            at = [table.screen.get_widget_and_offset_at(x, line + 1)[1] for x, line in zip((3, 9), lines, strict=True)]
            if at[0] is not None and at[1] is not None:
                table.screen.selections = {table: Selection.from_offsets(at[0], at[1])}
                rows = (table.screen.get_selected_text() or "").splitlines()
                wanted = model.ids[table.top + lines[0] : table.top + lines[1] + 1]
                assert [row.split()[0] for row in rows] == [str(row_id) for row_id in wanted]
        case "scroll":
            table.scroll_to(y=value, animate=False, force=True)
        case "resize":
            await pilot.resize_terminal(*value)
        case "follow":
            table.follow(value)
        case "press":
            await pilot.press(value)


def _other_ids(model: Model, which: str) -> list[int]:
    known = sorted(model.names)
    of_all = {"reversed": known[::-1], "odd": [n for n in known if n % 2], "all": known, "none": []}
    return of_all.get(which, model.ids)


def _first_of(table: VirtualTable) -> int | None:
    return table.visible_ids[0] if len(table.visible_ids) else None


# -- new rows ----------------------------------------------------------------------------------------------------------


async def test_new_rows_do_not_move_what_is_looked_at() -> None:
    model = model_of(50)
    async with shown(model) as (pilot, table):
        await pilot.press("pagedown", "pagedown")
        assert isinstance(pilot.app, TableApp)
        before, cursor = painted(table)[1:], table.cursor_id
        pilot.app.paper.touched.clear()
        model.names |= {100: "a", 101: "b"}
        table.prepend([100])
        table.prepend([101])
        await pilot.pause()
        assert painted(table)[1:] == before
        bar = table.view.width
        assert {x for _, x in pilot.app.paper.touched} <= {bar}, "no line is painted again, at most the scroll bar is"
        assert table.cursor_id == cursor
        assert table.new_rows == 2
        await pilot.press("g")
        assert table.new_rows == 0, "they are in view"
        assert table.cursor_id == 101


@pytest.mark.parametrize(("newest", "end"), [("top", 0), ("bottom", -1)])
async def test_following_rides_with_the_newest_until_the_person_moves(newest: str, end: int) -> None:
    model = model_of(50)
    async with shown(model, newest=newest, following=True) as (pilot, table):
        add = table.prepend if newest == "top" else table.append
        model.names |= {100: "a", 101: "b"}
        add([100])
        await pilot.pause()
        assert table.cursor_id == 100
        assert table.visible_ids[end] == 100
        await pilot.press("j" if newest == "top" else "k")
        assert not table.following
        at = table.cursor_id
        add([101])
        await pilot.pause()
        assert table.cursor_id == at
        assert table.new_rows == 1
        table.follow(True)
        await pilot.pause()
        assert (table.cursor_id, table.new_rows) == (101, 0)


async def test_scrolling_away_with_the_wheel_ends_following() -> None:
    model = model_of(50)
    async with shown(model, following=True) as (pilot, table):
        table.scroll_to(y=7, animate=False)
        await pilot.pause()
        assert not table.following
        assert table.cursor_id == 0, "the wheel moves the view, not the cursor"


async def test_a_row_that_goes_leaves_the_cursor_on_the_next() -> None:
    model = model_of(10)
    async with shown(model) as (pilot, table):
        await pilot.press("j", "j", "space", "k")
        table.discard([2, 3])
        await pilot.pause()
        assert table.cursor_id == 4
        assert table.marks == frozenset()


async def test_a_refill_that_says_the_same_paints_nothing_and_one_that_does_not_the_rows_that_differ() -> None:
    model = model_of(50)
    async with shown(model) as (pilot, table):
        assert isinstance(pilot.app, TableApp)
        table.screen.selections = {table: Selection.from_offsets(Offset(3, 1), Offset(9, 2))}
        await pilot.pause()
        selected = table.screen.get_selected_text()
        pilot.app.paper.touched.clear()
        table.refill(list(model.ids), model.hydrate)
        await pilot.pause()
        assert pilot.app.paper.touched == []
        model.names |= {4: "other", 40: "out of sight"}
        table.refill(list(model.ids))
        await pilot.pause()
        assert {y for y, _ in pilot.app.paper.touched} == {5}
        assert table.screen.get_selected_text() == selected
        await pilot.press("G")
        check_all(table, model)


class TwoTables(App[None]):
    """Two tables, and what they tell."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int | None]] = []

    def compose(self) -> ComposeResult:
        for name in ("one", "other"):
            yield VirtualTable(COLUMNS, id=name)

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        self.told.append((event.table.id or "", event.row_id))


async def test_two_tables_that_move_at_once_are_both_heard() -> None:
    app, model = TwoTables(), model_of(9)
    async with app.run_test() as pilot:
        tables = [app.query_one(f"#{name}", VirtualTable) for name in ("one", "other")]
        for table in tables:
            table.set_source(model.ids, model.hydrate)
        await pilot.pause()
        app.told.clear()
        tables[0].move_to(3)
        tables[0].move_to(4)
        tables[1].move_to(5)
        await pilot.pause()
        assert app.told == [("one", 4), ("other", 5)], "of one table only the last"


# -- marks, keys, mouse ------------------------------------------------------------------------------------------------


async def test_marks_are_set_by_row_by_range_and_by_mouse() -> None:
    model = model_of(30)
    async with shown(model) as (pilot, table):
        await pilot.press("space", "j", "j", "v")
        assert table.marks == {0, 1, 2, 3}
        await pilot.click(VirtualTable, offset=(10, 7), shift=True)
        assert table.marks == {0, 1, 2, 3, 4, 5, 6}
        await pilot.click(VirtualTable, offset=(1, 1))
        assert table.marks == {1, 2, 3, 4, 5, 6}
        table.replace(range(5, 30))
        assert table.marks == {5, 6}, "what is not shown is not acted on"
        await pilot.press("escape")
        assert table.marks == frozenset()
        await pilot.pause()
        assert isinstance(pilot.app, TableApp)
        assert pilot.app.seen[-1] == ("marks", 0)


async def test_a_click_points_a_double_click_opens_a_header_sorts() -> None:
    model = model_of(30)
    async with shown(model) as (pilot, table):
        app = pilot.app
        assert isinstance(app, TableApp)
        await pilot.click(VirtualTable, offset=(10, 4))
        assert table.cursor_id == 3
        await pilot.double_click(VirtualTable, offset=(10, 5))
        await pilot.click(VirtualTable, offset=(55, 0))
        await pilot.press("enter")
        await pilot.pause()
        assert [seen for seen in app.seen if seen[0] != "marks"] == [("opened", 4), ("sort", "total"), ("opened", 4)]


async def test_text_is_selected_by_dragging_and_copied_as_it_is_shown() -> None:
    model = model_of(30)
    async with shown(model) as (pilot, table):
        await pilot.mouse_down(VirtualTable, offset=(3, 2))
        await pilot.hover(VirtualTable, offset=(17, 3))
        await pilot.mouse_up(VirtualTable, offset=(17, 3))
        await pilot.pause()
        selected = pilot.app.screen.get_selected_text() or ""
        assert [line.split("  ")[0].strip() for line in selected.splitlines()] == ["1", "2"]
        assert selected.splitlines()[1].endswith("row 2")
        assert table.cursor_id == 0, "a drag is no click"


# -- what is drawn -----------------------------------------------------------------------------------------------------


async def test_another_theme_and_other_sizes_leave_no_stale_line() -> None:
    model = model_of(30)
    async with shown(model) as (pilot, table):
        before = list(table.screen._compositor.render_strips())
        pilot.app.register_theme(Theme("loud", primary="#ff0000", error="#00ff00", surface="#123456"))
        pilot.app.theme = "loud"
        await pilot.pause()
        after = list(table.screen._compositor.render_strips())
        check(table, model)
        assert all(old != new for old, new in zip(before, after, strict=True)), "every line has the new colours"


async def test_a_number_that_does_not_fit_is_never_cut() -> None:
    model = Model([12_345_678], {12_345_678: "much"})
    async with shown(model) as (_, table):
        assert "12" not in painted(table)[1]
        assert "#######" in painted(table)[1]
        check(table, model)


async def test_narrow_columns_come_back_on_demand_and_scroll_sideways() -> None:
    model = model_of(5)
    async with shown(model, size=(36, 8)) as (pilot, table):
        assert [column.key for column in table.hidden_columns] == ["state"]
        assert "failed" not in painted(table)[1]
        table.everything = True
        await pilot.pause()
        assert table.max_scroll_x > 0
        await pilot.press("l", "l")
        await pilot.pause()
        assert "✗ failed" in painted(table)[1]
        assert painted(table)[1].rstrip().endswith("0.00")


async def test_an_empty_table_says_why_in_its_middle() -> None:
    async with shown(Model()) as (pilot, table):
        table.message = Content("No orders yet.")
        await pilot.pause()
        assert any("No orders yet." in line for line in painted(table))
        await pilot.press("j", "space", "enter", "G")
        assert table.cursor_id is None


async def test_a_row_that_is_gone_says_so_until_it_is_taken_out() -> None:
    model = model_of(5)
    async with shown(model) as (pilot, table):
        del model.names[2]
        table.changed([2])
        await pilot.pause()
        assert "no longer there" in painted(table)[3]


# -- length ------------------------------------------------------------------------------------------------------------


@dataclass
class Endless(Model):
    """Any row there may be."""

    def hydrate(self, row_ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        self.names |= {row_id: f"row {row_id}" for row_id in row_ids}
        return super().hydrate(row_ids)


async def test_a_million_rows_are_read_by_the_screenful() -> None:
    model = Endless(list(range(1_000_000)))
    async with shown(model, size=(60, 24)) as (pilot, table):
        assert model.batches == [23, 23], "painting waits for what is in view, not for what is below it"
        await pilot.press("G", "pageup", "g", "pagedown")
        await pilot.pause()
        check(table, model)
        assert model.reads < 500
        reads = model.reads
        table.changed([10, 500_000])
        table.prepend([2_000_000])
        await pilot.pause()
        assert model.reads - reads < 100, "a change reads its own row, at most what is near it and unread"
        assert model.names[table.visible_ids[0]] in painted(table)[1]


# -- the pure parts ----------------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=6), st.lists(st.integers(0, 3), min_size=6), st.integers(1, 200)
)
def test_columns_fill_the_width_exactly_where_one_may_grow(widths: list[int], grow: list[int], room: int) -> None:
    columns = [(i, Column(str(i), "x", width, grow=grow[i])) for i, width in enumerate(widths)]
    placed = arrange(columns, room)
    least = sum(widths) + 2 * (len(widths) - 1)
    assert all(each.width >= each.column.width for each in placed)
    if least <= room and any(grow[: len(widths)]):
        assert placed[-1].end == room
    else:
        assert placed[-1].end == least


@given(st.text(max_size=30), st.integers(0, 20), st.booleans(), st.booleans())
def test_a_value_takes_exactly_its_columns_width(text: str, width: int, number: bool, right: bool) -> None:
    column = Column("x", "X", width, number=number, align="right" if right else "left")
    printable = "".join(character for character in text if character.isprintable())
    fitted = fit(printable, arrange([(0, column)], width)[0])
    assert cell_len(fitted) == width
    if cell_len(printable) > width > 0:
        assert fitted == "#" * width if number else fitted.endswith("…")


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40)))
def test_rows_are_never_there_twice(ids: list[int], came: list[int], went: list[int]) -> None:
    order = RowOrder(ids)
    order.prepend(came)
    order.append(came)
    order.discard(went)
    wanted = [n for n in [*dict.fromkeys(n for n in came if n not in ids), *ids] if n not in went]
    assert list(order.ids) == wanted
    assert all((n in order) == (n in wanted) for n in range(41))
