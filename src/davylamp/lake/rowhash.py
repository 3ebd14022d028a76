"""One 64-bit number per row of an Arrow table, by columns rather than row by row.

It tells versions of one record apart. It is the same in every process and on every machine, a null counts as
nothing (so that a column added later changes no hash), and it is no signature: who wants to can make two rows
collide.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Hashes = NDArray[np.uint64]

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)  # splitmix64 (Steele, Lea, Flood 2014)
_MIX1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX2: Final = np.uint64(0x94D049BB133111EB)


def hash_rows(table: "pa.Table", columns: list[str]) -> Hashes:
    """Hashes (n,) of the rows of ``table``, over the named columns in any order."""
    total = np.zeros(table.num_rows, dtype=np.uint64)
    for name in columns:
        column = table.column(name).combine_chunks()
        total += _seeded(column, _seed(name))
    return _mix(total)


def _seed(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def _mix(values: Hashes) -> Hashes:
    """The finalizer of splitmix64."""
    values = values + _STEP
    values = (values ^ (values >> np.uint64(30))) * _MIX1
    values = (values ^ (values >> np.uint64(27))) * _MIX2
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


def _seeded(column: "pa.Array", seed: np.uint64) -> Hashes:
    """Hashes under a seed, 0 where null."""
    hashes = _mix(_hash_values(column) ^ seed)
    hashes[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return hashes


def _hash_values(column: "pa.Array") -> Hashes:
    """Hashes of the values of one array; anything where null."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_struct(kind):
        total = np.zeros(len(column), dtype=np.uint64)
        for place in range(kind.num_fields):
            total += _seeded(column.field(place), _seed(kind.field(place).name))
        return total
    if pa.types.is_list(kind):
        children = _seeded(column.values, np.uint64(1))
        return _hash_runs(children, column.offsets.to_numpy(zero_copy_only=False).astype(np.int64))
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return _hash_texts(column)
    return _bits(column)


def _bits(column: "pa.Array") -> Hashes:
    """Numbers and booleans as 64 bits, -0.0 as 0.0."""
    import pyarrow as pa

    filled: Any = column.fill_null(pa.scalar(0).cast(column.type)).to_numpy(zero_copy_only=False)
    if filled.dtype.kind == "f":
        filled = filled.astype(np.float64) + 0.0
    else:
        filled = filled.astype(np.int64 if filled.dtype.kind == "i" else np.uint64)
    bits: Hashes = filled.view(np.uint64)
    return bits


def _hash_texts(column: "pa.Array") -> Hashes:
    import pyarrow as pa

    large = (
        column.cast(pa.large_binary()) if pa.types.is_binary(column.type) else column.cast(pa.large_string())
    )
    _, offsets, data = large.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[large.offset : large.offset + len(large) + 1]
    if data is None or bounds.size < 2:
        return np.zeros(len(column), dtype=np.uint64)
    octets = np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]].astype(np.uint64)
    return _hash_runs(octets + np.uint64(1), bounds - bounds[0])


def _hash_runs(values: Hashes, bounds: NDArray[np.int64]) -> Hashes:
    """Hashes (n,) of the runs of ``values`` between consecutive ``bounds`` (n + 1,); order and length count."""
    if bounds.size < 2:
        return np.zeros(0, dtype=np.uint64)
    lengths = np.diff(bounds)
    low, high = int(bounds[0]), int(bounds[-1])
    place = np.arange(low, high, dtype=np.int64) - np.repeat(bounds[:-1], lengths)
    weighted = _mix(values[low:high] ^ _mix(place.astype(np.uint64)))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(weighted, dtype=np.uint64)])
    runs: Hashes = sums[bounds[1:] - low] - sums[bounds[:-1] - low] + lengths.astype(np.uint64)
    return runs
