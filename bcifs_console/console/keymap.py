"""Which keys do what: the registry's, those of console.toml in their place, and how a key is written for people."""

from collections.abc import Iterable, Mapping
from typing import Final

from textual.keys import KEY_ALIASES, Keys, _character_to_key

from bcifs_console.console.actions import EVERYWHERE, REGISTRY, Action, of_section

_SHOWN: Final = {
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "backspace": "⌫",
}
#: Textual's long names of printable characters: `question_mark` → "?".
_CHARACTERS: Final = {_character_to_key(character): character for character in map(chr, range(0x21, 0x7F))}
_NAMES: Final = {key.value for key in Keys} | set(KEY_ALIASES) | {"space", "enter", "tab", "escape", "home", "end"}
_MODIFIERS: Final = frozenset({"ctrl", "shift", "alt"})


class Keymap:
    """The keys in force. `changed`: action id → keys, in place of the registry's."""

    def __init__(self, changed: Mapping[str, tuple[str, ...]]) -> None:
        self.changed: Final = dict(changed)

    def keys(self, action: Action) -> tuple[str, ...]:
        """The keys that do the action, none where only the palette does."""
        return self.changed.get(action.id, action.keys)

    def shown(self, action: Action) -> str:
        """The keys for people: "r", "g home"."""
        return " ".join(key_name(key) for key in self.keys(action))

    def shown_in(self, action: Action, section: str) -> str:
        """The first key that does an action of the whole console in this section, which may use a key itself."""
        taken = {key for other in of_section(section) for key in self.keys(other)}
        return next((key_name(key) for key in self.keys(action) if key not in taken), "")

    def for_textual(self) -> dict[str, str]:
        """What `App.set_keymap` takes."""
        return {action_id: ",".join(keys) for action_id, keys in self.changed.items()}


def key_name(key: str) -> str:
    """A Textual key name as people write it: `question_mark` is "?", `ctrl+p` is "ctrl+p"."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _SHOWN.get(last) or _CHARACTERS.get(last) or last])


def long_name(key: str) -> str:
    """A key as people write it by the name Textual knows it by."""
    return _character_to_key(key) if len(key) == 1 else key


def is_key(key: str) -> bool:
    """Whether Textual knows a key of this long name."""
    *modifiers, last = key.split("+")
    return _MODIFIERS.issuperset(modifiers) and (len(last) == 1 or last in _NAMES or last in _CHARACTERS)


def clashes(keymap: Keymap) -> list[tuple[str, Action, Action]]:
    """Keys that would do two things at once: the key and both actions.

    A section may take a key of the whole console for itself where that action keeps another one.
    """
    found = []
    everywhere = of_section(EVERYWHERE)
    for section in {action.section for action in REGISTRY.values()}:
        own = of_section(section)
        found += _twice(keymap, own)
        if section == EVERYWHERE:
            continue
        taken = {key: action for action in own for key in keymap.keys(action)}
        for action in everywhere:
            keys = keymap.keys(action)
            if keys and taken.keys() >= set(keys):
                found.append((keys[0], action, taken[keys[0]]))
    return found


def _twice(keymap: Keymap, actions: Iterable[Action]) -> list[tuple[str, Action, Action]]:
    seen: dict[str, Action] = {}
    found = []
    for action in actions:
        for key in keymap.keys(action):
            if key in seen:
                found.append((key, seen[key], action))
            seen[key] = action
    return found
