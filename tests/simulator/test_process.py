"""The simulator as a process: one line when ready, a clean end, the same credentials for the same seed."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys

import httpx
import pytest

from bcifs_console.simulator import Simulator, SimulatorOptions


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_one_line_then_a_clean_end(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bcifs_console.simulator",
        "--seed",
        "7",
        "--quota",
        "off",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    about = json.loads(await process.stdout.readline())
    assert set(about["bigcommerce"]) == {"api_url", "store_hash", "access_token", "client_id", "client_secret"}
    assert set(about["ifs"]) == {"base_url", "realm", "client_id", "client_secret", "company", "site"}
    async with httpx.AsyncClient(trust_env=False) as http:
        for url in (about["bigcommerce"]["api_url"], about["ifs"]["base_url"]):
            assert (await http.get(f"{url}/_sim/state")).status_code == 200
    process.send_signal(number)
    rest, errors = await process.communicate()
    assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_credentials_follow_the_seed() -> None:
    told = []
    for seed in (7, 7, 8):
        async with Simulator(SimulatorOptions(seed=seed)) as simulator:
            told.append(simulator.announcement())
    keys = [(row["bigcommerce"]["access_token"], row["ifs"]["client_secret"]) for row in told]
    assert keys[0] == keys[1] != keys[2]


async def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await Simulator(SimulatorOptions(ifs_port=taken.getsockname()[1])).start()
