"""Mappings, driven by keys on a real store: from an unmapped SKU to released orders, and what is never saved."""

from dataclasses import replace
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from bcifs_console.console.actions import REGISTRY
from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.screens import mapping_lists
from bcifs_console.console.screens.mapping_review import MappingReviewScreen
from bcifs_console.console.screens.mapping_rule import RuleFormScreen
from bcifs_console.console.screens.mappings import MappingsScreen
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.domain.states import OrderState
from bcifs_console.ifs.master_data import Standing
from bcifs_console.operations import mapping, mapping_check
from bcifs_console.operations.context import Context
from bcifs_console.operations.mapping_check import Target
from bcifs_console.operations.mapping_gaps import Mapped, mapped
from bcifs_console.store import journal, mapping_releases, rules
from bcifs_console.store.errors import StoreUnavailable
from bcifs_console.store.mapping_releases import MappingRelease
from bcifs_console.store.tables import store_order
from bcifs_console.store.views import Connection
from bcifs_console.sync.releasing import release_step
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, WIDE, Console, settle

US = 1
#: From what no rule covers to the rules for revenue.
REVENUE = ("escape", "j", "enter")
GIFT_BOXES = (112449, 112450, 112451)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press key after key, resting where something opens or closes; `=text` types it."""
    for key in keys:
        if key.startswith("="):
            pilot.app.screen.query_one("Input:focus", Input).insert_text_at_cursor(key[1:])
            continue
        await pilot.press(key)
        if key in _OPENING:
            await settle(pilot)
    await settle(pilot)


#: Keys that open or close something, or read anew.
_OPENING = frozenset({"5", "enter", "e", "plus", "ctrl+s", "y", "H", "left_square_bracket", "right_square_bracket"})


async def fill(pilot: Pilot[None], field: str, text: str) -> None:
    """Write over a field of the form in front and stay in it."""
    found = pilot.app.screen.query_one(field, Input)
    found.value = text
    found.focus()
    await settle(pilot)


def said(pilot: Pilot[None], widget: str) -> str:
    return str(pilot.app.screen.query_one(widget, Static).content)


async def until_said(pilot: Pilot[None], widget: str, words: str) -> None:
    """Wait until the change feed has brought it to the screen."""
    for _ in range(200):
        if words in said(pilot, widget):
            return
        await pilot.pause(0.05)
    raise AssertionError(f"{words!r} never came: {said(pilot, widget)}")


def in_force(context: Context, purpose: Purpose = Purpose.REVENUE) -> list[str]:
    """The rules of a purpose as the store holds them: `1 SKU → account`."""
    found = context.store.database.read_sync(lambda conn: rules.in_force(conn, US)).of(purpose)
    return [f"{' '.join(p for c in rule.conditions for p in c.patterns) or 'all'} → {rule.result}" for rule in found]


def release_of(context: Context) -> MappingRelease | None:
    return context.store.database.read_sync(lambda conn: mapping_releases.find(conn, US))


def state_of(context: Context, order_id: int) -> str:
    query = store_order.select().where(store_order.c.connection_id == US, store_order.c.order_id == order_id)
    return str(context.store.database.read_sync(lambda conn: conn.execute(query).one()).state)


def end(context: Context, order_id: int, state: OrderState) -> None:
    """What the worker leaves after its look."""

    def write(tx: Any) -> None:
        mine = (store_order.c.connection_id == US) & (store_order.c.order_id == order_id)
        tx.conn.execute(store_order.update().where(mine).values(state=state.value, problems="[]", reason=""))
        journal.touch(tx, "order", [(US, f"order:{order_id}")])

    context.store.database.write_sync(write)


async def step(context: Context) -> None:
    """The service's step, a second later."""
    runtime = context.runtime(US)
    try:
        await release_step(runtime)
    finally:
        await runtime.aclose()


def save_meanwhile(context: Context, *more: MappingRule) -> None:
    """Somebody else saves, at another desk."""
    before = mapping.in_force(context, "acme-us")[1]
    mapping.save(context, "acme-us", Rules((*before.rules, *more)), before=before, reason="meanwhile")


# -- the task --------------------------------------------------------------------------------------------------------


