"""Compiling kernels with numba; imported only when one is not kept on disk.

A kernel is wrapped into an entry that takes one address: of a block of words with the results in front and, behind
them, each array's address and shape, each number, each record's address (`davylamp.kernel.Native`).
"""

import contextlib
import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import numba
import numpy as np
from numba.core import types as _types
from numba.extending import intrinsic, typeof_impl
from numba.np import arrayobj as _arrayobj
from numba.np import numpy_support

from davylamp import kernel_store
from davylamp.kernel import BOUNDS_CHECKED, RESULT_WORDS, Helper

arrayobj: Any = _arrayobj
ir: Any = importlib.import_module("llvmlite.ir")
types: Any = _types  # numba ships partial types that strict checking cannot use
_LIBC: Final = frozenset(
    {"memcpy", "memmove", "memset"}
)  # what LLVM may call by itself; every process has them

_texts: dict[tuple[Any, str], str] = {}


@typeof_impl.register(Helper)
def _type_of_helper(helper: Helper, context: Any) -> Any:
    """A helper stands for its compiled function where a kernel names it."""
    return typeof_impl(helper.compiled, context)


def compile_helper(function: Callable[..., Any], forced: bool) -> Any:
    """A numba function for use inside kernels."""
    options: Any = {"boundscheck": BOUNDS_CHECKED, "error_model": "numpy"}
    if forced:
        options["forceinline"] = True
    return numba.njit(nogil=True, **options)(function)


def text_of(function: Callable[..., Any], shape: str) -> str:
    """LLVM's text of a kernel that was compiled in this process; empty for one that came from disk."""
    return _texts.get((function, shape), "")


def build(function: Callable[..., Any], shape: str, arguments: tuple[Any, ...]) -> Callable[[int], Any]:
    """Compile a kernel for arguments like these and keep it.

    A checked build, and one that needs more of numba at run time than object code can carry, runs inside numba
    and is not kept.
    """
    if not BOUNDS_CHECKED:
        name, code = object_code(_compile(function, shape, arguments, is_bare=True))
        if code:
            kernel_store.save(function, shape, name, code)
            return kernel_store.link(name, code)
    inside: Callable[[int], Any] = _compile(function, shape, arguments, is_bare=False)
    return inside


def _compile(function: Callable[..., Any], shape: str, arguments: tuple[Any, ...], is_bare: bool) -> Any:
    """The entry as a numba function, without anything that would need the interpreter when it is ``is_bare``."""
    kinds = types.Tuple([_kind_of(argument) for argument in arguments])
    inner = compile_helper(function, forced=True)
    unpack, pack = _unpack(kinds), _pack()

    def entry(block: int) -> int:
        pack(block, inner(*unpack(block)))
        return 0

    entry.__name__ = entry.__qualname__ = f"enter_{function.__name__}"
    options: Any = {"boundscheck": BOUNDS_CHECKED, "error_model": "numpy"}
    options |= {"no_cpython_wrapper": is_bare, "no_cfunc_wrapper": is_bare}
    compiled: Any = numba.njit(nogil=True, **options)(entry)
    with _plain_indexes():
        compiled.compile((types.intp,))
    _texts[function, shape] = compiled.overloads[(types.intp,)].library.get_llvm_str()
    return compiled


def object_code(compiled: Any) -> tuple[str, bytes]:
    """Name and object code of a compiled entry; no code when it would not run without numba.

    It would not when it calls anything but what LLVM brings along, or when numba keeps its code in another way than
    the one known here.
    """
    made = compiled.overloads[(types.intp,)]
    declared = re.findall(r"^declare .*?@\"?([^\"(]+)\"?\(", made.library.get_llvm_str(), re.MULTILINE)
    foreign = {name for name in declared if not name.startswith("llvm.")} - _LIBC
    try:
        _, form, (code, _) = made.library.serialize_using_object_code()
    except (AttributeError, TypeError, ValueError):
        return "", b""
    return made.fndesc.llvm_func_name, b"" if foreign or form != "object" else code


