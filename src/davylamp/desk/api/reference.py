"""The OpenAPI document as chapters of plain text, for the page."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def coded(text: str) -> SafeString:
    """Plain text, what stands in backticks as code."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", p) if n % 2 else p,) for n, p in parts)
    )


@dataclass(slots=True)
class Field:
    """A parameter, or a field of a body or an answer."""

    name: str
    type: str
    words: SafeString
    is_required: bool = False


@dataclass(slots=True)
class Operation:
    """One method at one address."""

    method: str
    path: str
    key: str
    words: list[SafeString]
    scopes: list[str]
    parameters: list[Field]
    body: list[Field]
    body_words: SafeString
    answer: list[Field]
    errors: list[tuple[str, str]]


@dataclass(slots=True)
class Chapter:
    """The operations of one tag."""

    name: str
    operations: list[Operation] = field(default_factory=list)


def chapters(document: dict[str, Any]) -> list[Chapter]:
    """All operations by tag, in the document's order."""
    found: dict[str, Chapter] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            name = (told.get("tags") or ["other"])[0]
            found.setdefault(name, Chapter(name)).operations.append(_operation(document, path, method, told))
    return list(found.values())


def _operation(document: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> Operation:
    body = told.get("requestBody", {})
    good = told["responses"].get(200) or told["responses"].get("200") or {}
    errors = [
        (str(status), one.get("description", ""))
        for status, one in told["responses"].items()
        if str(status) != "200"
    ]
    return Operation(
        method.upper(),
        path,
        told.get("operationId", ""),
        [coded(words) for words in (told.get("description") or told.get("summary", "")).split("\n\n")],
        told.get("x-scopes", []),
        [
            Field(
                p["name"],
                _type(p.get("schema", {})),
                coded(p.get("description") or p.get("schema", {}).get("description", "")),
                p.get("required", False),
            )
            for p in told.get("parameters", [])
        ],
        _fields(document, _schema_of(body)),
        coded(body.get("description", "")),
        _fields(document, _schema_of(good)),
        sorted(errors),
    )


def _schema_of(part: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = part.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"].get(name, {}) if name else schema
    return found


def _fields(document: dict[str, Any], schema: dict[str, Any], before: str = "") -> list[Field]:
    """A schema's fields; those of an object inside follow it with its name before theirs."""
    whole = _resolved(document, schema)
    found = []
    for name, one in whole.get("properties", {}).items():
        inner = one.get("items", one)
        found.append(
            Field(
                before + name,
                _type(one),
                coded(one.get("description", "")),
                name in whole.get("required", []),
            )
        )
        deeper = _resolved(document, inner)
        if "$ref" in inner and before.count(".") < 1:
            mark = "[]." if "items" in one else "."
            found += _fields(document, deeper, f"{before}{name}{mark}")
    return found


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(s) for s in schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(v, ensure_ascii=False) for v in schema["enum"])
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}))}]"
    words = str(schema.get("type", "any"))
    return f"{words} ({schema['format']})" if "format" in schema else words