async def test_from_an_unmapped_sku_to_released_orders(scene: Context, console: Console) -> None:
    before = in_force(scene)
    async with console(scene, size=WIDE) as pilot:
        await press(pilot, "5")
        assert "2 things are not covered, 4 orders wait" in said(pilot, "#mapping-head")
        assert "GIFTBOX-XMAS26" in said(pilot, "#mapping-detail")
        await press(pilot, "enter", "=4010")
        assert "covers what 3 waiting orders lack" in said(pilot, "#rule-says")
        await press(pilot, "enter")
        assert "1 edit is not saved" in said(pilot, "#mapping-head")
        assert in_force(scene) == before, "an edit is not saved by itself"
        await press(pilot, "ctrl+s")
        review = said(pilot, "#review-text")
        assert "3 waiting orders become ready: 112449, 112450, 112451" in review
        assert "Order 112449 goes first" in review
        assert "3 newly free" in review
        await press(pilot, "w", "=gift boxes", "enter")
        assert in_force(scene) == before, "Enter saves nothing"
        await press(pilot, "y")
        assert in_force(scene) == ["GIFTBOX-XMAS26 → 4010", *before]
        newest = scene.store.database.read_sync(lambda conn: rules.in_force(conn, US)).of(Purpose.REVENUE)[0]
        assert (newest.author, newest.reason) == ("dana", "gift boxes")
        assert [state_of(scene, number) for number in GIFT_BOXES] == ["waiting"] * 3
        assert "the service looks who waited" in said(pilot, "#mapping-head")

        await step(scene)
        assert [state_of(scene, number) for number in GIFT_BOXES] == ["due", "waiting", "waiting"]
        await until_said(pilot, "#mapping-head", "Order 112449 goes first with the new rules; 2 follow")
        end(scene, GIFT_BOXES[0], OrderState.SYNCED)
        await step(scene)
        assert [state_of(scene, number) for number in GIFT_BOXES] == ["synced", "due", "due"]
        assert release_of(scene) is None
        assert state_of(scene, 112452) == "waiting", "it waits for another rule"


async def test_a_save_is_undone_by_u_unless_somebody_saved_since_and_its_history_is_kept(
    scene: Context, console: Console
) -> None:
    before = in_force(scene)
    async with console(scene) as pilot:
        await press(pilot, "5", "enter", "=4010", "enter", "ctrl+s", "y")
        assert in_force(scene) != before
        await press(pilot, "u")
        assert in_force(scene) == before
        await press(pilot, "escape", "j", "H")
        history = said(pilot, "#history-text")
        assert history.index("taken back in the console") < history.index("edited in the console")
        assert "First set-up" in history
        await press(pilot, "escape", "k", "enter", "enter", "=4010", "enter", "ctrl+s", "y")
        save_meanwhile(scene, MappingRule(Purpose.PAY_TERM, 1, "30"))
        now = in_force(scene)
        await press(pilot, "u")
        assert (in_force(scene), in_force(scene, Purpose.PAY_TERM)) == (now, ["all → 30"])


# -- editing ---------------------------------------------------------------------------------------------------------


async def test_rules_are_added_changed_moved_and_deleted_and_saved_in_their_new_order(
    scene: Context, console: Console
) -> None:
    first, second, *rest = in_force(scene)
    async with console(scene) as pilot:
        await press(pilot, "5", *REVENUE)
        await press(pilot, "J")  # the first behind the second
        await press(pilot, "k", "plus", "=TEA-* | *SPOON")
        await fill(pilot, "#rule-result", "4040")
        await press(pilot, "enter")
        await press(pilot, "G", "D")
        await press(pilot, "e")
        await fill(pilot, "#rule-result", "4021")
        await press(pilot, "enter")
        assert "4 edits are not saved" in said(pilot, "#mapping-head")
        await press(pilot, "ctrl+s", "y")
        changed = rest[-2].replace("4020", "4021")
        assert in_force(scene) == ["TEA-* *SPOON → 4040", second, first, *rest[:-2], changed]


