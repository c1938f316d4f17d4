"""What can go wrong with the BigCommerce API, as types. Reading an answer into one of them is in `refusals`."""

from bcifs_console.base.problems import Problem, ProblemKind


class BigCommerceError(Problem):
    """The root of this side's errors. `status` is the HTTP status, 0 where there was no answer."""

    def __init__(self, message: str, *, remedy: str = "", kind: ProblemKind | None = None, status: int = 0) -> None:
        super().__init__(message, remedy=remedy, kind=kind)
        self.status = status


class NotFound(BigCommerceError):
    """The store has no such thing. Right after a webhook this may pass (DESIGN §5)."""

    kind = ProblemKind.NOT_FOUND


class OrderNotFound(NotFound):
    """The store has no such order, or not yet."""

    def __init__(self, order_id: int) -> None:
        super().__init__(
            f"BigCommerce has no order {order_id}.",
            remedy="Right after an order is placed this passes by itself; later it means that the order was deleted.",
            status=404,
        )
        self.order_id = order_id


class AuthenticationFailed(BigCommerceError):
    """401: the access token is not valid for this store. No fault of any one order."""

    kind = ProblemKind.CONNECTION

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            f"BigCommerce does not accept the access token{_tail(detail)}.",
            remedy="Set the access token of this store's API account anew and check the store hash.",
            status=401,
        )


class PermissionMissing(BigCommerceError):
    """403: the API account lacks a scope (facts §1). `scope` names it where we know which one the call needs."""

    kind = ProblemKind.CONNECTION

    def __init__(self, route: str, scope: str = "", detail: str = "") -> None:
        needs = f"; it needs {scope}" if scope else ""
        remedy = (
            f"Scopes of an API account cannot be changed: create a new one with {scope} and enter its token."
            if scope
            else "Look at the API account in the store's control panel and at anything that filters our requests."
        )
        super().__init__(f"BigCommerce forbids {route}{needs}{_tail(detail)}.", remedy=remedy, status=403)
        self.scope = scope


class RateLimited(BigCommerceError):
    """429, or the budget knows that a call now would be one. Try again after `retry_after_s` seconds."""

    kind = ProblemKind.TRANSIENT

    def __init__(self, retry_after_s: float, *, status: int = 429) -> None:
        super().__init__(
            f"BigCommerce's request quota is used up; free again in {retry_after_s:.0f} s.",
            remedy="It is tried again by itself. Other apps of the store share the quota.",
            status=status,
        )
        self.retry_after_s = retry_after_s


class Unavailable(BigCommerceError):
    """No answer (network, time-out) or a 5xx. A write may or may not have happened."""

    kind = ProblemKind.TRANSIENT


class BadAnswer(BigCommerceError):
    """The answer is not what the API documents: not JSON, HTML, a redirect, or a field missing or unreadable."""

    kind = ProblemKind.TRANSIENT

    def __init__(self, message: str, *, field: str = "", order_id: int | None = None, status: int = 200) -> None:
        super().__init__(
            message,
            remedy="It is tried again by itself. If it stays, compare the order in the store's control panel.",
            status=status,
        )
        self.field = field
        self.order_id = order_id


class InvalidRequest(BigCommerceError):
    """4xx: the API refuses what we ask. `complaints` are its own words, one per field."""

    kind = ProblemKind.CONFIGURATION

    def __init__(
        self, route: str, status: int, complaints: tuple[str, ...] = (), *, kind: ProblemKind | None = None
    ) -> None:
        said = f": {'; '.join(complaints)}" if complaints else ""
        super().__init__(
            f"BigCommerce refuses {route} with {status}{said}.",
            remedy="Correct the named field; trying again unchanged does not help.",
            kind=kind,
            status=status,
        )
        self.complaints = complaints


def _tail(detail: str) -> str:
    return f" ({detail})" if detail else ""
