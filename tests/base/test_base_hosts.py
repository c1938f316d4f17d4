"""Which hosts are this machine."""

import pytest

from bcifs_console.base.hosts import is_loopback


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("127.0.0.1.example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_this_machine_is_known_by_name_and_number(host: str | None, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours
