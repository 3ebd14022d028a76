"""Kernel that puts rows in between rows of the columns, in place."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from davylamp.capture.decode import Columns
from davylamp.kernel import fused, kernel


@fused
def weave_column(
    column: NDArray[Any], begin: int, end: int, extra: NDArray[Any], places: NDArray[np.int64]
) -> None:
    """Move ``column[begin:end]`` apart, from behind, and fill the gaps."""
    high = end
    for k in range(extra.size - 1, -1, -1):
        low = begin + places[k]
        for i in range(high - 1, low - 1, -1):
            column[i + k + 1] = column[i]
        column[low + k] = extra[k]
        high = low


@kernel
def weave(columns: Columns, begin: int, end: int, extra: Columns, places: NDArray[np.int64]) -> int:
    """Put ``extra`` in between rows ``begin`` to ``end``.

    Args:
        columns: with room behind ``end`` for as many rows as ``extra`` has.
        begin: first row.
        end: behind the last row.
        extra: rows to put in.
        places: before which of the rows, counted from ``begin``, each of them stands; ascending.

    Returns:
        Behind the last row.
    """
    weave_column(columns.ts_ns, begin, end, extra.ts_ns, places)
    weave_column(columns.src_hi, begin, end, extra.src_hi, places)
    weave_column(columns.src_lo, begin, end, extra.src_lo, places)
    weave_column(columns.dst_hi, begin, end, extra.dst_hi, places)
    weave_column(columns.dst_lo, begin, end, extra.dst_lo, places)
    weave_column(columns.sport, begin, end, extra.sport, places)
    weave_column(columns.dport, begin, end, extra.dport, places)
    weave_column(columns.proto, begin, end, extra.proto, places)
    weave_column(columns.flags, begin, end, extra.flags, places)
    weave_column(columns.seq, begin, end, extra.seq, places)
    weave_column(columns.ack, begin, end, extra.ack, places)
    weave_column(columns.payload_off, begin, end, extra.payload_off, places)
    weave_column(columns.payload_len, begin, end, extra.payload_len, places)
    weave_column(columns.wire_len, begin, end, extra.wire_len, places)
    weave_column(columns.frame_len, begin, end, extra.frame_len, places)
    weave_column(columns.frame, begin, end, extra.frame, places)
    return end + places.size
