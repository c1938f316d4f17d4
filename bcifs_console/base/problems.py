"""`Problem`: the root of every error type of the package, an error that says what to do about it."""

from enum import StrEnum


class ProblemKind(StrEnum):
    """What class of trouble this is; decides who acts and whether trying again can help."""

    TRANSIENT = "transient"  #: may pass by itself: try again later
    CONNECTION = "connection"  #: credentials or permissions: no fault of any one order
    CONFLICT = "conflict"  #: the other side has changed: read again and decide again
    DUPLICATE = "duplicate"  #: the thing exists already: look it up
    MISSING = "missing"  #: master data is missing on the other side
    BUSINESS = "business"  #: a business rule refused it
    CONFIGURATION = "configuration"  #: our own set-up is wrong
    USAGE = "usage"  #: the caller's input is wrong
    UNKNOWN_OUTCOME = "unknown_outcome"  #: it may or may not have happened
    NOT_FOUND = "not_found"  #: what was asked for is not there


class Problem(Exception):
    """An error with a kind, a message for people and what to do about it (`remedy`)."""

    kind: ProblemKind = ProblemKind.CONFIGURATION
    #: Whether it stays so: to try the same again cannot help, ever.
    is_final: bool = False

    def __init__(self, message: str, *, remedy: str = "", kind: ProblemKind | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if kind is not None:
            self.kind = kind

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class UsageProblem(Problem):
    """The input of a command or a file is wrong."""

    kind = ProblemKind.USAGE


class ConfigurationProblem(Problem):
    """The installation is set up wrongly."""

    kind = ProblemKind.CONFIGURATION
