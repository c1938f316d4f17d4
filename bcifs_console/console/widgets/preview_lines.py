"""What creating a customer would send to IFS, as lines: a step a heading, its fields below. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bcifs_console.console.widgets.lines import DIM, STRONG, WARN, Lines, facts, heading, line, paragraph

if TYPE_CHECKING:
    from bcifs_console.operations.decide_preview import CreationPreview

_WORDS: Final[Mapping[str, str]] = {
    "info": "Customer",
    "copy_template": "Copy of the template",
    "address": "Address",
    "communication": "Communication method",
    "order_info": "Order information",
    "invoice_info": "Invoice information",
}
_LABEL: Final = 26
_SHORT: Final = 12


def preview_lines(made: "CreationPreview", width: int) -> Lines:
    """Every call in its order, with exactly what is sent."""
    lines: Lines = []
    for warning in made.warnings:
        lines += paragraph(warning, width, style=WARN, lead="! ")
    lines += facts(_in_short(made), width, label=_SHORT)
    lines += [line(""), heading(f"{len(made.calls)} calls, with exactly what is sent", width)]
    for call in made.calls:
        lines += [line(""), line((_title(call.step), STRONG), ("  POST …/" + call.path.rpartition(".svc/")[2], DIM))]
        lines += facts([(name, _value(value)) for name, value in call.body.items()], width, label=_LABEL)
    return lines


def _in_short(made: "CreationPreview") -> list[tuple[str, str]]:
    """What a person checks, out of all that is sent; the names are IFS's (facts §4)."""
    sent: dict[str, Any] = {}
    for call in made.calls:
        sent = {**call.body, **sent}
    address = (
        *(sent.get(f"Address{number}") for number in range(1, 7)),
        f"{sent.get('ZipCode', '')} {sent.get('City', '')}",
    )
    rows = (
        ("customer", f"{made.customer_id}  {made.name}"),
        ("copied from", made.template_id),
        (
            "address",
            ", ".join(str(part).strip() for part in (*address, sent.get("State"), sent.get("Country")) if part),
        ),
        ("e-mail", str(sent.get("Value") or "")),
        ("currency", str(sent.get("CurrencyCode") or sent.get("DefCurrency") or "")),
        ("group", str(sent.get("CustGrp") or "")),
        ("pay term", str(sent.get("PayTermId") or "")),
    )
    return [(name, value) for name, value in rows if value.strip()]


def _title(step: str) -> str:
    if step.startswith("address_type:"):
        return f"Address type {step.removeprefix('address_type:')}"
    return _WORDS.get(step, step.replace("_", " "))


def _value(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
