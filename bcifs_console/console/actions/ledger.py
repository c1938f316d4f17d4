"""What a person can do in the section "ledger"."""

from typing import Final

from bcifs_console.console.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("ledger.compare", ("n",), "compare day", "Compare the day under the cursor with IFS, on both sides afresh.",
           "ledger", writes=True),
    Action("ledger.compare_days", ("N",), "compare days", "Compare days of your choice with IFS.", "ledger",
           writes=True, in_footer=False),
    Action("ledger.stop", ("x",), "stop", "Stop the comparison that is running; nothing of it is kept.", "ledger",
           in_footer=False),
    Action("ledger.show_books", ("b",), "books", "Day by day, whether the store and IFS agree.", "ledger"),
    Action("ledger.show_documents", ("d",), "documents", "Every document in IFS, newest first.", "ledger"),
    Action("ledger.filter", ("slash",), "filter", "Show only some documents: kind:voucher state:failed day:2026-11-19.",
           "ledger"),
    Action("ledger.open", ("o",), "order", "Open the order that this document or difference is of.", "ledger"),
    Action("ledger.earlier", ("left_square_bracket",), "earlier", "The month before.", "ledger", in_footer=False),
    Action("ledger.later", ("right_square_bracket",), "later", "The month after.", "ledger", in_footer=False),
    Action("ledger.connection", ("c",), "connection", "The books of the next connection.", "ledger", in_footer=False),
    Action("ledger.copy", ("y",), "copy", "Copy the document's key, or the day.", "ledger", in_footer=False),
    Action("ledger.copy_all", ("Y",), "copy all", "Copy the pane on the right as text.", "ledger", in_footer=False),
    Action("ledger.export_csv", ("e",), "export CSV", "Write the days shown, or the vouchers, as CSV.", "ledger"),
    Action("ledger.export_beancount", ("E",), "export beancount",
           "Write the month's vouchers for bean-check, which verifies them by itself.", "ledger", in_footer=False),
)  # fmt: skip
