"""A small JSON Schema reader: the part of 2020-12 that ``scan.schema.json`` uses, as one function per record.

The schema is compiled once, so that a record costs function calls and no look-ups. A keyword that is not known
here stops the compilation: it must not pass silently.
"""

import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from davylamp.report import machine
from davylamp.report.plain import shorten

Check = Callable[[Any, str], Iterator[str]]
"""Gives the faults of a value at a place, as ``place: what is wrong``."""

_KNOWN: Final = {
    "$ref", "type", "enum", "const", "minimum", "maximum", "minLength", "pattern", "properties",
    "required", "additionalProperties", "items", "minItems", "maxItems", "anyOf", "description", "title",
}  # fmt: skip
_MOST_INT: Final = 2**63 - 1


@cache
def record_check(kind: str) -> Check:
    """The check of one of the schema's ``$defs``: ``session``, ``sighting``."""
    return _compile(machine.schema()["$defs"][kind])


def _compile(node: dict[str, Any]) -> Check:
    unknown = set(node) - _KNOWN
    if unknown:
        raise NotImplementedError(f"scan.schema.json uses {sorted(unknown)}, which the lake does not check")
    checks: list[Check] = []
    if "$ref" in node:
        checks.append(record_check(node["$ref"].removeprefix("#/$defs/")))
    if "anyOf" in node:
        checks.append(_any_of([_compile(part) for part in node["anyOf"]]))
    if "enum" in node or "const" in node:
        checks.append(_one_of(node.get("enum", [node.get("const")])))
    if "type" in node:
        checks.append(_typed(node["type"]))
    checks += [_BOUNDS[word](node[word]) for word in node if word in _BOUNDS]
    if "items" in node:
        checks.append(_each(_compile(node["items"])))
    if "properties" in node:
        checks.append(_object(node))
    return checks[0] if len(checks) == 1 else _all_of(checks)


def _all_of(checks: list[Check]) -> Check:
    def check(value: Any, place: str) -> Iterator[str]:
        for one in checks:
            said = False
            for fault in one(value, place):
                said = True
                yield fault
            if said:
                return  # a value of the wrong type would be blamed again by every bound

    return check


def _any_of(checks: list[Check]) -> Check:
    def check(value: Any, place: str) -> Iterator[str]:
        faults = [list(one(value, place)) for one in checks]
        if all(faults):
            yield from faults[0]

    return check


def _one_of(allowed: list[Any]) -> Check:
    def check(value: Any, place: str) -> Iterator[str]:
        if not any(value == a and isinstance(value, bool) == isinstance(a, bool) for a in allowed):
            words = ", ".join(str(a) for a in allowed)
            yield f"{place}: {_shown(value)} is none of {words}"

    return check


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "integer": lambda v: is_whole(v) and abs(v) <= _MOST_INT,
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v),
}


def is_whole(value: Any) -> bool:
    """Whether JSON Schema calls it an integer: 3 and 3.0, not true."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _typed(kinds: str | list[str]) -> Check:
    names = [kinds] if isinstance(kinds, str) else kinds
    tests = [_TYPES[name] for name in names]
    words = " or ".join(names)

    def check(value: Any, place: str) -> Iterator[str]:
        if not any(test(value) for test in tests):
            yield f"{place}: {_shown(value)} is not {words}"

    return check


def _bound(holds: Callable[[Any], bool], words: str) -> Check:
    def check(value: Any, place: str) -> Iterator[str]:
        if value is not None and not holds(value):
            yield f"{place}: {_shown(value)} is {words}"

    return check


_BOUNDS: Final[dict[str, Callable[[Any], Check]]] = {
    "minimum": lambda low: _bound(lambda v: v >= low, f"below {low}"),
    "maximum": lambda high: _bound(lambda v: v <= high, f"above {high}"),
    "minLength": lambda low: _bound(lambda v: len(v) >= low, f"shorter than {low}"),
    "minItems": lambda low: _bound(lambda v: len(v) >= low, f"shorter than {low}"),
    "maxItems": lambda high: _bound(lambda v: len(v) <= high, f"longer than {high}"),
    "pattern": lambda text: _bound(lambda v: re.search(text, v) is not None, f"not of the form {text}"),
}


def _each(one: Check) -> Check:
    def check(value: Any, place: str) -> Iterator[str]:
        if value is not None:
            for at, item in enumerate(value):
                yield from one(item, f"{place}[{at}]")

    return check


def _object(node: dict[str, Any]) -> Check:
    inner = {name: _compile(part) for name, part in node["properties"].items()}
    required = frozenset(node.get("required", ()))
    is_closed = node.get("additionalProperties") is False

    def check(value: Any, place: str) -> Iterator[str]:
        for name in sorted(required - value.keys()):
            yield f"{place}.{name}: missing"
        for name, item in value.items():
            one = inner.get(name)
            if one is not None:
                yield from one(item, f"{place}.{name}")
            elif is_closed:
                yield f"{place}: the field {_shown(name)} is not known"

    return check


def _shown(value: Any) -> str:
    """A value as an error line shows it: short, and nothing in it that a terminal obeys."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return shorten(repr(value), 60)
