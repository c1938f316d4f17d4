"""`bcifs simulator`"""

from typing import Annotated, Literal

import typer

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.simulator import SimulatorOptions, run


def simulator(
    bigcommerce_port: Annotated[int, typer.Option("--bigcommerce-port", help="0 takes any free port.")] = 0,
    ifs_port: Annotated[int, typer.Option("--ifs-port", help="0 takes any free port.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Decides credentials, orders and faults.")] = 1,
    latency_ms: Annotated[int, typer.Option("--latency-ms", min=0, help="Added to every answer.")] = 0,
    faults: Annotated[Literal["none", "light", "storm"], typer.Option("--faults")] = "none",
    quota: Annotated[str, typer.Option("--quota", help="BigCommerce calls per 30 s, or off.")] = "450",
) -> None:
    """A faithful fake BigCommerce and IFS Cloud over HTTP. Prints one JSON line when ready."""
    if quota != "off" and not quota.isdigit():
        raise typer.BadParameter("--quota takes a number or off")
    options = SimulatorOptions(
        bigcommerce_port=bigcommerce_port,
        ifs_port=ifs_port,
        seed=seed,
        latency_ms=latency_ms,
        faults=faults,
        quota=None if quota == "off" else int(quota),
    )
    try:
        run(options)
    except OSError as error:
        raise ConfigurationProblem(
            f"The simulator cannot listen on port {bigcommerce_port} and {ifs_port}: {error.strerror}.",
            remedy="Stop the program that uses the port (another simulator?), or choose another with "
            "--bigcommerce-port and --ifs-port.",
        ) from None
