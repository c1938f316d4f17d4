"""Updates of the IFS order that carry no quantities: tracking; and how updates meet vouchers."""

from dataclasses import replace

from bcifs_console.domain.movements import RefundPayment
from bcifs_console.domain.updates import TrackingNote, UpdateKind
from tests.accounting.bookkeeping import (
    BOOKS,
    INVOICED,
    BookLedger,
    codes,
    kept,
    lived,
    looked_at,
    product,
    refund,
    shipment,
    tender,
)
from tests.accounting.building import dec, line, order

TWO = order([line(ex="100", inc="120", quantity=2)], inc="120", tax="20")
FIRST = replace(shipment(61, 2, line_1=1), carrier="ups", tracking_number="1Z", method="Ground")
SECOND = shipment(62, 9, line_1=1)


def tracking_keys(books: BookLedger) -> list[str]:
    return [key for key in books.keys if key.startswith("TRACKING/")]


def test_a_shipment_is_told_with_the_day_in_the_connections_time_zone() -> None:
    policy = replace(BOOKS, time_zone="Asia/Tokyo")
    (update,) = looked_at(lived(TWO, shipments=(FIRST,)), policy=policy).updates
    assert update.update_kind is UpdateKind.TRACKING
    assert update.tracking == (TrackingNote(61, "2026-03-06", "ups", "1Z", "Ground"),)
    assert update.key == f"BC-5001/TRACKING/{update.fact_hash[:12]}"


def test_tracking_is_told_again_only_when_it_changed() -> None:
    one, both = lived(TWO, shipments=(FIRST,)), lived(TWO, shipments=(SECOND, FIRST))
    books = kept(one, one, both, replace(both, shipments=(FIRST, SECOND)))
    assert len(tracking_keys(books)) == 2


def test_shipments_as_they_were_before_are_told_again_under_a_key_of_their_own() -> None:
    one, both = lived(TWO, shipments=(FIRST,)), lived(TWO, shipments=(FIRST, SECOND))
    keys = tracking_keys(kept(one, both, one, one, both))
    assert keys == [keys[0], keys[1], f"{keys[0]}/2", f"{keys[1]}/2"]


def test_a_refund_lowers_the_line_once_it_is_booked() -> None:
    waiting = refund(9, "60", "10", product(1, 1), payments=(RefundPayment(1, "stripe", dec(60)),))
    of = lived(
        replace(TWO, lines=(replace(TWO.lines[0], quantity_refunded=1),)),
        tenders=(tender(44, "120"),),
        refunds=(waiting,),
    )
    found = looked_at(of)
    assert (found.updates, found.release) == ((), False)
    assert codes(found) == ["refunded_units", "refund_pending"]
    books = BookLedger()
    paid = replace(of, tenders=(tender(44, "120"), tender(50, "60", 5, "refund")))
    looked_at(paid, books)
    assert "LINE/1/1" in books.keys
    assert looked_at(paid, books).release


def test_a_refund_of_shipped_goods_lowers_nothing() -> None:
    of = lived(TWO, shipments=(shipment(61, 2, line_1=2),), refunds=(refund(9, "60", "10", product(1, 1)),))
    assert [u.update_kind for u in looked_at(of).updates] == [UpdateKind.TRACKING]


def test_where_ifs_invoices_the_stores_counts_lower_the_line() -> None:
    sold = replace(TWO.lines[0], quantity_refunded=1, quantity_shipped=1)
    found = looked_at(lived(replace(TWO, lines=(sold,))), policy=INVOICED)
    assert [u.key for u in found.updates] == ["BC-5001/LINE/1/1"]
