"""One typed door to compiled kernels: strict for the type checker, compiled once, kept on disk.

A `kernel` is compiled by numba when it is first called with arguments of one shape, and kept as plain object code
(`davylamp.kernel_store`). A process that finds it there runs it without importing numba, which alone would take
longer than scanning 300 MB. Helpers (`inline`, `fused`) stay Python functions until a kernel that calls them is
compiled. With ``DAVYLAMP_BOUNDSCHECK=1`` in the environment every kernel checks its array indexes; a checked build is
kept nowhere, so it can never be mistaken for the fast one.

A kernel takes whole numbers, truth values, C-contiguous arrays, single records of structured arrays, and named
tuples of these; it returns a whole number or a named tuple of them. Arrays arrive without an owner, so a kernel
spends nothing on counting references; the caller keeps them alive, as Python does for arguments.
"""

import functools
import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, cast

import numpy as np

from davylamp.errors import BadUse

_P = ParamSpec("_P")
_R = TypeVar("_R")

BOUNDS_CHECKED: Final = os.environ.get("DAVYLAMP_BOUNDSCHECK", "") == "1"
RESULT_WORDS: Final = 8  # judged: at the front of a block; the largest result has three


class Helper:
    """A function that kernels call, compiled as part of each of them.

    Args:
        function: the function.
        forced: inline it whatever its size.
    """

    def __init__(self, function: Callable[..., Any], forced: bool) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.forced = forced

    @functools.cached_property
    def compiled(self) -> Any:
        """The numba function."""
        from davylamp import kernel_build

        body = kernel_build.prefetching if self.function is _prefetch else self.function
        return kernel_build.compile_helper(body, self.forced)

    def __call__(self, *arguments: Any) -> Any:
        """Call it from Python, as tests do."""
        return self.compiled(*arguments)


class Leaf(NamedTuple):
    """One array, record or number among a kernel's arguments: where it goes and what it must be."""

    slot: int  # its first word in the block
    dtype: np.dtype[Any] | None  # None for a number
    dimensions: int  # -1 for a record


class Native(NamedTuple):
    """A kernel compiled for one shape of arguments."""

    enter: Callable[[int], Any]  # takes the address of a block of words
    result: type[Any] | None  # a named tuple; None for a number
    leaves: tuple[tuple[Leaf, ...], ...]  # per argument
    words: int


class Kernel:
    """A function that is called from Python and runs compiled, without the interpreter's lock."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self._natives: dict[str, Native] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run it once; `prepared` makes many calls cheap."""
        return Call(self)(*arguments)

    def native_for(self, arguments: tuple[Any, ...]) -> Native:
        """The compiled kernel for arguments of this shape."""
        shape = ",".join(map(shape_of, arguments))
        native = self._natives.get(shape)
        if native is None:
            native = self._natives[shape] = self._make(shape, arguments)
        return native

    def inspect_llvm(self) -> dict[str, str]:
        """What numba made of the kernel for each shape it was called with in this process."""
        from davylamp.kernel_build import text_of

        return {shape: text_of(self.function, shape) for shape in self._natives}

    def _make(self, shape: str, arguments: tuple[Any, ...]) -> Native:
        from davylamp import kernel_store

        leaves: list[tuple[Leaf, ...]] = []
        words = RESULT_WORDS
        for argument in arguments:
            leaves.append(tuple(_leaves_of(argument, words)))
            words += sum(1 + max(leaf.dimensions, 0) for leaf in leaves[-1])
        enter = None if BOUNDS_CHECKED else kernel_store.load(self.function, shape)
        if enter is None:
            from davylamp import kernel_build

            enter = kernel_build.build(self.function, shape, arguments)
        result = self.function.__annotations__.get("return")
        return Native(enter, result if hasattr(result, "_fields") else None, tuple(leaves), words)


