"""Setting a connection up by answers instead of a file: what both systems say to what was answered, and keeping it.

Nothing is stored before `keep`. The questions are in `first_run_questions`, how they look is the console's business
(screens/setup.py).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bcifs_console.base.problems import Problem
from bcifs_console.bigcommerce.errors import BigCommerceError, NotFound, Unavailable
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.states import Side
from bcifs_console.ifs import checks
from bcifs_console.ifs.errors import AuthenticationFailed, IfsError
from bcifs_console.ifs.master_data import Found, ListKind, Standing
from bcifs_console.operations.connect import Added, add_file, provisional
from bcifs_console.operations.connection_file import ConnectionFile, connection_of
from bcifs_console.operations.context import Context
from bcifs_console.operations.first_run_questions import Answers
from bcifs_console.operations.store_tries import store_tries
from bcifs_console.store import connections
from bcifs_console.sync.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one check. `keys`: the questions it is about; `verdict` as `connection test` has it."""

    check: str
    verdict: str
    detail: str = ""
    remedy: str = ""
    keys: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.verdict == checks.Verdict.OK


@dataclass(frozen=True, slots=True)
class Probe:
    """A look at one system. `needs`: the answers it cannot do without."""

    name: str
    side: Side
    needs: tuple[str, ...]
    ask: Callable[[Runtime], Awaitable[list[Said]]]


async def probe(context: Context, which: Probe, answers: Answers) -> tuple[Said, ...]:
    """Try out the answers that `which` is about. Stores nothing, changes nothing; what goes wrong is an answer."""
    try:
        file = _file(context, answers.tables(which.needs))
        runtime = provisional(context, file)
    except Problem as problem:
        # What is wrong with an answer by itself is found before: what is left is a profile that cannot be used.
        keys = (_PROFILE,) if _PROFILE in which.needs else which.needs[:1]
        return (Said(which.name, "failed", problem.message, problem.remedy, keys),)
    try:
        return tuple(await which.ask(runtime))
    finally:
        await runtime.aclose()


def _file(context: Context, tables: Mapping[str, Any]) -> ConnectionFile:
    # No file stands there: a profile given as a relative path is looked for where the program was started.
    return connection_of(tables, Path.cwd() / "set-up", now=context.clock.now())


_PROFILE: Final = "ifs.profile"
_STORE_KEYS: Final = ("bigcommerce.store_hash", "bigcommerce.access_token")


async def _ask_store(runtime: Runtime) -> list[Said]:
    said: list[Said] = []
    for attempt in store_tries(movements=True):
        try:
            keys = () if said else (*_STORE_KEYS, _API)
            said.append(Said(attempt.name, "ok", await attempt.ask(runtime), keys=keys))
        except BigCommerceError as error:
            said.append(_store_fault(attempt.name, error))
            if len(said) == 1:
                break  # the store does not answer: whatever else is tried says the same
    return said


_API: Final = "bigcommerce.api_url"


def _store_fault(check: str, error: BigCommerceError) -> Said:
    verdict = "forbidden" if error.status in (401, 403) else "failed"
    keys: tuple[str, ...] = ("bigcommerce.access_token",)
    if isinstance(error, NotFound):
        keys = ("bigcommerce.store_hash",)
    elif isinstance(error, Unavailable):
        keys = (_API,)
    return Said(check, verdict, error.message, error.remedy, keys)


_IFS_ACCESS: Final = ("ifs.base_url", "ifs.realm", "ifs.client_id", "ifs.client_secret")


async def _ask_ifs(runtime: Runtime) -> list[Said]:
    try:
        await runtime.ifs.probe()
    except AuthenticationFailed as error:
        keys = ("ifs.realm",) if error.status == 404 else ("ifs.client_id", "ifs.client_secret")
        return [Said("token", "forbidden", error.message, error.remedy, keys)]
    except IfsError as error:
        if error.status == 0:
            return [Said("token", "failed", error.message, error.remedy, ("ifs.base_url",))]
    found = await checks.check(runtime.ifs)
    bad = [one for one in found if one.verdict is not checks.Verdict.OK]
    said = [Said(one.check, str(one.verdict), one.detail, one.remedy, (_PROFILE,)) for one in bad]
    if not bad:
        said.append(Said("names", "ok", f"{len(found)} names of the profile are there", keys=(_PROFILE,)))
    return [Said("token", "ok", "IFS gives a token", keys=_IFS_ACCESS), *said]


async def _ask_lists(runtime: Runtime) -> list[Said]:
    """Site and account, and with them the company: IFS shows a service user only what it may see."""
    today = runtime.clock.now().date()
    access, (revenue,) = runtime.connection.ifs, runtime.rules.of(Purpose.REVENUE)
    try:
        sites = await runtime.ifs.master_data(ListKind.SITE, [access.site], today)
        known = await runtime.ifs.master_data(ListKind.ACCOUNT, [revenue.result], today)
    except IfsError as error:
        return [Said("site and account", "unknown", error.message, error.remedy, ("ifs.site", _ACCOUNT))]
    site, account = sites[access.site], known[revenue.result]
    hidden = account.standing is Standing.UNKNOWN
    company = Said("company", "unknown" if hidden else "ok", account.detail if hidden else "", keys=("ifs.company",))
    return [
        _listed("site", access.site, site, "ifs.site"),
        company,
        _listed("account", revenue.result, account, _ACCOUNT),
    ]


_ACCOUNT: Final = "mapping.revenue_account"


def _listed(what: str, value: str, found: Found, key: str) -> Said:
    verdicts = {Standing.OK: "ok", Standing.MISSING: "missing", Standing.CLOSED: "failed", Standing.UNKNOWN: "unknown"}
    remedy = "" if found.standing is Standing.OK else f"Look {what} {value} up in IFS."
    return Said(f"{what} {value}", verdicts[found.standing], found.detail, remedy, (key,))


STORE_PROBE: Final = Probe("BigCommerce", Side.BIGCOMMERCE, (*_STORE_KEYS, _API), _ask_store)
IFS_PROBE: Final = Probe("IFS Cloud", Side.IFS, (*_IFS_ACCESS, _PROFILE), _ask_ifs)
LISTS_PROBE: Final = Probe(
    "Company, site, account", Side.IFS, (*_IFS_ACCESS, _PROFILE, "ifs.company", "ifs.site", _ACCOUNT), _ask_lists
)
PROBES: Final = (STORE_PROBE, IFS_PROBE, LISTS_PROBE)


# -- keeping -----------------------------------------------------------------------------------------------------------


def keep(context: Context, answers: Answers) -> Added:
    """Store the connection, its secrets sealed. Raises UsageProblem naming what is wrong; then nothing is stored."""
    return add_file(context, _file(context, answers.tables()))


def taken_names(context: Context) -> frozenset[str]:
    """The names that connections have already."""
    return frozenset(context.store.database.read_sync(connections.names))
