"""The IFS half of `connection test`: token, then every name in use against `$metadata`, then one row of data each.

Reads only. What is in use comes from `vocabulary.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from bcifs_console.domain.rules import VoucherTransport
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.errors import AuthenticationFailed, IfsError, NotFound, PermissionDenied, Transient
from bcifs_console.ifs.metadata import Action, EntityType, Metadata, parse_metadata
from bcifs_console.ifs.vocabulary import Entity, Use, uses

_PROFILE_REMEDY: Final = "Correct the name in the IFS profile, or ask IFS which one this release has."
#: A gateway's answers to a path it does not know: the token was had, and each projection is tried by itself.
_GATEWAY: Final = frozenset({400, 404})


class Verdict(StrEnum):
    OK = "ok"
    MISSING = "missing"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of `connection test` (DESIGN §12)."""

    check: str
    verdict: Verdict
    detail: str = ""
    remedy: str = ""


async def check(
    client: IfsClient,
    *,
    pre_posting: bool = True,
    voucher_transport: VoucherTransport = VoucherTransport.OFF,
    code_parts: str = "",
) -> list[CheckResult]:
    """All checks, most basic first; stops early where without a token nothing more can be learnt.

    `pre_posting=False` for a connection that leaves accounts to posting control: its names are then not demanded, nor
    those of vouchers by another `voucher_transport` than rest. Those of new customers always are: a person can always
    answer "create". `code_parts`: the letters of those the mapping gives. Raises nothing of `IfsError`: each becomes
    a result.
    """
    token = await _token(client)
    if token.verdict is not Verdict.OK:
        return [token]
    results = [token]
    by_projection: dict[str, list[Use]] = {}
    by_rest = voucher_transport is VoucherTransport.REST
    in_use = uses(client.setting, pre_posting=pre_posting, vouchers=by_rest, code_parts=code_parts)
    for use in in_use:
        by_projection.setdefault(use.projection, []).append(use)
    for projection, wanted in by_projection.items():
        results += await _projection(client, projection, wanted)
    if not by_rest:
        results.append(CheckResult("ifs: vouchers", Verdict.OK, _WITHOUT_REST[voucher_transport]))
    return results


_WITHOUT_REST: Final[Mapping[VoucherTransport, str]] = {
    VoucherTransport.OFF: "off: no vouchers are made",
    VoucherTransport.EXTERNAL_FILE: (
        "by file (STDVOU): IFS is not asked; somebody loads the files with the External Voucher assistant"
    ),
}


async def _token(client: IfsClient) -> CheckResult:
    name = "ifs: token"
    try:
        await client.probe()
    except AuthenticationFailed as error:
        return _failure(name, error)
    except Transient as error:
        if error.status not in _GATEWAY:
            return _failure(name, error)
    except IfsError:
        pass  # anything else got past the token; the checks of the projection itself say it better
    return CheckResult(name, Verdict.OK)


async def _projection(client: IfsClient, projection: str, wanted: list[Use]) -> list[CheckResult]:
    name = f"ifs: {projection}"
    try:
        metadata = parse_metadata(await client.odata.metadata(projection))
    except IfsError as error:
        return [_failure(f"{name} $metadata", error)]
    results = [CheckResult(f"{name} $metadata", Verdict.OK)]
    for use in wanted:
        where = f"{name}/{use.set}"
        if use.parameters is not None:
            results.append(_function(where, use.set, use.parameters, metadata))
            continue
        entity = metadata.type_of_set(use.set)
        if entity is None:
            results.append(_missing(where, f"there is no entity set {use.set}"))
            continue
        results += _entity(where, use.entity, entity, metadata)
        results += _actions(where, use.unbound, metadata.actions_of(None), "the projection")
        if use.is_sampled:
            results.append(await _sample(client, use))
    return results


