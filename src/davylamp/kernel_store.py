"""Compiled kernels on disk: plain object code, loaded by llvmlite, without numba.

They lie in a folder named after the sources of a kernel's room, the processor and llvmlite's version, beside this file
or in the user's cache where that cannot be written (``DAVYLAMP_KERNELS`` overrides both). Rooms do not import one
another, so a kernel's helpers are all among those sources. A file holds a checksum, the name of its entry and the
code; one that does not check out counts as absent.

The entry follows numba's calling convention, ``int32 entry(int64 *result, void **exception, int64 block)``, in which
its compiled functions call one another.
"""

import ctypes
import functools
import hashlib
import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from davylamp.errors import BadUse

PACKAGE: Final = Path(__file__).parent
_CHECKSUM_BYTES: Final = 32

Enter = Callable[[int], None]


@functools.cache
def folder(room: Path) -> Path:
    """Where compiled kernels of exactly a room's present sources, for this processor, are kept."""
    llvmlite = _llvmlite()
    digest = hashlib.sha256()
    for path in sorted([*room.glob("*.py"), PACKAGE / "records.py", *PACKAGE.glob("kernel*.py")]):
        digest.update(path.read_bytes())
    features = llvmlite.binding.get_host_cpu_features().flatten()
    machine = (llvmlite.__version__, llvmlite.binding.get_host_cpu_name(), features)
    digest.update("/".join(machine).encode())
    return _home() / f"kernels-{digest.hexdigest()[:16]}"


def _home() -> Path:
    chosen = os.environ.get("DAVYLAMP_KERNELS")
    beside = PACKAGE / "__pycache__"
    if chosen:
        return Path(chosen)
    if os.access(beside if beside.exists() else PACKAGE, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "davylamp"


def place_of(function: Callable[..., Any], shape: str) -> Path:
    """The file for one kernel and one shape of arguments."""
    digest = hashlib.sha256(shape.encode()).hexdigest()[:12]
    room = Path(function.__code__.co_filename).parent
    return folder(room) / f"{function.__module__}.{function.__qualname__}-{digest}.kernel"


def save(function: Callable[..., Any], shape: str, entry: str, code: bytes) -> None:
    """Keep a kernel, if there is a place for it; another process may do the same at the same time."""
    content = len(entry).to_bytes(4, "little") + entry.encode() + code
    place = place_of(function, shape)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(file.name, place)
    except OSError:
        return  # a full or read-only disk costs the next process a compilation, nothing else


def load(function: Callable[..., Any], shape: str) -> Enter | None:
    """The kernel for this shape of arguments, if it is kept."""
    try:
        data = place_of(function, shape).read_bytes()
    except OSError:
        return None
    content = data[_CHECKSUM_BYTES:]
    if hashlib.sha256(content).digest() != data[:_CHECKSUM_BYTES]:
        return None
    size = int.from_bytes(content[:4], "little")
    return link(content[4 : 4 + size].decode(), content[4 + size :])


def link(entry: str, code: bytes) -> Enter:
    """Make object code callable.

    Raises:
        BadUse: E-KRN-003 at a call, the kernel raised an exception.
    """
    binding = _llvmlite().binding
    engine = _new_engine(binding)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    call = prototype(engine.get_function_address(entry))
    result, exception = ctypes.c_int64(), ctypes.c_void_p()
    where = ctypes.addressof(result), ctypes.addressof(exception)

    def enter(block: int, _keep: tuple[Any, ...] = (engine, result, exception)) -> None:
        if call(*where, block):
            raise BadUse("E-KRN-003", f"kernel {entry} failed", "run it with DAVYLAMP_BOUNDSCHECK=1")

    return enter


def _llvmlite() -> Any:
    """The package, which ships no types that strict checking could use."""
    importlib.import_module("llvmlite.binding")
    return importlib.import_module("llvmlite")


def _new_engine(binding: Any) -> Any:
    """An LLVM execution engine of its own, as numba configures its own for just-in-time code."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_triple(binding.get_process_triple())
    machine = target.create_target_machine(opt=3, reloc="default", codemodel="jitdefault", jit=True)
    return binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
