"""What the console tells its screens. Screens tell each other nothing: they act, and the feed brings the change."""

from textual.message import Message

from bcifs_console.store.feed import ChangeSet


class StoreChanged(Message):
    """Something in the store changed; sent to the screen in front only."""

    def __init__(self, changes: ChangeSet) -> None:
        super().__init__()
        self.changes = changes
