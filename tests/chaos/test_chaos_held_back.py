"""What waits for a person holds back nothing but itself, and goes on when it may: no order is stuck for ever."""

from pathlib import Path
from typing import Any

import pytest

from bcifs_console.accounting.plan import plan
from bcifs_console.domain.documents import DocumentKind, DocumentState, PartState
from bcifs_console.domain.plan import Plan
from bcifs_console.domain.rules import Purpose
from bcifs_console.store import ledger
from bcifs_console.sync import looking
from tests.chaos.chaos_books import (
    AWAITING_FULFILLMENT,
    AWAITING_PAYMENT,
    BALANCE,
    assert_books_agree,
    change,
    entries,
    look_again,
    mark,
    place,
)
from tests.chaos.chaos_shop import (
    MISSING,
    REFUSED,
    Shop,
    ifs_fault,
    open_periods,
    open_shop,
    paid,
    set_rule,
    start_anew,
    state_of,
)
from tests.chaos.conftest import NewUrl
from tests.integration.bookkeeping import pay, products, ship


async def test_an_order_cancelled_by_hand_in_ifs_keeps_back_no_payment(new_url: NewUrl, tmp_path: Path) -> None:
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up, status_id=AWAITING_PAYMENT)
        await look_again(shop.life, order_id)
        number = (await shop.up.booked(order_id)).order["OrderNo"]
        await shop.up.erp.log_in()
        etag = (await shop.up.erp.header(number))["@odata.etag"]
        answer = await shop.up.erp.act(number, "SetCancelled", {"CancelReason": "WEB"}, etag)
        assert answer.status_code < 300, answer.text
        tender = await pay(shop.up, order_id)
        await change(shop.up, order_id, status_id=AWAITING_FULFILLMENT)
        for _ in range(2):
            await look_again(shop.life, order_id)
            assert await state_of(shop, order_id) == ("waiting", "conflict")
            assert (await entries(shop.up, order_id)).keys == [f"PAY/{tender}"]


async def test_an_order_that_ifs_does_not_release_keeps_back_no_payment(new_url: NewUrl, tmp_path: Path) -> None:
    """A customer whose credit is blocked, say: the order fails, and when it is retried it goes on."""
    async with open_shop(new_url, tmp_path) as shop:
        await shop.up.script(ifs_fault("POST .*SetReleased$", do="status", status=400, body=REFUSED))
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("failed", "")
        assert [key[:4] for key in (await entries(shop.up, order_id)).keys] == ["PAY/"]
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("synced", "")


@pytest.mark.parametrize("answer", [{"status": 404}, {"status": 400}, {"status": 400, "body": MISSING}])
async def test_tracking_that_ifs_refuses_keeps_back_no_voucher(
    answer: dict[str, Any], new_url: NewUrl, tmp_path: Path
) -> None:
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await paid(shop)
        await ship(shop.up, order_id, tracking_number="1Z999")
        refusal = {"body": '{"error":{"code":"X","message":"no such property"}}', **answer}
        await shop.up.script(ifs_fault(r"PATCH .*CustomerOrderSet\(", do="status", times=9, **refusal))
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("waiting", "conflict")
        assert len((await entries(shop.up, order_id)).keys) == 2
        await shop.up.script()
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("synced", "")
        await assert_books_agree(shop.up, shop.life, order_id)


async def test_a_half_made_voucher_that_vanished_in_ifs_waits_and_keeps_back_no_other(
    new_url: NewUrl, tmp_path: Path
) -> None:
    """Whoever removed it may have booked it otherwise: it is never made again by itself."""
    async with open_shop(new_url, tmp_path, customer_balance="9999") as shop:
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("waiting", "mapping")
        (key,) = (await entries(shop.up, order_id)).keys
        await shop.up.erp.control("vouchers", {"delete": f"BC-{order_id}/{key}"})
        set_rule(shop, Purpose.CUSTOMER_BALANCE, BALANCE)
        life = await start_anew(shop, shop.home)
        await ship(shop.up, order_id)
        for _ in range(2):
            await look_again(life, order_id)
            assert await state_of(shop, order_id) == ("waiting", "conflict")
            assert [made[:4] for made in (await entries(shop.up, order_id)).keys] == ["SHIP"]
        view = await life.view(order_id)
        assert view is not None
        assert key in view.error
        assert "no longer" in view.error


