"""Every option of the lamp, with its unit, range and sentence.

Values come from the command line (``--set name=value``) or from a caller; `parse_settings` reports every fault
at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from davylamp.errors import BadUse


def option(default: float, unit: str, low: float, high: float, sentence: str) -> Any:
    """A settings field with its unit, its range (both ends allowed) and what it is for."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "sentence": sentence})


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a scan. All times are capture time."""

    chunk_mib: int = option(4, "MiB", 1, 256, "how much of a capture is decoded at a time")
    flow_capacity: int = option(
        2**18,
        "flows",
        2**10,
        2**22,
        "flows held at a time; beyond it the least telling are written out early",
    )
    idle_s: float = option(600.0, "s", 10, 86_400, "a TCP flow that is silent for longer has ended")
    udp_idle_s: float = option(120.0, "s", 5, 86_400, "a UDP flow that is silent for longer has ended")
    mining_idle_s: float = option(
        3600.0, "s", 60, 604_800, "the same for a flow that speaks a mining dialect"
    )
    prior_log10_odds: float = option(
        -4.0, "log10 odds", -9, 0, "how likely a client-server pair of this site mines before any evidence"
    )
    conversations: int = option(
        65_536, "conversations", 64, 1_048_576, "conversations followed word by word at a time"
    )


DEFAULTS: Final = Settings()


def parse_settings(assignments: Sequence[str]) -> Settings:
    """Settings from ``name=value`` texts.

    Raises:
        BadUse: E-SET-001 with every unknown name, unreadable number and value out of range.
    """
    known = {f.name: f for f in fields(Settings)}
    chosen: dict[str, Any] = {}
    faults = []
    for text in assignments:
        name, separator, value = text.partition("=")
        row = known.get(name.strip())
        if row is None or not separator:
            faults.append(f"{text!r}: not name=value with a known name")
            continue
        try:
            number = int(value) if row.type is int else float(value)
        except ValueError:
            faults.append(f"{text!r}: not a number")
            continue
        low, high = row.metadata["low"], row.metadata["high"]
        if not low <= number <= high:
            faults.append(f"{text!r}: outside {low:g}..{high:g} {row.metadata['unit']}")
            continue
        chosen[row.name] = number
    if faults:
        raise BadUse("E-SET-001", "; ".join(faults), "known names: " + ", ".join(known))
    return Settings(**chosen)
