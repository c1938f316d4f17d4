"""How much the suite does: `BCIFS_HYPOTHESIS=nightly` runs everything there is, at ten times the examples."""

import os
from typing import Final

PROFILE: Final = os.environ.get("BCIFS_HYPOTHESIS", "ci")
IS_NIGHTLY: Final = PROFILE == "nightly"
