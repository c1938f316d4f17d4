"""What a demo runs on: the simulator as a process of its own, and the connection to it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

from bcifs_console.base.problems import Problem
from bcifs_console.operations import connect
from bcifs_console.operations.context import Context
from bcifs_console.store import connections

#: How often the service looks at the webhooks behind the console: a person has time to be faster.
WATCH_S: Final = 75.0
_START_S: Final = 30.0
#: Account, condition, patterns: the simulator's goods by family (docs/simulator.md). Nobody has said yet what honey is.
_FAMILIES: Final[tuple[tuple[str, str, list[str]], ...]] = (
    ("4030", "line_type", ["digital"]),
    ("4000", "sku", ["tee-*", "hoodie-*", "cap-*", "scarf-*", "socks-*", "belt-*", "gloves-*", "raincoat-*"]),
    ("4010", "sku", ["sim-*", "custom-*", "legacy-*"]),
    ("4020", "sku", ["mug-*", "towel-*", "lamp-*", "candle-*", "poster-*", "brewer-*", "bundle-*"]),
    ("4040", "sku", ["coffee-*", "tea-*"]),
)

#: The same as config/connection.example.toml, with the simulator's access data.
_CONNECTION: Final = """
name = "demo"
[bigcommerce]
store_hash = "{store_hash}"
client_id = "{client_id}"
client_secret = "{client_secret}"
access_token = "{access_token}"
api_url = "{api_url}"
public_url = "{public_url}"
[ifs]
base_url = "{ifs_base_url}"
realm = "{realm}"
client_id = "{ifs_client_id}"
client_secret = "{ifs_client_secret}"
company = "{company}"
site = "{site}"
voucher_transport = "rest"
[policy]
unmatched_customer = "ask"
revenue_posting = "voucher"
order_type_never_invoices = true
start_at = {start_at}
post_from = {start_at}
[mapping]
{revenue}
[mapping.accounts]
customer_balance = "2420"
clearing = "1580"
gift_certificate_liability = "2421"
store_credit_liability = "2422"
tax_account = "2610"
tax_on_prepayments = "2615"
returns = "4900"
shipping_income = "4100"
handling_income = "4110"
wrapping_income = "4120"
fee_income = "4130"
retained_income = "4140"
goodwill = "4910"
rounding = "7990"
{rules}
"""


@contextlib.asynccontextmanager
async def simulator(seed: int, *, behind_s: int = 0) -> AsyncIterator[dict[str, Any]]:
    """The simulator as a process, its clock so far behind ours; ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bcifs_console.simulator",
        "--seed",
        str(seed),
        "--quota",
        "off",
        "--behind-s",
        str(behind_s),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None, "it was asked for"
    try:
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        if not line:
            raise Problem("The simulator did not start.", remedy="Run: bcifs simulator")
        yield json.loads(line)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def connect_to(context: Context, access: dict[str, Any], public_url: str, *, by_sku: bool = False) -> None:
    """Store the connection to a simulator that announced `access`. Raises Problem where this home has one already.

    `by_sku`: revenue goes to an account for each family of goods, and one family has none yet; else all goes to one.
    """
    if context.store.database.read_sync(connections.names):
        raise Problem(
            f"{context.settings.home} is in use by another installation or an earlier demo.",
            remedy="Choose an empty folder with --home, or none for a temporary one.",
        )
    store, erp = access["bigcommerce"], access["ifs"]
    text = _CONNECTION.format(
        **store,
        public_url=public_url,
        ifs_base_url=erp["base_url"],
        realm=erp["realm"],
        ifs_client_id=erp["client_id"],
        ifs_client_secret=erp["client_secret"],
        company=erp["company"],
        site=erp["site"],
        start_at=(context.clock.now() - timedelta(days=by_sku)).strftime("%Y-%m-%dT00:00:00Z"),
        revenue="" if by_sku else 'revenue_account = "4000"',
        rules=_rules() if by_sku else "",
    )
    path = context.settings.home / "connection.toml"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    connect.add(context, path)
    path.unlink()


def _rules() -> str:
    tables = [
        f'[[mapping.rules]]\npurpose = "revenue"\nwhen = {{ {field} = {json.dumps(patterns)} }}\nresult = "{account}"'
        for account, field, patterns in _FAMILIES
    ]
    return "\n".join(tables)
