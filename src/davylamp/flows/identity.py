"""A flow's identity: the same number whenever its packets are read, in whatever batches and by whichever meter.

It is made of the two ends, the protocol and the time of the flow's first packet, so the parts of a long flow share it,
and it needs no memory of what was read before. Within one sensor, id and part name one row.
"""

from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from davylamp.flows.layout import Rows

_FIELDS: Final = ("a_hi", "a_lo", "b_hi", "b_lo", "ports", "began_ns")
_BYTES: Final = 8 * len(_FIELDS)


def flow_ids(flows: Rows) -> NDArray[np.int64]:
    """Identities of rows (n,), 0..2^63-1; two of a hundred million flows share one by chance once in 1,800 times."""
    words = np.stack([flows[name].astype("<u8") for name in _FIELDS], axis=1)
    data = words.tobytes()
    hashes = (blake2b(data[at : at + _BYTES], digest_size=8).digest() for at in range(0, len(data), _BYTES))
    return np.fromiter((int.from_bytes(h, "little") >> 1 for h in hashes), np.int64, flows.size)
