"""The screens: composition, actions and message handlers only."""

from typing import Final

#: Classes by the cells there are across: in a narrow terminal one column, in a wide one a pane beside the list.
BREAKPOINTS: Final = [(0, "-narrow"), (110, "-wide")]
