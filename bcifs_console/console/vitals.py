"""What the status bar says, in order of weight: pure words over `store.views.vitals`."""

from dataclasses import dataclass
from typing import Final

from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console.text import age
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.domain.states import Side
from bcifs_console.store.views.vitals import Vitals

_NAMES: Final = {Side.BIGCOMMERCE: "BigCommerce", Side.IFS: "IFS"}
_GOOD: Final = "$text-success"
_WARN: Final = "$text-warning"
_BAD: Final = "$text-error"


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the status bar; the lowest `weight` is left out last."""

    weight: int
    shown: Content


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The service this console started: whether it is coming up, or why it ended."""

    is_starting: bool = False
    ended: str = ""


def is_down(vitals: Vitals, service: ServiceState) -> bool:
    """Whether no service lives. Ours is known to have ended before its last heartbeat is old; another's is fresh."""
    return vitals.is_down or (bool(service.ended) and vitals.late_s is not None)


def parts(
    vitals: Vitals | None,
    *,
    readonly: bool = False,
    service: ServiceState | None = None,
    trouble: str = "",
    start_key: str = "",
) -> list[Part]:
    """The pieces from left to right. `trouble`: why the store cannot be read; `start_key`: starts the service."""
    found: list[Part] = []
    if readonly:
        found.append(Part(0, Content.styled("read-only", f"bold {_WARN}")))
    if trouble:
        found.append(Part(0, Content.styled(f"✗ {safe_text(trouble)}", f"bold {_BAD}")))
    if vitals is None:
        return found
    if vitals.needs_you:
        found.append(Part(2, Content.styled(f"! {vitals.needs_you:,} need you", _WARN)))
    else:
        found.append(Part(7, Content.styled("✓ nothing waits for you", _GOOD)))
    if vitals.under_way:
        found.append(Part(6, Content.styled(f"◑ {vitals.under_way:,} in work", DIM)))
    found += _sides(vitals)
    found += _processes(vitals, service or ServiceState(), "" if readonly else start_key)
    return found


def _processes(vitals: Vitals, service: ServiceState, start_key: str) -> list[Part]:
    hint = f" · {start_key} starts it" if start_key else ""
    if vitals.is_down and service.is_starting:
        return [Part(1, Content.styled("◔ service starting", _WARN))]
    if is_down(vitals, service):
        why = f"service ended: {safe_text(service.ended)}" if service.ended else "service down"
        return [Part(1, Content.styled(f"✗ {why}{hint}", f"bold {_BAD}"))]
    found = []
    if vitals.listener.is_up:
        port = f" :{vitals.listener.port}" if vitals.listener.port else ""
        found.append(Part(4, Content.assemble(("✓", _GOOD), (f" listener{port}", DIM))))
    else:
        found.append(Part(1, Content.styled("✗ listener down", _BAD)))
    if vitals.worker.is_up:
        found.append(Part(5, Content.assemble(("✓", _GOOD), (" worker", DIM))))
    else:
        found.append(Part(1, Content.styled("✗ worker down", _BAD)))
    if vitals.late_s is not None:
        found.append(Part(1, Content.styled(f"! last sign of life {vitals.late_s} s ago", _WARN)))
    return found


def _sides(vitals: Vitals) -> list[Part]:
    found = []
    for side, name in _NAMES.items():
        paused = [each for each in vitals.paused if each.side is side]
        if paused:
            since = min((each.since for each in paused if each.since is not None), default=None)
            told = "" if since is None else f" {age(vitals.at, since)}"
            found.append(Part(3, Content.styled(f"✗ {name} paused{told}", _BAD)))
        elif vitals.connections:
            found.append(Part(8, Content.assemble(("✓", _GOOD), (f" {name}", DIM))))
    return found