class Call:
    """A kernel with the arguments of its last call, which cost nothing when they come again. For one thread."""

    def __init__(self, kernel: Kernel) -> None:
        functools.update_wrapper(self, kernel.function)
        self._kernel = kernel
        self._native: Native | None = None
        self._known: list[Any] = []
        self._block: Any = None
        self._address = 0

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        if self._native is None or not self._place(self._native, arguments):
            self._native = native = self._kernel.native_for(arguments)
            self._block = np.zeros(native.words, np.int64)
            self._address = self._block.ctypes.data
            self._known = [None] * len(arguments)
            if not self._place(native, arguments):
                raise BadUse("E-KRN-001", "an array changed while its kernel was called", "lock it")
        native = self._native
        native.enter(self._address)
        if native.result is None:
            return int(self._block[0])
        return native.result(*self._block[: len(native.result._fields)].tolist())

    def _place(self, native: Native, arguments: tuple[Any, ...]) -> bool:
        """Write into the block what differs from the last call; False when the kernel is not made for it."""
        known, block = self._known, self._block
        for place, argument in enumerate(arguments):
            if argument is known[place]:
                continue
            leaves = native.leaves[place]
            if len(leaves) == 1 and leaves[0].dtype is None and not isinstance(argument, tuple):
                block[leaves[0].slot] = argument
                continue
            known[place] = None
            for leaf, value in zip(leaves, flat(argument), strict=True):
                if not _write(block, leaf, value):
                    return False
            known[place] = argument
        return True


def _write(block: Any, leaf: Leaf, value: Any) -> bool:
    slot, dtype, dimensions = leaf
    if dtype is None:
        block[slot] = value
    elif dimensions < 0:
        block[slot] = value.__array_interface__["data"][0]
    else:
        if value.dtype != dtype or value.ndim != dimensions or value.flags.num & _SOUND != _SOUND:
            return False
        block[slot] = value.__array_interface__["data"][0]
        block[slot + 1 : slot + 1 + dimensions] = value.shape
    return True


_SOUND: Final = 0x101  # numpy's flags for C-contiguous and aligned


def flat(argument: Any) -> list[Any]:
    """The arrays, records and numbers of an argument, in order."""
    if isinstance(argument, tuple):
        return [leaf for member in argument for leaf in flat(member)]
    return [argument]


def _leaves_of(argument: Any, slot: int) -> list[Leaf]:
    leaves = []
    for value in flat(argument):
        if isinstance(value, np.ndarray):
            leaves.append(Leaf(slot, value.dtype, value.ndim))
        elif isinstance(value, np.void):
            leaves.append(Leaf(slot, value.dtype, -1))
        else:
            leaves.append(Leaf(slot, None, 0))
        slot += 1 + max(leaves[-1].dimensions, 0)
    return leaves


def shape_of(argument: Any) -> str:
    """A text that is the same for arguments that one compiled kernel can take.

    Raises:
        BadUse: E-KRN-002, an argument that no kernel can take.
    """
    if isinstance(argument, tuple):
        return f"{type(argument).__qualname__}({','.join(map(shape_of, argument))})"
    if isinstance(argument, bool | np.bool_):
        return "b"
    if isinstance(argument, int | np.integer):
        return "i"
    if isinstance(argument, np.ndarray) and argument.flags.num & _SOUND == _SOUND:
        return f"[{argument.ndim}{_dtype_text(argument.dtype)}]"
    if isinstance(argument, np.void):
        return f"<{_dtype_text(argument.dtype)}>"
    raise BadUse("E-KRN-002", f"no kernel takes a {type(argument).__name__} like this", "see davylamp.kernel")


@functools.cache
def _dtype_text(dtype: np.dtype[Any]) -> str:
    return f"{dtype.descr}/{dtype.itemsize}" if dtype.fields else dtype.str


def _prefetch(rows: Any, row: Any, byte: Any) -> None:
    """Call the cache line near that holds a row's given byte; reads and changes nothing, not even out of bounds."""


prefetch: Callable[[Any, Any, Any], None] = Helper(_prefetch, forced=True)


def kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A kernel: compiled, without the interpreter's lock, called by position.

    The compiled function keeps the Python signature for the type checker.
    """
    return cast(Callable[_P, _R], Kernel(function))


def prepared(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A kernel for many calls by one owner: it keeps its last arguments, and alive, so that they cost nothing again.

    Not for several threads at a time.
    """
    return cast(Callable[_P, _R], Call(cast(Kernel, function)))


def inline(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A small helper that only kernels call; LLVM inlines it into its callers."""
    return cast(Callable[_P, _R], Helper(function, forced=False))


def fused(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Like `inline`, but inlined whatever its size: for helpers that pass tuples of arrays along.

    A call that LLVM does not inline copies every array's header (measured: the metering kernel runs
    0.6 M packets/s with calls). Not for recursion, nor for large helpers called from many places.
    """
    return cast(Callable[_P, _R], Helper(function, forced=True))
