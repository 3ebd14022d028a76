"""The command line: one file per command; flags here, the work in the functions they call."""

import sys


def main() -> None:
    """Entry point of ``davylamp``: runs a command and turns errors into their code, hint and exit status."""
    from davylamp.cli.app import app
    from davylamp.errors import DavylampError

    try:
        app()
    except DavylampError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
