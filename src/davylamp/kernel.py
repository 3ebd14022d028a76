"""One typed door to numba, so that kernels are strict for the type checker and cached on disk.

A kernel is compiled once and kept on disk, in a folder named after the sources of all kernels: numba itself looks
only at the entry module and would go on running old helpers. The folder stands beside this file, or in the user's
cache where that cannot be written (``NUMBA_CACHE_DIR`` overrides both). With ``DAVYLAMP_BOUNDSCHECK=1`` in the
environment every kernel checks its array indexes; a checked build is kept nowhere, so it can never be mistaken for
the fast one.

A kernel is slow to load relative to how fast it runs (tens of milliseconds each): prefer one entry point
that calls small helpers over many entry points.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
from numba.core import cgutils as _cgutils
from numba.core import types
from numba.extending import intrinsic

cgutils: Any = _cgutils  # numba ships partial types that strict checking cannot use
_P = ParamSpec("_P")
_R = TypeVar("_R")

BOUNDS_CHECKED: Final = os.environ.get("DAVYLAMP_BOUNDSCHECK", "") == "1"
PACKAGE: Final = Path(__file__).parent
ROOMS: Final = ("capture", "flows")  # where kernels and their helpers live


def cache_folder() -> Path:
    """Where compiled kernels of exactly these sources are kept."""
    digest = hashlib.sha256()
    sources = [p for room in ROOMS for p in (PACKAGE / room).glob("*.py")]
    for path in sorted([*sources, PACKAGE / "records.py", Path(__file__)]):
        digest.update(path.read_bytes())
    beside = PACKAGE / "__pycache__"
    if os.access(beside if beside.exists() else PACKAGE, os.W_OK):
        home = beside
    else:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "davylamp"
    return home / f"kernels-{digest.hexdigest()[:16]}"


if "NUMBA_CACHE_DIR" not in os.environ:
    numba_settings: Any = numba.config  # a module whose settings are set at run time
    numba_settings.CACHE_DIR = str(cache_folder())


def kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile ``function`` with numba in nopython mode, releasing the GIL.

    The compiled function keeps the Python signature for the type checker.
    """
    compiled = numba.njit(
        cache=not BOUNDS_CHECKED, nogil=True, boundscheck=BOUNDS_CHECKED, error_model="numpy"
    )(function)
    return cast(Callable[_P, _R], compiled)


def inline(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a small helper that only kernels call; LLVM inlines it into its callers.

    Helpers are not cached themselves: their callers' caches contain them.
    """
    compiled = numba.njit(nogil=True, boundscheck=BOUNDS_CHECKED, error_model="numpy")(function)
    return cast(Callable[_P, _R], compiled)


def fused(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Like `inline`, but inlined whatever its size: for helpers that pass tuples of arrays along.

    A call that LLVM does not inline copies every array's header (measured: the metering kernel runs
    0.6 M packets/s with calls). Not for recursion, nor for large helpers called from many places.
    """
    compiled = numba.njit(nogil=True, boundscheck=BOUNDS_CHECKED, error_model="numpy", forceinline=True)(
        function
    )
    return cast(Callable[_P, _R], compiled)


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The same arrays, at any depth of tuples, without the owner that would be counted."""
    if isinstance(kind, types.BaseTuple):
        members: Any = kind
        for place, member in enumerate(members):
            inner = _without_owner(context, builder, member, builder.extract_value(value, place))
            value = builder.insert_value(value, inner, place)
    elif isinstance(kind, types.Array):
        array = cgutils.create_struct_proxy(kind)(context, builder, value=value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        value = array._getvalue()
    return value


def _borrow(_typing: Any, arrays: Any) -> Any:
    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _without_owner(context, builder, arrays, arguments[0])

    return arrays(arrays), codegen


_borrow_intrinsic: Any = intrinsic(_borrow)


@inline
def borrow(arrays: _R) -> _R:
    """An array or a tuple of arrays, without reference counts, for use inside the kernel that received it.

    A kernel that passes tuples of arrays to many helpers spends most of its time counting references
    (measured: the metering kernel runs 0.3 M packets/s with counts). The caller keeps the arrays alive for
    the duration of the call; a borrowed array must not be returned.
    """
    borrowed: _R = _borrow_intrinsic(arrays)
    return borrowed
