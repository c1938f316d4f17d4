"""Which registrations are ours, what is wrong with them, and what is to be done. Pure; the calls are in `hook_look`
and `hook_repair`.

A hook is ours where it carries our secret header, now or before the last renewal, or where its address holds our token,
which nobody else knows; so are those of connections that were removed here. Nothing else is ever touched, whatever its
scope or host (DESIGN §5).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.hooks import Hook, HookStatus
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE, HOOK_HEADER, WEBHOOK_PATH
from bcifs_console.domain.webhooks import WebhookState, worst

#: Flaws, each with the state it means and what it is called.
FLAWS: Mapping[str, tuple[WebhookState, str]] = {
    "missing": (WebhookState.DEACTIVATED, "is not registered at the store"),
    "deactivated": (WebhookState.DEACTIVATED, "was deactivated by BigCommerce"),
    "inactive": (WebhookState.DEACTIVATED, "is switched off at the store"),
    "elsewhere": (WebhookState.DEACTIVATED, "delivers to another address"),
    "wrong_secret": (WebhookState.DEGRADED, "does not carry our secret header, so its deliveries are refused"),
    "old_secret": (WebhookState.HEALTHY, "still carries the secret from before the renewal"),
    "duplicate": (WebhookState.DEGRADED, "is registered twice"),
    "stray": (WebhookState.DEGRADED, "is registered by us and not wanted any more"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a connection wants to have registered."""

    destinations: Mapping[str, str]  #: by scope
    token: str
    secret: Secret
    previous: tuple[Secret, ...] = ()
    gone_tokens: frozenset[str] = frozenset()  #: of removed connections
    known_ids: frozenset[int] = frozenset()  #: of hooks that we registered or adopted
    may_renew: bool = True  #: every listener knows the new secret

    def owns(self, hook: Hook) -> bool:
        """Whether the hook is ours."""
        token = token_in(hook.destination)
        return token == self.token or token in self.gone_tokens or self.carries_any(hook)

    def carries_any(self, hook: Hook) -> bool:
        """Whether it carries a secret of ours that is alive."""
        return any(hook.carries(HOOK_HEADER, secret) for secret in (self.secret, *self.previous))


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one registration. `hook` is None where there is none; `action` is what it is called when done."""

    scope: str
    hook: Hook | None
    action: str
    flaws: tuple[str, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def is_kept(self) -> bool:
        return self.action == "kept"

    @property
    def state(self) -> WebhookState:
        """How the registration is as it was found."""
        if may_be_left_out(self):
            return WebhookState.HEALTHY  # nothing is lost with it
        return worst(FLAWS[flaw][0] for flaw in self.flaws)

    @property
    def cause(self) -> str:
        """What is wrong with it, in words."""
        said = "; ".join(FLAWS[flaw][1] for flaw in self.flaws)
        if "elsewhere" in self.flaws and self.hook is not None:
            said += f" ({self.hook.destination})"
        return said[:1].upper() + said[1:]


def token_in(destination: str) -> str | None:
    """The token in a webhook address of this program, whatever its host; None where it is no such address."""
    try:
        path = urlsplit(destination).path
    except ValueError:
        return None
    _, found, rest = path.partition(WEBHOOK_PATH)
    return rest.split("/", 1)[0] if found else None


def plan(found: Iterable[Hook], wanted: Wanted, statuses: Mapping[int, HookStatus]) -> list[Step]:
    """What is to be done: first for each wanted scope, in their order, then the strays to be removed.

    `statuses` are those of the admin list, which alone tells a hook that BigCommerce gave up from one that a person
    switched off.
    """
    ours = [hook for hook in found if wanted.owns(hook)]
    steps: list[Step] = []
    kept: set[int] = set()
    for scope, destination in wanted.destinations.items():
        candidates = [hook for hook in ours if hook.scope == scope]
        best = min(candidates, key=lambda hook: _rank(hook, destination, wanted), default=None)
        if best is not None:
            kept.add(best.id)
        steps.append(_step(scope, best, destination, wanted, statuses))
    steps += [_removal(hook, wanted) for hook in sorted(ours, key=lambda hook: hook.id) if hook.id not in kept]
    return steps


def _rank(hook: Hook, destination: str, wanted: Wanted) -> tuple[bool, bool, bool, bool, int]:
    """The best one first: where it should go, with our secret, active, and the oldest of those."""
    return (
        hook.destination != destination,
        not hook.carries(HOOK_HEADER, wanted.secret),
        not wanted.carries_any(hook),
        not hook.is_active,
        hook.id,
    )


def _step(scope: str, hook: Hook | None, destination: str, wanted: Wanted, statuses: Mapping[int, HookStatus]) -> Step:
    if hook is None:
        return Step(scope, None, "created", ("missing",))
    flaws: list[str] = []
    changes: dict[str, object] = {}
    action = "kept"
    if not hook.carries(HOOK_HEADER, wanted.secret):
        is_old = wanted.carries_any(hook)
        flaws.append("old_secret" if is_old else "wrong_secret")
        if not is_old or wanted.may_renew:
            changes["headers"] = _with_secret(hook, wanted.secret)
            action = "secret_renewed" if is_old or hook.id in wanted.known_ids else "adopted"
    gave_up = statuses.get(hook.id) is HookStatus.DEACTIVATED
    if gave_up or not hook.is_active:
        flaws.append("deactivated" if gave_up else "inactive")
        changes["is_active"] = True
        action = "reactivated"
    if hook.destination != destination:
        flaws.append("elsewhere")
        changes["destination"] = destination
        action = "moved"
    return Step(scope, hook, action, tuple(flaws), changes)


def _with_secret(hook: Hook, secret: Secret) -> dict[str, Secret]:
    """The hook's headers with our secret; what else somebody gave it, for a proxy perhaps, stays."""
    others = {name: value for name, value in hook.headers.items() if name.casefold() != HOOK_HEADER.casefold()}
    return {**others, HOOK_HEADER: secret}


def _removal(hook: Hook, wanted: Wanted) -> Step:
    is_second = hook.scope in wanted.destinations and token_in(hook.destination) not in wanted.gone_tokens
    return Step(hook.scope, hook, "deleted", ("duplicate" if is_second else "stray",))


def may_be_left_out(step: Step) -> bool:
    """Whether the connection works without it: the hook that tells of failed deliveries."""
    return step.scope == DELIVERY_EXCEPTION_SCOPE


def findings_by_flaw(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """The steps by what is wrong with their hooks, the worst first."""
    flawed: dict[str, list[Step]] = {}
    for flaw in FLAWS:
        if with_it := [step for step in steps if flaw in step.flaws]:
            flawed[flaw] = with_it
    return flawed
