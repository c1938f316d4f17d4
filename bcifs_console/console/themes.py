"""The colours: three themes of our own and Textual's two that use the terminal's colours.

Meaning never rests on colour: every state has a glyph and a word. Colours are calm, and one accent leads the eye.
"""

from typing import Final

from textual.theme import Theme

DEFAULT: Final = "bcifs-dark"

_DARK: Final = Theme(
    name="bcifs-dark",
    primary="#6ea8fe",
    secondary="#9fb4cc",
    accent="#5bc0be",
    success="#74c990",
    warning="#e3b65b",
    error="#f07f7f",
    foreground="#d6dce5",
    background="#10141a",
    surface="#151a22",
    panel="#1c232d",
    dark=True,
    variables={
        "block-cursor-background": "#2b4163",
        "block-cursor-foreground": "#f2f5f9",
        "block-cursor-text-style": "none",
        "footer-key-foreground": "#6ea8fe",
        "input-selection-background": "#6ea8fe 35%",
        "border": "#33465f",
        "border-blurred": "#222b37",
        "text-muted": "#8d99a8",
        "text-disabled": "#5f6b79",
        "scrollbar": "#2c3644",
        "scrollbar-background": "#151a22",
    },
)

_LIGHT: Final = Theme(
    name="bcifs-light",
    primary="#1f5fbf",
    secondary="#4d6580",
    accent="#0b7d7a",
    success="#1f7a3d",
    warning="#8a5a00",
    error="#b3261e",
    foreground="#1c2430",
    background="#fbfcfd",
    surface="#f4f6f8",
    panel="#e6eaef",
    dark=False,
    variables={
        "block-cursor-background": "#cfe0f7",
        "block-cursor-foreground": "#0e1b2e",
        "block-cursor-text-style": "none",
        "footer-key-foreground": "#1f5fbf",
        "input-selection-background": "#1f5fbf 25%",
        "text-muted": "#5b6878",
        "text-disabled": "#8a94a1",
        "border": "#a9b8ca",
        "border-blurred": "#d5dce4",
    },
)

_CONTRAST: Final = Theme(
    name="bcifs-contrast",
    primary="#7fd4ff",
    secondary="#ffffff",
    accent="#00ffff",
    success="#5dff7e",
    warning="#ffe14d",
    error="#ff8080",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    dark=True,
    text_alpha=1.0,
    variables={
        "block-cursor-background": "#ffe14d",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "bold",
        "footer-key-foreground": "#ffe14d",
        "text-muted": "#d0d0d0",
        "text-disabled": "#b0b0b0",
        "text-success": "#5dff7e",
        "text-warning": "#ffe14d",
        "text-error": "#ff8080",
        "border": "#ffffff",
        "border-blurred": "#b0b0b0",
    },
)

#: Our own themes.
THEMES: Final = (_DARK, _LIGHT, _CONTRAST)
#: The names to choose from, in the order they are offered.
NAMES: Final = (*(theme.name for theme in THEMES), "ansi-dark", "ansi-light")
