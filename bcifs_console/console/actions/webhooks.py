"""What a person can do in the section "webhooks"."""

from typing import Final

from bcifs_console.console.actions.action import Action

_SECTION: Final = "webhooks"

ACTIONS: Final[tuple[Action, ...]] = (
    Action(
        "webhooks.repair",
        ("r",),
        "repair",
        "Look at the registrations, show what would be put right, then do it and poll for what was missed.",
        _SECTION,
        writes=True,
    ),
    Action(
        "webhooks.register",
        ("n",),
        "register",
        "Register what is wanted; from then on the service watches over it every minute.",
        _SECTION,
        writes=True,
    ),
    Action(
        "webhooks.test",
        ("t",),
        "test",
        "Deliver a harmless, signed event to our own public address, as BigCommerce would.",
        _SECTION,
        writes=True,
    ),
    Action(
        "webhooks.poll",
        ("p",),
        "poll",
        "Ask the store now for what changed, without waiting for webhooks.",
        _SECTION,
        writes=True,
    ),
    Action(
        "webhooks.only_this",
        ("f",),
        "filter",
        "Show the deliveries of the hook under the cursor only, or all of them again.",
        _SECTION,
    ),
    Action(
        "webhooks.open_order",
        ("o",),
        "order",
        "Open the order that the delivery under the cursor tells of.",
        _SECTION,
    ),
    Action(
        "webhooks.look_again",
        ("a",),
        "again",
        "Look at the order of the delivery under the cursor again, as if it had been delivered once more.",
        _SECTION,
        writes=True,
    ),
    Action(
        "webhooks.renew_secret",
        ("N",),
        "new secret",
        "Give every hook a new secret header; listeners accept both meanwhile, so that no delivery is refused.",
        _SECTION,
        writes=True,
        danger=True,
        in_footer=False,
    ),
    Action(
        "webhooks.previous_connection",
        ("left_square_bracket",),
        "previous shop",
        "Show the webhooks of the connection before.",
        _SECTION,
        in_footer=False,
    ),
    Action(
        "webhooks.next_connection",
        ("right_square_bracket",),
        "next shop",
        "Show the webhooks of the next connection.",
        _SECTION,
        in_footer=False,
    ),
)
