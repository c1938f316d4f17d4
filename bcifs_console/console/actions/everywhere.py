"""What a person can do anywhere in the console."""

from typing import Final

from bcifs_console.console.actions.action import Action

_SECTIONS: Final = (
    ("1", "overview", "Overview", "How the installation is: counts, health, what needs you."),
    ("2", "orders", "Orders", "Every order: filter, sort, follow, retry."),
    ("3", "decisions", "Decisions", "Buyers that wait for you to say which IFS customer they are."),
    ("4", "webhooks", "Webhooks", "How each webhook is; repair and test deliveries."),
    ("5", "mappings", "Mappings", "Which account, part and tax code each thing of the store becomes."),
    ("6", "ledger", "Ledger", "Documents and vouchers in IFS, and whether the books agree."),
    ("7", "jobs", "Jobs", "What is due, what is tried again and when, quotas and pauses."),
    ("8", "log", "Log", "What the service did, newest last."),
)


def _every(
    name: str, keys: tuple[str, ...], label: str, text: str, *, in_footer: bool = False, writes: bool = False
) -> Action:
    return Action(f"everywhere.{name}", keys, label, text, "everywhere", in_footer=in_footer, writes=writes)


ACTIONS: Final[tuple[Action, ...]] = (
    _every("help", ("question_mark",), "help", "All keys of this screen; type to filter.", in_footer=True),
    *(_every(f"show_{name}", (key,), label, text) for key, name, label, text in _SECTIONS),
    _every("show_setup", (), "Set-up: connect a store", "Connect a BigCommerce store with IFS Cloud."),
    _every("command_palette", ("ctrl+p",), "commands", "Find a command or an order by typing.", in_footer=True),
    _every("jump_to", ("colon",), "jump", "Go somewhere by name: orders failed, order 1042.", in_footer=True),
    _every("jump_mode", ("semicolon",), "jump mode", "Put a letter on everything that can be focused; press it."),
    _every("last_screen", ("minus",), "last screen", "Go to the section shown before."),
    _every("back", ("escape",), "back", "Close what is in front of the section."),
    _every("top", ("g", "home"), "top", "Go to the top of the list or page."),
    _every("bottom", ("G", "end"), "bottom", "Go to the bottom of the list or page."),
    _every("columns", ("ctrl+w",), "columns", "Show the columns there was no room for; scroll sideways with h and l."),
    _every("reload", ("R",), "refresh", "Read the screen anew."),
    _every("theme", ("T",), "colours", "Choose the colours: dark, light, high contrast, the terminal's own."),
    _every("deeds", ("L",), "action journal", "What you did in this console, and what can be undone."),
    _every("undo", ("u",), "undo", "Take back the last action that can be taken back.", writes=True),
    _every("start_service", ("s", "S"), "start the service", "Start the service where it is down.", writes=True),
    Action(
        "everywhere.stop_service",
        (),
        "stop the service",
        "End the service that runs on this machine.",
        "everywhere",
        writes=True,
        danger=True,
    ),
    _every("suspend_process", ("ctrl+z",), "suspend", "Go to the shell; fg comes back."),
    _every("quit", ("q",), "quit", "Leave the console.", in_footer=True),
)
