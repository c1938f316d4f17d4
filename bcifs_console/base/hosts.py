"""Which hosts are this machine itself: plain http goes to no other (DESIGN §14)."""

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Whether a host, by name or number, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
