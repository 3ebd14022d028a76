"""The command line: one file per command; flags here, the work in the functions they call."""

import sys


def main() -> None:
    """Entry point of ``davylamp``: runs a command and turns errors into their code, hint and exit status.

    An interrupt before a command listens for it, while its modules are read, ends with 130 and without a traceback.
    """
    try:
        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def run() -> None:
    """Load the commands and run the one that was named."""
    from davylamp.cli.app import app
    from davylamp.errors import DavylampError

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of another encoding shows what it can
            stream.reconfigure(errors="replace")
    try:
        app()
    except DavylampError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
