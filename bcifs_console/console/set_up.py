"""What the set-up form knows: the answers so far, what is wrong with each, what both systems said to them. No widgets.

What a probe found holds for the answers it was asked with; when one of them changes it is forgotten and asked anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bcifs_console.base.secret import Secret
from bcifs_console.operations.first_run import IFS_PROBE, LISTS_PROBE, PROBES, Probe, Said
from bcifs_console.operations.first_run_questions import QUESTIONS, Answers, faults, missing

_UNTESTABLE: Final[Mapping[str, str]] = {
    "bigcommerce.client_id": "not needed to read",
    "bigcommerce.client_secret": "the first webhook tests it",
    "bigcommerce.public_url": "try it later under Webhooks: t",
}

#: The answers a probe was asked with; secrets compare, and never show.
Values = tuple[str | Secret, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one answer stands. `state` is a word of STATE_STYLE, or needed, optional, noted, testing."""

    state: str
    text: str = ""
    remedy: str = ""


@dataclass(slots=True)
class SetUp:
    """The form's answers and what is known about them."""

    plain: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()  #: names that other connections have
    said: dict[str, tuple[Said, ...]] = field(default_factory=dict)  #: by the probe's name
    asking: set[str] = field(default_factory=set)
    _asked_with: dict[str, Values] = field(default_factory=dict)
    _found: dict[str, str] | None = (
        None  #: what is wrong with answers by themselves; None: not looked at since a change
    )

    @property
    def answers(self) -> Answers:
        return Answers(
            {key: text for key, text in self.plain.items() if text},
            {key: secret for key, secret in self.secrets.items() if secret},
        )

    def has(self, key: str) -> bool:
        """Whether the question is answered, be it by its default."""
        return bool(self.secrets.get(key) or self.plain.get(key) or QUESTIONS[key].default)

    def answer(self, key: str, given: str | Secret) -> None:
        """Take an answer; what was found about its old value is forgotten."""
        if isinstance(given, Secret):
            self.secrets[key] = given
        else:
            self.plain[key] = given.strip()
        self._found = None
        for probe in PROBES:
            if self._asked_with.get(probe.name) != self._values(probe):
                self.said.pop(probe.name, None)
                self.asking.discard(probe.name)  # what it was asked with is not what is wanted any more

    def forget_secrets(self) -> None:
        """They are stored, or not wanted any more."""
        self.secrets.clear()

    def _values(self, probe: Probe) -> Values:
        return tuple(self.secrets.get(key) or self.plain.get(key) or QUESTIONS[key].default for key in probe.needs)

    def _faults(self) -> dict[str, str]:
        if self._found is None:
            self._found = faults(self.answers)
        if self._name in self.taken:
            return {**self._found, "name": f"there is a connection {self._name!r} already"}
        return self._found

    @property
    def _name(self) -> str:
        return self.plain.get("name") or QUESTIONS["name"].default

    # -- asking ------------------------------------------------------------------------------------------------------

    def due(self) -> list[Probe]:
        """The probes that can be asked now and were not yet, with these answers."""
        wrong = self._faults()
        return [
            probe
            for probe in PROBES
            if self._asked_with.get(probe.name) != self._values(probe)
            and all(self.has(key) and key not in wrong for key in probe.needs)
            and (probe is not LISTS_PROBE or self._has_token())
        ]

    def _has_token(self) -> bool:
        return any(one.check == "token" and one.is_good for one in self.said.get(IFS_PROBE.name, ()))

    def begin(self, probe: Probe) -> Values:
        """Note that a probe is being asked; what is answered is for `end`."""
        self.asking.add(probe.name)
        self._asked_with[probe.name] = self._values(probe)
        return self._asked_with[probe.name]

    def end(self, probe: Probe, asked_with: Values, said: tuple[Said, ...]) -> None:
        """Take what a probe found, unless the answers it was asked with have changed since."""
        if asked_with == self._values(probe):
            self.asking.discard(probe.name)
            self.said[probe.name] = said

    def ask_again(self) -> None:
        """Forget what was found: something outside may have changed."""
        self.said.clear()
        self._asked_with.clear()

    # -- how it stands -----------------------------------------------------------------------------------------------

    def verdict(self, key: str) -> Verdict:
        """How the answer to one question stands."""
        question = QUESTIONS[key]
        if not self.has(key):
            return Verdict("needed" if question.is_needed else "optional")
        wrong = self._faults().get(key)
        if wrong is not None:
            return Verdict("failed", wrong)
        found = [one for said in self.said.values() for one in said if key in one.keys]
        bad = next((one for one in found if not one.is_good), None)
        if bad is not None:
            return Verdict(bad.verdict, bad.detail, bad.remedy)
        if found:
            return Verdict("ok", found[0].detail)
        if any(key in probe.needs for probe in PROBES if probe.name in self.asking):
            return Verdict("testing")
        return Verdict("noted", _UNTESTABLE.get(key, ""))

    def waits_for(self, probe: Probe) -> str:
        """Why a probe was not asked yet."""
        if probe is LISTS_PROBE and not self._has_token() and all(self.has(key) for key in probe.needs):
            return "asked when IFS gives a token"
        return "asked as soon as its answers are there"

    def lacking(self) -> list[str]:
        """The questions without which nothing can be stored: unanswered, or wrong by themselves; in order."""
        open_ones = {*missing(self.answers), *self._faults()}
        return [key for key in QUESTIONS if key in open_ones]

    def doubts(self) -> list[str]:
        """Why the answers may be stored, yet should not be without a person's word: what a system said against them."""
        bad = [one for said in self.said.values() for one in said if not one.is_good]
        untested = [probe for probe in PROBES if probe.name not in self.said]
        return [
            *(f"{one.check}: {one.detail}" for one in bad),
            *(f"{probe.name}: not tested" for probe in untested),
        ]