@contextlib.contextmanager
def _plain_indexes() -> Iterator[None]:
    """Meanwhile, kernels do not count negative indexes from an array's end.

    Numba spends a test and a choice on that at nearly every access. A checked build refuses such an index, so the
    tests that run one prove that there is none. A numba that has the function no more keeps its own way.
    """
    usual = getattr(arrayobj, "fix_integer_index", None)
    if usual is None:
        yield
        return

    def plain(context: Any, builder: Any, kind: Any, index: Any, _size: Any) -> Any:
        return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)

    arrayobj.fix_integer_index = plain
    try:
        yield
    finally:
        arrayobj.fix_integer_index = usual


def _kind_of(argument: Any) -> Any:
    """The numba type of an argument as a kernel sees it."""
    if isinstance(argument, tuple):
        return types.BaseTuple.from_types([_kind_of(member) for member in argument], type(argument))
    if isinstance(argument, bool | np.bool_):
        return types.boolean
    if isinstance(argument, int | np.integer):
        return types.int64
    kind = numpy_support.from_dtype(argument.dtype)
    return kind if isinstance(argument, np.void) else types.Array(kind, argument.ndim, "C")


def _unpack(kinds: Any) -> Any:
    """An intrinsic that reads arguments of these types out of a block."""

    @intrinsic
    def unpack(_typing: Any, block: Any) -> Any:
        def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            words = builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(types.intp)))
            return _read(_Reader(context, builder, words), kinds)

        return kinds(block), codegen

    return unpack


class _Reader:
    """Emits reads of one word of a block after the other."""

    def __init__(self, context: Any, builder: Any, words: Any) -> None:
        self.context, self.builder, self.words = context, builder, words
        self.at = RESULT_WORDS

    def word(self) -> Any:
        """The next word."""
        index = self.context.get_constant(types.intp, self.at)
        self.at += 1
        return self.builder.load(self.builder.gep(self.words, [index]))


def _read(reader: _Reader, kind: Any) -> Any:
    """Emit one argument's value."""
    context, builder = reader.context, reader.builder
    value_type = context.get_value_type(kind)
    if isinstance(kind, types.BaseTuple):
        return context.make_tuple(builder, kind, [_read(reader, member) for member in kind])
    if isinstance(kind, types.Array):
        return _read_array(reader, kind)
    if isinstance(kind, types.Record):
        return builder.inttoptr(reader.word(), value_type)
    word = reader.word()
    return builder.trunc(word, value_type) if kind == types.boolean else word


def _read_array(reader: _Reader, kind: Any) -> Any:
    context, builder = reader.context, reader.builder
    array = context.make_array(kind)(context, builder)
    data = builder.inttoptr(reader.word(), array.data.type)
    shape = [reader.word() for _ in range(kind.ndim)]
    size = context.get_constant(types.intp, numpy_support.as_dtype(kind.dtype).itemsize)
    strides = [size]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
    return array._getvalue()


def _pack() -> Any:
    """An intrinsic that writes a kernel's result to the front of a block."""

    @intrinsic
    def pack(_typing: Any, block: Any, result: Any) -> Any:
        def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            words = builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(types.intp)))
            is_tuple = isinstance(result, types.BaseTuple)
            members = list(result) if is_tuple else [result]
            for place, member in enumerate(members):
                value = builder.extract_value(arguments[1], place) if is_tuple else arguments[1]
                word = context.cast(builder, value, member, types.intp)
                builder.store(word, builder.gep(words, [context.get_constant(types.intp, place)]))
            return context.get_dummy_value()

        return types.void(block, result), codegen

    return pack


def _prefetch_line(_typing: Any, rows: Any, row: Any, byte: Any) -> Any:
    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        array = context.make_array(rows)(context, builder, arguments[0])
        offset = builder.add(
            builder.mul(
                context.cast(builder, arguments[1], row, types.intp),
                builder.extract_value(array.strides, 0),
            ),
            context.cast(builder, arguments[2], byte, types.intp),
        )
        place = builder.add(builder.ptrtoint(array.data, context.get_value_type(types.intp)), offset)
        address = builder.inttoptr(place, context.get_value_type(types.voidptr))
        number = context.get_value_type(types.int32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        call = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(call, [address, number(0), number(3), number(1)])  # to read, keep it, data
        return context.get_dummy_value()

    return types.void(rows, row, byte), codegen


_prefetch_intrinsic: Any = intrinsic(_prefetch_line)


def prefetching(rows: Any, row: Any, byte: Any) -> None:
    """The body of `davylamp.kernel.prefetch`."""
    _prefetch_intrinsic(rows, row, byte)