async def test_edits_are_taken_back_one_by_one_or_given_up_and_nothing_is_saved(
    scene: Context, console: Console
) -> None:
    before = in_force(scene)
    async with console(scene) as pilot:
        await press(pilot, "5", *REVENUE, "D", "D", "U")
        assert "1 edit is not saved" in said(pilot, "#mapping-head")
        await press(pilot, "right_square_bracket")
        assert said(pilot, "#mapping-head").startswith("acme-eu")
        assert "not saved" not in said(pilot, "#mapping-head"), "each shop has its own edits"
        await press(pilot, "left_square_bracket", "D", "X")
        assert "not saved" not in said(pilot, "#mapping-head")
        await press(pilot, "D", "ctrl+s", "enter")  # Enter on Cancel
        assert isinstance(pilot.app.screen, MappingsScreen)
        await press(pilot, "ctrl+s", "escape")
        assert "1 edit is not saved" in said(pilot, "#mapping-head")
        assert in_force(scene) == before
        assert release_of(scene) is None


async def test_a_rule_that_can_never_hold_is_not_taken_and_one_that_never_decides_is_said(
    scene: Context, console: Console
) -> None:
    async with console(scene) as pilot:
        await press(pilot, "5", *REVENUE, "plus", "=*")
        form = pilot.app.screen
        assert isinstance(form, RuleFormScreen)
        await fill(pilot, "#fact-currency", "DOLLAR")
        await fill(pilot, "#rule-result", "4040")
        assert "a currency has three letters" in said(pilot, "#rule-says")
        assert form.query_one("#rule-take", Button).disabled
        await press(pilot, "enter")
        assert pilot.app.screen is form
        await fill(pilot, "#fact-currency", "")
        await fill(pilot, "#rule-result", "4040")
        await press(pilot, "enter", "j")
        assert "never decides anything: revenue#1 takes every case" in said(pilot, "#mapping-detail")
        await press(pilot, "ctrl+s")
        assert "revenue#2 never decides anything" in said(pilot, "#review-text")
        assert "different" in said(pilot, "#review-text")


