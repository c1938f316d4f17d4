"""`python -m bcifs_console.simulator`: the simulator as a process of its own."""

from __future__ import annotations

import argparse

from bcifs_console.simulator import SimulatorOptions, run
from bcifs_console.simulator.faults import PROFILES


def _quota(text: str) -> int | None:
    if text == "off":
        return None
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be a whole number above 0, or off")
    return number


def _options(arguments: list[str] | None = None) -> SimulatorOptions:
    parser = argparse.ArgumentParser(prog="python -m bcifs_console.simulator", description=__doc__)
    parser.add_argument("--bigcommerce-port", type=int, default=0, metavar="P", help="0: any free port")
    parser.add_argument("--ifs-port", type=int, default=0, metavar="P", help="0: any free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--latency-ms", type=int, default=0, metavar="L", help="added to every answer")
    parser.add_argument("--faults", choices=PROFILES, default="none")
    parser.add_argument("--quota", type=_quota, default=450, metavar="N|off", help="BigCommerce calls per 30 seconds")
    parser.add_argument("--token-lifetime", type=int, default=180, metavar="SECONDS")
    parser.add_argument(
        "--behind-s", type=int, default=0, metavar="SECONDS", help="its clock starts so far in the past"
    )
    given = parser.parse_args(arguments)
    return SimulatorOptions(**vars(given))


if __name__ == "__main__":
    run(_options())
