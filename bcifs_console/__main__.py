"""`bcifs`: answers `--version` before anything heavy is imported, else hands over to the command line."""

import sys

from bcifs_console import __version__


def main() -> None:
    """The console script's entry."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"bcifs {__version__}\n")
        return
    from bcifs_console.cli.app import run

    run()


if __name__ == "__main__":
    main()