async def test_what_somebody_else_saved_meanwhile_is_not_overwritten(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await press(pilot, "5", *REVENUE, "D")
        save_meanwhile(scene, MappingRule(Purpose.PAY_TERM, 1, "30"))
        now = in_force(scene)
        await press(pilot, "R")
        assert "Somebody else saved this mapping" in said(pilot, "#mapping-head")
        await press(pilot, "ctrl+s", "y")
        assert in_force(scene) == now
        await press(pilot, "X", "ctrl+s")
        assert not isinstance(pilot.app.screen, MappingReviewScreen)


# -- asking IFS ------------------------------------------------------------------------------------------------------


async def test_what_the_rules_lead_to_is_checked_in_ifs_edits_included(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Rules] = []

    async def standings(context: Context, connection: str, wanted: Rules) -> tuple[Target, ...]:
        asked.append(wanted)
        revenue = wanted.of(Purpose.REVENUE)
        verdicts = (Standing.MISSING, Standing.OK, Standing.CLOSED)
        return tuple(
            Target("account", rule.result, verdict, (rule.label,), "by IFS", "")
            for rule, verdict in zip(revenue, verdicts, strict=False)
        )

    monkeypatch.setattr(mapping_check, "standings", standings)
    async with console(scene, readonly=False) as pilot:
        await press(pilot, "5", "enter", "=4711", "enter", *REVENUE, "v")
        assert asked[0].of(Purpose.REVENUE)[0].result == "4711"
        assert "✗ not in IFS: by IFS" in said(pilot, "#mapping-detail")
        await press(pilot, "j", "j")
        assert "! closed in IFS" in said(pilot, "#mapping-detail")


async def test_what_ifs_lacks_is_named_and_marked_and_nobody_is_promised_to_be_ready_for_it(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def standings(context: Context, connection: str, wanted: Rules) -> tuple[Target, ...]:
        return tuple(
            Target(
                "account",
                rule.result,
                Standing.MISSING if rule.result == "NOPE-1" else Standing.OK,
                (rule.label,),
                "",
                "",
            )
            for rule in wanted.of(Purpose.REVENUE)
        )

    monkeypatch.setattr(mapping_check, "standings", standings)
    async with console(scene) as pilot:
        await press(pilot, "5", "enter", "=NOPE-1", "enter", "ctrl+s")
        review = said(pilot, "#review-text")
        assert "v first asks whether IFS has what the new rules give" in review
        assert "3 waiting orders become ready" in review
        await press(pilot, "v")
        review = said(pilot, "#review-text")
        assert "NOPE-1 is not in IFS (Revenue rule 1)" in review
        assert "become ready" not in review
        assert "3 orders go on waiting, for what IFS lacks: 112449, 112450, 112451" in review
        await press(pilot, "escape", "v")
        screen = pilot.app.screen
        assert isinstance(screen, MappingsScreen)
        told = [deed.text for deed in screen.gateway.deeds]
        assert any("1 missing. NOPE-1 is missing: Revenue rule 1." in text for text in told), told
        marked = [row[0].plain for row in screen.purposes.hydrate([0]).values() if "✗ missing" in row[0].plain]
        assert [name.split()[0] for name in marked] == ["Revenue"]


async def test_the_rule_that_gives_what_ifs_lacks_is_the_one_to_edit(scene: Context, console: Console) -> None:
    by_sku = (Condition(ConditionField.SKU, ("MUG-*",)),)
    save_meanwhile(
        scene,
        MappingRule(Purpose.SALES_PART, 1, "OTHER", by_sku),
        MappingRule(Purpose.SALES_PART, 2, "CARAFE-600", (Condition(ConditionField.SKU, ("CARAFE*",)),)),
    )
    async with console(scene) as pilot:
        cast("ConsoleApp", pilot.app).open_section("mappings", connection_id=US, cause="mapping:sales_part CARAFE-600")
        await settle(pilot)
        detail = said(pilot, "#mapping-detail")
        assert "Sales part rule 2 gives CARAFE-600, which IFS lacks." in detail
        assert "Enter edits that rule." in detail
        await press(pilot, "enter")
        form = pilot.app.screen
        assert isinstance(form, RuleFormScreen)
        assert (form.rule.position, form.rule.result) == (2, "CARAFE-600")
        await fill(pilot, "#rule-result", "CARAFE-60")
        await press(pilot, "enter", "ctrl+s", "y")
        assert in_force(scene, Purpose.SALES_PART) == ["MUG-* → OTHER", "CARAFE* → CARAFE-60"]
        assert "✓ Covered since; waits to be looked at again." in said(pilot, "#mapping-detail")


@pytest.mark.parametrize("cause", ["SKU GIFTBOX-XMAS26", "sales_part CARAFE-600"])
async def test_what_a_rule_covers_by_now_lacks_none(scene: Context, console: Console, cause: str) -> None:
    sku = cause.split()[-1]
    purpose = Purpose.REVENUE if cause.startswith("SKU") else Purpose.SALES_PART
    found, before = mapping.in_force(scene, "acme-us")
    covering = MappingRule(purpose, 0, "4010", (Condition(ConditionField.SKU, (sku,)),))
    mapping.save(scene, found, Rules((covering, *before.rules)), before=before, reason="meanwhile")
    async with console(scene) as pilot:
        cast("ConsoleApp", pilot.app).open_section("mappings", connection_id=US, cause=f"mapping:{cause}")
        await settle(pilot)
        assert "1 thing is not covered" in said(pilot, "#mapping-head")
        screen = cast("MappingsScreen", pilot.app.screen)
        assert screen.gap is not None
        assert screen.gap.value.subject == cause
        detail = said(pilot, "#mapping-detail")
        assert "✓ Covered since; waits to be looked at again." in detail
        assert "Lacks" not in detail
        assert "a rule covers it since" in str(screen.reason_against("mappings.edit"))


# -- looking only ----------------------------------------------------------------------------------------------------


async def test_read_only_shows_everything_and_changes_nothing(scene: Context, console: Console) -> None:
    before = in_force(scene)
    async with console(scene, readonly=True) as pilot:
        await press(pilot, "5", "enter", "e", "plus", *REVENUE, "D", "J", "ctrl+s")
        screen = pilot.app.screen
        assert isinstance(screen, MappingsScreen)
        assert "not saved" not in said(pilot, "#mapping-head")
        for action in REGISTRY.values():
            if action.section == "mappings" and action.writes:
                assert "read-only" in str(screen.reason_against(action.id))
        await press(pilot, "H")
        assert "First set-up" in said(pilot, "#history-text")
    assert in_force(scene) == before


async def test_other_screens_lead_to_the_rule_that_is_missing(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        desk = cast("ConsoleApp", pilot.app)
        desk.open_section("mappings", connection_id=2)
        await settle(pilot)
        assert said(pilot, "#mapping-head").startswith("acme-eu")
        desk.open_section("mappings", connection_id=US, cause="mapping:sales_part CARAFE-600")
        await settle(pilot)
        assert said(pilot, "#mapping-detail").startswith("! IFS has no sales part CARAFE-600")
        await press(pilot, "enter", "=CARAFE-60", "enter", "ctrl+s", "y")
    assert in_force(scene, Purpose.SALES_PART) == ["CARAFE-600 → CARAFE-60"]


async def test_until_the_other_shop_is_read_nothing_of_one_goes_into_the_edits_of_the_other(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(conn: Connection, connection_id: int) -> Mapped:
        if connection_id != US:
            raise StoreUnavailable("The database does not answer.")
        return mapped(conn, connection_id)

    async with console(scene) as pilot:
        await press(pilot, "5")
        screen = cast("MappingsScreen", pilot.app.screen)
        with monkeypatch.context() as patched:
            patched.setattr(mapping_lists, "mapped", broken)
            await press(pilot, "right_square_bracket")
            assert screen.query_one("#problem").display
            assert (screen.connection, screen.crumbs[-1]) == ("acme-us", "acme-us")
            await press(pilot, "enter", "=4010", "enter")
            assert screen._drafts[US].wanted.of(Purpose.REVENUE)[0].result == "4010"
            assert 2 not in screen._drafts
        await press(pilot, "R")
        assert screen.connection == "acme-eu", "it is still wanted"


async def test_the_cursor_stays_on_what_lacks_a_rule_when_more_orders_wait_for_another(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned(conn: Connection, connection_id: int) -> Mapped:
        found = mapped(conn, connection_id)
        return replace(found, gaps=tuple(reversed(found.gaps)))

    async with console(scene) as pilot:
        await press(pilot, "5")
        screen = cast("MappingsScreen", pilot.app.screen)
        before = screen.gap
        assert before is not None
        assert len(screen.gaps) > 1
        monkeypatch.setattr(mapping_lists, "mapped", turned)
        await press(pilot, "R")
        assert screen.gaps[-1] == before
        assert screen.gap == before


# -- how it looks ----------------------------------------------------------------------------------------------------


async def test_how_the_screen_the_form_and_the_review_look(
    scene: Context, console: Console, snapshot: Snapshot
) -> None:
    async with console(scene, size=WIDE) as pilot:
        await press(pilot, "5")
        snapshot(pilot.app, "mappings-120x36")
        await press(pilot, "enter", "=4010")
        snapshot(pilot.app, "mappings-120x36-rule")
        await press(pilot, "enter", "ctrl+s")
        snapshot(pilot.app, "mappings-120x36-review")
        await press(pilot, "escape", "escape", "j", "H")
        snapshot(pilot.app, "mappings-120x36-history")


async def test_how_it_looks_in_a_narrow_terminal(scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(scene, size=NARROW, readonly=True) as pilot:
        await press(pilot, "5")
        left, right = (pilot.app.screen.query_one(name) for name in ("#mapping-purposes", "#mapping-rules"))
        assert (left.display, right.display) == (False, True), "what no rule covers comes first"
        snapshot(pilot.app, "mappings-80x24-readonly")
        await press(pilot, "escape")
        assert (left.display, right.display) == (True, False)
        snapshot(pilot.app, "mappings-80x24-purposes")
        await press(pilot, "j", "enter")
        assert (left.display, right.display) == (False, True)


async def test_without_a_connection_it_says_what_to_do(empty_scene: Context, console: Console) -> None:
    async with console(empty_scene) as pilot:
        cast("ConsoleApp", pilot.app).open_section("mappings")
        await settle(pilot)
        assert "bcifs connection add" in said(pilot, "#mapping-head")
        await press(pilot, "e", "plus", "v", "ctrl+s")
        assert isinstance(pilot.app.screen, MappingsScreen)