async def test_an_order_edited_while_half_of_it_was_in_ifs_is_completed_as_it_was_sent(
    new_url: NewUrl, tmp_path: Path
) -> None:
    """An edit changes nothing that is posted: the frozen rest is made, it is not released, and payments go on."""
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up)
        await shop.up.script(ifs_fault("POST .*OrderLinesArray$", nth=2, do="locked", times=1))
        await mark(shop.life, order_id)
        await shop.life.look_once()
        (line, _) = await products(shop.up, order_id)
        await change(shop.up, order_id, products=[{"id": line["id"], "quantity": 4}])
        tender = await pay(shop.up, order_id, "10.00")
        await shop.life.work()
        assert await state_of(shop, order_id) == ("waiting", "conflict")
        booked = (await shop.up.booked(order_id)).order
        assert (len(booked["lines"]), booked["Objstate"]) == (2, "Planned")
        assert {row["BuyQtyDue"] for row in booked["lines"]} == {3, 2}
        assert (await entries(shop.up, order_id)).keys == [f"PAY/{tender}"]


async def test_drafts_that_can_no_longer_be_read_are_shown_to_a_person(new_url: NewUrl, tmp_path: Path) -> None:
    """A voucher that is half in IFS, then the order itself: never a fault of ours."""
    async with open_shop(new_url, tmp_path, customer_balance="9999") as shop:
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("waiting", "mapping")
        (voucher,) = await shop.life.documents(DocumentKind.VOUCHER)
        assert voucher.state is not DocumentState.CONFIRMED
        (sent,) = await shop.life.documents(DocumentKind.CUSTOMER_ORDER)
        for document, key in ((voucher, voucher.key), (sent, f"as {sent.key}")):
            await _make_unreadable(shop, document.id)
            await look_again(shop.life, order_id)
            assert await state_of(shop, order_id) == ("waiting", "conflict")
            view = await shop.life.view(order_id)
            assert view is not None
            assert f"{key} can no longer be read" in view.error
            assert view.ifs_customer


async def _make_unreadable(shop: Shop, document_id: int) -> None:
    await shop.life.database.write(lambda tx: ledger.replace_draft(tx, document_id, "{}"))


async def test_what_ifs_answered_is_kept_when_the_read_after_it_fails(new_url: NewUrl, tmp_path: Path) -> None:
    """Otherwise the next look asks IFS again for what we know."""
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up)
        await shop.up.script(ifs_fault("GET .*CustomerOrderChargeArray", do="status", status=503))
        await mark(shop.life, order_id)
        await shop.life.look_once()
        assert await shop.up.faults() == {"ifs.status": 1}
        (document,) = await shop.life.documents(DocumentKind.CUSTOMER_ORDER)
        assert {part.state for part in document.parts} == {PartState.CONFIRMED}


async def test_where_orders_are_left_planned_no_look_goes_in_circles(
    new_url: NewUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "planned.toml"
    profile.write_text('[order]\nrelease_action = ""\n', encoding="utf-8")
    asked: list[int] = []

    def counted(*args: Any, **more: Any) -> Plan:
        asked.append(1)
        return plan(*args, **more)

    monkeypatch.setattr(looking, "plan", counted)
    async with open_shop(new_url, tmp_path, profile=str(profile)) as shop:
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("synced", "")
        asked.clear()
        await look_again(shop.life, order_id)
    assert len(asked) == 1


@pytest.mark.parametrize("refused", ["row", "confirmation"])
async def test_a_period_closed_over_a_half_made_voucher_is_waited_for(
    refused: str, new_url: NewUrl, tmp_path: Path
) -> None:
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up)
        await look_again(shop.life, order_id)
        tender = await pay(shop.up, order_id)
        await shop.up.script(ifs_fault("POST .*VoucherRows$", nth=2, do="locked"))
        await mark(shop.life, order_id)
        await shop.life.look_once()
        await open_periods(shop, closed=True)
        fault = ifs_fault("POST .*VoucherRows$", do="status", status=400, body=REFUSED)
        await shop.up.script(*([fault] if refused == "row" else []))
        await shop.life.work()
        assert await state_of(shop, order_id) == ("waiting", "period")
        await open_periods(shop, closed=False)
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("synced", "")
        assert (await entries(shop.up, order_id)).keys == [f"PAY/{tender}"]
        await assert_books_agree(shop.up, shop.life, order_id)


async def test_a_plan_that_never_ends_fails_the_order_and_says_so(
    new_url: NewUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not synced: what it still wants would be forgotten."""
    monkeypatch.setattr(looking, "_ROUNDS", 1)
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await paid(shop)
        view = await shop.life.view(order_id)
    assert view is not None
    assert view.state == "failed"
    assert "still wants more" in view.error
