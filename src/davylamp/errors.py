"""What can go wrong, as one tree.

::

    DavylampError            code, message, hint, exit status
    ├── BadUse               2  the call itself: flags, settings, tables written by the operator
    ├── InputError           3  a file that is not what it claims, cannot be read, or holds nothing usable
    │   ├── CaptureError        E-CAP-...  containers, pcap, pcapng
    │   └── TableError          E-TAB-...  rows of a table, every fault at once
    └── OutputError          4  a result that cannot be written

Damage *inside* a stream is no exception: it is a `davylamp.records.Fault`, counted and reported while the
good rest is kept.
"""

from typing import ClassVar


class DavylampError(Exception):
    """Base of all errors that a user can meet.

    Args:
        code: stable identifier such as ``E-CAP-004``; never reused for another meaning.
        message: what is wrong and where, in one sentence without a full stop.
        hint: what to do about it.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f"\n\nhint: {self.hint}" if self.hint else "")


class BadUse(DavylampError):
    """The call cannot be meant: a flag, a setting or a combination of them."""

    exit_status = 2


class InputError(DavylampError):
    """An input that is not what it claims to be or that cannot be read."""

    exit_status = 3


class CaptureError(InputError):
    """A file that is no packet capture, or a container that cannot be opened."""


class TableError(InputError):
    """A table with bad rows; ``message`` lists every fault with its line."""


class OutputError(DavylampError):
    """A result that cannot be written where it was asked for."""

    exit_status = 4