def _entity(where: str, wanted: Entity, entity: EntityType, metadata: Metadata) -> Iterator[CheckResult]:
    faults = list(_faults(wanted, entity, metadata))
    if faults:
        yield _missing(where, "; ".join(faults))
    else:
        yield CheckResult(where, Verdict.OK, f"{len(wanted.properties)} properties")
    yield from _actions(where, wanted.actions, metadata.actions_of(entity.name), entity.name)
    for navigation, below in wanted.navigations.items():
        target = metadata.types.get(entity.navigations.get(navigation, ""))
        if target is None:
            yield _missing(f"{where}/{navigation}", f"{entity.name} has no navigation {navigation}")
        else:
            yield from _entity(f"{where}/{navigation}", below, target, metadata)


def _faults(wanted: Entity, entity: EntityType, metadata: Metadata) -> Iterator[str]:
    """Properties that do not exist, values that are no member of their enumeration or too long."""
    absent = sorted(wanted.properties - set(entity.properties))
    if absent:
        yield f"{entity.name} has no {', '.join(absent)}"
    for name, value in chain.from_iterable(body.items() for body in wanted.bodies):
        prop = entity.properties.get(name)
        if prop is None or not isinstance(value, str):
            continue
        members = metadata.enums.get(prop.type)
        if members is not None and value not in members:
            yield f"{name} knows no {value!r}, only {', '.join(members)}"
        if prop.max_length is not None and len(value) > prop.max_length:
            yield f"{name} takes {prop.max_length} characters, {value!r} is longer"


def _actions(
    where: str,
    wanted: Mapping[str, tuple[str, tuple[str, ...]]],
    found: Iterable[Action],
    owner: str,
) -> Iterator[CheckResult]:
    there = {action.name: action for action in found}
    for profile_key, (name, parameters) in wanted.items():
        action = there.get(name)
        if action is None:
            listed = ", ".join(sorted(there)) or "none"
            remedy = f"Set {profile_key} in the IFS profile to one of these, or to an empty text to do without."
            detail = f"{owner} has no action {name}; it has: {listed}"
            yield CheckResult(f"{where}.{name}", Verdict.MISSING, detail, remedy)
        elif unknown := [p for p in parameters if p not in action.parameters]:
            takes = ", ".join(action.parameters) or "none"
            yield _missing(f"{where}.{name}", f"no parameter {', '.join(unknown)}; it takes: {takes}")
        else:
            yield CheckResult(f"{where}.{name}", Verdict.OK)


def _function(where: str, name: str, parameters: tuple[str, ...], metadata: Metadata) -> CheckResult:
    function = next((each for each in metadata.functions if each.name == name), None)
    if function is None:
        return _missing(where, f"there is no function {name}")
    unknown = [parameter for parameter in parameters if parameter not in function.parameters]
    if unknown:
        takes = ", ".join(function.parameters) or "none"
        return _missing(where, f"no parameter {', '.join(unknown)}; it takes: {takes}")
    return CheckResult(where, Verdict.OK)


async def _sample(client: IfsClient, use: Use) -> CheckResult:
    name = f"ifs: {use.projection}/{use.set} data"
    select = {"$select": ",".join(use.entity.reads)} if use.entity.reads else {}
    try:
        page = await client.odata.get(name, client.odata.url(use.projection, use.set), {"$top": "1", **select})
    except IfsError as error:
        return _failure(name, error)
    if page.get("value"):
        return CheckResult(name, Verdict.OK)
    # Row security hides rows instead of refusing (facts §1), so an empty list is worth a word.
    return CheckResult(name, Verdict.OK, "no rows; if there should be some, check the user's company and site")


def _missing(name: str, detail: str) -> CheckResult:
    return CheckResult(name, Verdict.MISSING, detail, _PROFILE_REMEDY)


def _failure(name: str, error: IfsError) -> CheckResult:
    if error.answer.code == "MI_METADATA_NOTFOUND":
        remedy = f"{error.remedy} If it is granted, correct the projection's name or layer in the IFS profile."
        return CheckResult(name, Verdict.MISSING, error.message, remedy)
    if isinstance(error, PermissionDenied):
        return CheckResult(name, Verdict.FORBIDDEN, error.message, error.remedy)
    if isinstance(error, NotFound) or (isinstance(error, Transient) and error.status in _GATEWAY):
        return CheckResult(name, Verdict.MISSING, error.message, error.remedy)
    return CheckResult(name, Verdict.FAILED, error.message, error.remedy)
