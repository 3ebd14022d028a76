"""Whose address was it at that time? One address from the file, or millions through an index.

The index cuts the address space at every end of a range. Between two cuts the same ranges cover every address, so a
look-up is one search for the cut and a walk down a short list that stands in the order of claims
(`davylamp.attribution.registry_claims`), filtered by time and port. Times are Unix ns; an unknown port is None or -1.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from davylamp.attribution.registry_claims import Holding, Names, address_bits
from davylamp.attribution.registry_records import NetRange
from davylamp.attribution.registry_store import Store
from davylamp.errors import BadUse, InputError
from davylamp.kernel import inline, kernel
from davylamp.records import Claim

ENTRIES: Final = 50_000_000  # judged: 200 MB; 100,000 disjoint ranges inside two others need 300,000
_HALF: Final = (1 << 64) - 1
_BEYOND: Final = 1 << 128  # behind the last address; fits no half and needs no cut


def lookup(
    registry: Store, address: str, port: int | None, time_ns: int, as_of_ns: int | None = None
) -> tuple[Claim, ...]:
    """Every claim to an address and port at a time, best first.

    Args:
        registry: where to look.
        address: IPv4 or IPv6 as text.
        port: None where it is not known.
        time_ns: when the address was seen.
        as_of_ns: only what the registry knew by then; None for all it knows.

    Raises:
        BadUse: E-REG-020 when the address or the port is none.
    """
    bits = _bits(address, port)
    names = Names(registry, as_of_ns)
    stored = registry.facts(NetRange, as_of_ns, covering=(bits, bits))
    held = [h for s in stored for h in names.spells(s) if h.holds(bits, port, time_ns)]
    return names.claims(held, bits, port, time_ns)


def _bits(address: str, port: int | None) -> int:
    try:
        if port is not None and not 0 <= port < 65536:
            raise ValueError(f"port {port} lies outside 0 to 65535")
        return address_bits(address)
    except ValueError as error:
        raise BadUse("E-REG-020", str(error), "give an IPv4 or IPv6 address and a port") from error


class Arrays(NamedTuple):
    """An index as a kernel takes it; halves of 128 bits, the cuts ascending."""

    cut_hi: NDArray[np.uint64]  # (cuts,) where an elementary interval begins
    cut_lo: NDArray[np.uint64]
    first: NDArray[np.int64]  # (cuts + 1,) of its list in held
    held: NDArray[np.int32]  # holdings, best first in each list
    from_ns: NDArray[np.int64]  # (holdings,)
    to_ns: NDArray[np.int64]
    first_port: NDArray[np.int32]
    last_port: NDArray[np.int32]
    portless: NDArray[np.int32]  # rank of a holding where the port is not known


class Questions(NamedTuple):
    """Addresses, ports (-1 unknown) and times to look up, all (n,)."""

    hi: NDArray[np.uint64]
    lo: NDArray[np.uint64]
    port: NDArray[np.int32]
    time_ns: NDArray[np.int64]


class Answers(NamedTuple):
    """What a bulk look-up writes, all (n,)."""

    interval: NDArray[np.int64]  # -1 before the first cut
    best: NDArray[np.int32]  # the best holding, -1 where nobody claims the address
    claimed: NDArray[np.int32]  # number of holdings that claim it


class Index:
    """All holdings of a registry as of a record time, ready for bulk look-ups.

    Args:
        registry: read once, here.
        as_of_ns: record time; None for now.

    Raises:
        InputError: E-REG-021 when ranges overlap so much that the lists exceed `ENTRIES`.
    """

    def __init__(self, registry: Store, as_of_ns: int | None = None) -> None:
        self.names = Names(registry, as_of_ns)
        stored = registry.facts(NetRange, as_of_ns)
        holdings = [holding for s in stored for holding in self.names.spells(s)]
        self.holdings = sorted(holdings, key=Holding.order)
        self.arrays = _arrays(self.holdings)

    def find(self, questions: Questions) -> Answers:
        """The best holding and the number of them for each question, without a Python object per question."""
        size = questions.hi.size
        answers = Answers(np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size, np.int32))
        if size:
            find_all(self.arrays, questions, answers)
        return answers

    def claims(self, asked: Sequence[tuple[str, int | None, int]]) -> list[tuple[Claim, ...]]:
        """Every claim for many (address, port, time): the same as `lookup`, one after the other.

        Raises:
            BadUse: E-REG-020 when an address or a port is none.
        """
        questions = ask(asked)
        answers = self.find(questions)
        first, held = self.arrays.first, self.arrays.held
        found: list[tuple[Claim, ...]] = []
        for (address, port, time_ns), place, best in zip(
            asked, answers.interval.tolist(), answers.best.tolist(), strict=True
        ):
            if best < 0:
                found.append(())
                continue
            bits = address_bits(address)
            listed = [self.holdings[h] for h in held[first[place] : first[place + 1]]]
            fitting = [h for h in listed if h.holds(bits, port, time_ns)]
            found.append(self.names.claims(fitting, bits, port, time_ns))
        return found


def ends_of(texts: Sequence[str]) -> list[tuple[str, int | None]]:
    """Addresses with their ports where they name one.

    Raises:
        BadUse: E-USE-035 with all that are none.
    """
    ends: list[tuple[str, int | None]] = []
    faults: list[str] = []
    for text in texts:
        try:
            ends.append(_split_port(text))
            address_bits(ends[-1][0])
        except ValueError as error:
            faults.append(str(error))
    if faults:
        hint = "10.0.0.1, 10.0.0.1:443, 2001:db8::1 or [2001:db8::1]:443; ports are 0 to 65535"
        raise BadUse("E-USE-035", "; ".join(faults), hint)
    return ends


def _split_port(text: str) -> tuple[str, int | None]:
    """Address and port of ``10.0.0.1:443``, ``[2001:db8::1]:443`` or a bare address.

    Raises:
        ValueError: for a port that is none.
    """
    address, _, port = text.removeprefix("[").partition("]:") if text.startswith("[") else text.partition(":")
    if not text.startswith("[") and text.count(":") > 1:
        return text, None
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"{text}: {port} is no port")
    return address.removesuffix("]"), int(port) if port else None


def ask(asked: Iterable[tuple[str, int | None, int]]) -> Questions:
    """Questions as arrays.

    Raises:
        BadUse: E-REG-020 when an address or a port is none.
    """
    rows = [(_bits(address, port), -1 if port is None else port, time_ns) for address, port, time_ns in asked]
    return Questions(
        np.array([bits >> 64 for bits, _, _ in rows], np.uint64),
        np.array([bits & _HALF for bits, _, _ in rows], np.uint64),
        np.array([port for _, port, _ in rows], np.int32),
        np.array([time_ns for _, _, time_ns in rows], np.int64),
    )


def _arrays(holdings: Sequence[Holding]) -> Arrays:
    """Cut the address space and list who covers each piece.

    Args:
        holdings: in the order of claims.
    """
    ends = {h.range.low for h in holdings} | {h.range.high + 1 for h in holdings}
    cuts = sorted(ends - {_BEYOND})
    place_of = {cut: place for place, cut in enumerate(cuts)} | {_BEYOND: len(cuts)}
    begins = np.array([place_of[h.range.low] for h in holdings], np.int64)
    stops = np.array([place_of[h.range.high + 1] for h in holdings], np.int64)
    depth = np.zeros(len(cuts) + 1, np.int64)
    np.add.at(depth, begins, 1)
    np.add.at(depth, stops, -1)
    first = np.zeros(len(cuts) + 1, np.int64)
    np.cumsum(np.cumsum(depth)[: len(cuts)], out=first[1:])
    if first[-1] > ENTRIES:
        raise InputError("E-REG-021", "ranges overlap too much for an index", "look up single addresses")
    held = np.zeros(int(first[-1]), np.int32)
    if holdings:
        fill_lists(begins, stops, first[:-1].copy(), held)
    order = sorted(range(len(holdings)), key=lambda h: holdings[h].order(is_port_known=False))
    portless = np.empty(len(holdings), np.int32)
    portless[order] = np.arange(len(holdings), dtype=np.int32)
    return Arrays(
        np.array([cut >> 64 for cut in cuts], np.uint64),
        np.array([cut & _HALF for cut in cuts], np.uint64),
        first,
        held,
        np.array([h.valid_from_ns for h in holdings], np.int64),
        np.array([h.valid_to_ns for h in holdings], np.int64),
        np.array([h.range.first_port for h in holdings], np.int32),
        np.array([h.range.last_port for h in holdings], np.int32),
        portless,
    )


@kernel
def fill_lists(begins: Any, stops: Any, cursor: Any, held: Any) -> int:
    """Append each holding to the lists of the intervals that it covers; ``cursor`` is where each list goes on."""
    for holding in range(begins.size):
        for place in range(begins[holding], stops[holding]):
            held[cursor[place]] = holding
            cursor[place] += 1
    return 0


@inline
def interval_of(cut_hi: Any, cut_lo: Any, hi: Any, lo: Any) -> Any:
    """The last cut that is not behind an address; -1 where all are."""
    low = 0
    high = cut_hi.size
    while low < high:
        middle = (low + high) >> 1
        if cut_hi[middle] < hi or (cut_hi[middle] == hi and cut_lo[middle] <= lo):
            low = middle + 1
        else:
            high = middle
    return low - 1


@kernel
def find_all(arrays: Any, questions: Any, answers: Any) -> int:
    """Answer all questions; returns how many had a holder."""
    found = 0
    for place in range(questions.hi.size):
        interval = interval_of(arrays.cut_hi, arrays.cut_lo, questions.hi[place], questions.lo[place])
        port = questions.port[place]
        time_ns = questions.time_ns[place]
        best = -1
        count = 0
        if interval >= 0:
            for entry in range(arrays.first[interval], arrays.first[interval + 1]):
                holding = arrays.held[entry]
                if not arrays.from_ns[holding] <= time_ns < arrays.to_ns[holding]:
                    continue
                if port >= 0 and not arrays.first_port[holding] <= port <= arrays.last_port[holding]:
                    continue
                count += 1
                if best < 0 or (port < 0 and arrays.portless[holding] < arrays.portless[best]):
                    best = holding
        answers.interval[place] = interval
        answers.best[place] = best
        answers.claimed[place] = count
        found += count > 0
    return found
