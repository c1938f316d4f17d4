"""What can go wrong in the store, each with what to do about it."""

from bcifs_console.base.problems import Problem, ProblemKind


class StoreProblem(Problem):
    """Something about the store itself."""


class StoreBusy(StoreProblem):
    """The write queue is full; the caller should answer 503 and be asked again."""

    kind = ProblemKind.TRANSIENT

    def __init__(self) -> None:
        super().__init__("The store has more writes queued than it accepts.", remedy="Try again in a moment.")


class StoreUnavailable(StoreProblem):
    """The database could not be written or read."""

    kind = ProblemKind.TRANSIENT


class StoreFault(StoreProblem):
    """The database refused what we asked of it: a fault of ours, and trying again gives the same."""

    kind = ProblemKind.CONFIGURATION


class StoreClosed(StoreProblem):
    """The store was closed while the work was queued; nothing of it was written."""

    kind = ProblemKind.TRANSIENT

    def __init__(self) -> None:
        super().__init__("The store is closed.", remedy="Start the service again.")


class LeaseLost(StoreProblem):
    """Another worker has taken over; whatever this one was doing must stop at once."""

    kind = ProblemKind.CONFLICT

    def __init__(self, what: str) -> None:
        super().__init__(f"The lease on {what} was lost.", remedy="Nothing to do: the other worker goes on.")


class DecidedMeanwhile(StoreProblem):
    """Somebody else has answered the question."""

    kind = ProblemKind.CONFLICT

    def __init__(self, who: str) -> None:
        super().__init__(
            f"The question about {who} has been answered meanwhile.", remedy="Look again: bcifs decisions list"
        )


class NotedMeanwhile(StoreProblem):
    """Somebody else has left a note on the question, or changed it."""

    kind = ProblemKind.CONFLICT

    def __init__(self, who: str, note: str) -> None:
        said = f"it says: {note}" if note else "it was taken away"
        super().__init__(
            f"The note on {who} was changed meanwhile; {said}.",
            remedy="Yours is not kept: write it anew beside that one.",
        )


class BuyerBeingSent(StoreProblem):
    """An order of the buyer is being looked at: nobody can say yet what will have been sent."""

    kind = ProblemKind.CONFLICT

    def __init__(self, who: str) -> None:
        super().__init__(f"An order of {who} is being worked on right now.", remedy="Try again in a moment.")


class BuyerSent(StoreProblem):
    """Something was sent to IFS because of a decision, so it can no longer be taken back."""

    kind = ProblemKind.CONFLICT
    is_final = True

    def __init__(self, who: str, references: list[str]) -> None:
        shown = ", ".join(references[:5]) + (" …" if len(references) > 5 else "")
        super().__init__(
            f"The decision about {who} cannot be undone: IFS has {shown}.",
            remedy="Correct it in IFS by hand; later orders of this buyer go on as decided.",
        )


class SchemaProblem(StoreProblem):
    """The database's schema is not the one this program needs."""


class VaultProblem(StoreProblem):
    """A secret could not be sealed or opened."""


class HomeInUse(StoreProblem):
    """Another process holds this home: a service, or a command that does work on it."""

    kind = ProblemKind.CONFIGURATION
