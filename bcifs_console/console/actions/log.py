"""What a person can do in the section "log"."""

from typing import Final

from bcifs_console.console.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("log.open", ("enter",), "open", "Open the order or the decision that the line is about.", "log"),
    Action("log.follow", ("f",), "follow", "Stay with the newest line, or keep still.", "log"),
    Action(
        "log.filter",
        ("slash",),
        "filter",
        "Only lines with these words, anywhere in them; the name of a look "
        "(under Details) finds all that it wrote. Esc clears.",
        "log",
    ),
    Action("log.level", ("e",), "level", "All lines, those that want a look, or trouble only.", "log"),
    Action("log.kind", ("t",), "kind", "Lines of one kind: orders, decisions, mapping, webhooks …", "log"),
    Action("log.connection", ("c",), "connection", "Lines of one connection, the next one with each press.", "log"),
    Action("log.detail", ("w",), "detail", "Show the whole line beside the list, or below it.", "log"),
)
