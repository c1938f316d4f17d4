"""Sending alerts through Apprise (e-mail, chat, pager: whatever its URLs name). Which there are is in `store.alerts`.

Apprise is an extra, imported only where the settings name a URL. The URLs hold secrets and are never shown.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import structlog

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.store import alerts
from bcifs_console.store.alerts import Alert
from bcifs_console.store.database import Database

#: `(title, body, level)` → whether every channel took it.
Send = Callable[[str, str, str], Awaitable[bool]]
_DEADLINE_S: Final = 30.0
_KINDS: Final = {"trouble": "warning", "recovered": "success"}
_log = structlog.get_logger(__name__)


class AlertsUnavailable(ConfigurationProblem):
    """The settings ask for alerts that cannot be sent."""


def apprise_channels(urls: Sequence[str]) -> Send:
    """Channels for these Apprise URLs. Raises AlertsUnavailable where Apprise is not installed or cannot use one."""
    try:
        apprise: Any = importlib.import_module("apprise")
    except ModuleNotFoundError as missing:
        raise AlertsUnavailable(
            f"The settings name {len(urls)} alert URLs, and the package that sends them is not installed.",
            remedy="Run: pip install 'bcifs-console[alerts]', or leave alert_urls out.",
        ) from missing
    channels = apprise.Apprise()
    for position, url in enumerate(urls, 1):
        if not channels.add(url):
            raise AlertsUnavailable(
                f"Alert URL {position} of {len(urls)} is none that Apprise understands.",
                remedy="Correct alert_urls in settings.toml or BCIFS_ALERT_URLS; see Apprise's list of services.",
            )

    async def send(title: str, body: str, level: str) -> bool:
        return bool(await channels.async_notify(title=title, body=body, notify_type=_KINDS.get(level, "info")))

    return send


class Alerts:
    """Writes alerts down where there are channels for them, and sends what is written down."""

    def __init__(self, database: Database, send: Send | None) -> None:
        self._database = database
        self._send = send

    @property
    def are_wanted(self) -> bool:
        """Whether anybody is to be told."""
        return self._send is not None

    async def flush(self) -> int:
        """Send what waits; returns how many went out. What no channel took is tried again later, a dozen times.

        All side by side: a slow channel takes no longer for many than for one, so none is still under way when it is
        due again.
        """
        if self._send is None:
            return 0
        taken = await self._database.write(alerts.take)
        return sum(await asyncio.gather(*(self._tell(self._send, alert) for alert in taken)))

    async def _tell(self, send: Send, alert: Alert) -> bool:
        """Send one and note how that went."""
        error = await self._try(send, alert)
        if error:
            _log.warning("alert_not_sent", alert=alert.id, error=error)
            await self._database.write(partial(alerts.failed, alert_id=alert.id, error=error))
        else:
            await self._database.write(partial(alerts.sent, alert_id=alert.id))
        return not error

    @staticmethod
    async def _try(send: Send, alert: Alert) -> str:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                went_out = await send(alert.title, alert.body, alert.level)
        except TimeoutError:
            return f"no answer within {_DEADLINE_S:.0f} s"
        except OSError as error:
            return type(error).__name__  # its text may quote the URL
        return "" if went_out else "a channel did not take it"
