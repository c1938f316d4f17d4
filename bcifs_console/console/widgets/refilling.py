"""Putting rows that were read anew into a table that is read every second."""

from collections.abc import Mapping

from bcifs_console.console.widgets.virtual_table import VirtualTable


def refill(table: VirtualTable, rows: Mapping[int, object]) -> None:
    """Show these rows, their cells read anew. While they are the same in the same order nothing moves: a selection of
    text stays, and so does the view."""
    if list(table.order.ids) == list(rows):
        table.changed(rows)
        return
    table.forget()
    table.replace(rows)
