"""Log lines: structured, to stderr, with control characters made visible and nothing secret by construction."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from bcifs_console.base.text import visible


def _visible(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Store data may carry terminal escapes: in a log they are text, never commands (ASVS 16.4.1)."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = visible(value)
    return event


def set_up(*, as_json: bool, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send this program's log lines to stderr, or to `stream`, as JSON or for people."""
    out = stream or sys.stderr
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # before `_visible`: a traceback may quote what a buyer typed
            _visible,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=out, force=stream is not None)
