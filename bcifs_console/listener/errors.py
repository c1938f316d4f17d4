"""What can keep the listener from starting, each with what to do about it."""

from bcifs_console.base.problems import Problem, ProblemKind


class ListenerProblem(Problem):
    """A socket could not be opened."""

    kind = ProblemKind.CONFIGURATION
