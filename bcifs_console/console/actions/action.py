"""`Action`: one thing a person can do in the console."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do.

    `id` is "section.name"; `keys` are Textual key names, none for what only the palette offers. `label` is a word or
    two for the footer, `help` a sentence for the help screen. `writes`: greyed under --readonly. `danger`: asks first.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    section: str
    writes: bool = False
    danger: bool = False
    in_footer: bool = True
    priority: bool = False

    @property
    def method(self) -> str:
        """The last part of the id: the screen's `action_…` method."""
        return self.id.rpartition(".")[2]
