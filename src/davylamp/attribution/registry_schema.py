"""The tables of a registry file, made from the records: one column per field, triggers that refuse all but INSERT."""

from dataclasses import fields
from typing import Any, Final, cast

from davylamp.attribution.registry_records import KIND_OF, KINDS, Fact, NetRange, Organisation

APPLICATION_ID: Final = 0x44564C52  # "DVLR", so that file(1) and this program know the file
VERSION: Final = 1
COLUMNS: Final = {kind: tuple(f.name for f in fields(record)) for kind, record in KINDS.items()}
_ADDRESSES: Final = (
    "low",
    "high",
)  # 128 bits do not fit SQLite's integers; 16 bytes compare in the same order


def schema() -> str:
    """The statements that make an empty registry."""
    parts = [
        "BEGIN;",
        f"PRAGMA application_id = {APPLICATION_ID};",
        f"PRAGMA user_version = {VERSION};",
        "CREATE TABLE batch (number INTEGER PRIMARY KEY, recorded_at_ns INTEGER NOT NULL, "
        "effective_ns INTEGER NOT NULL, layer TEXT NOT NULL CHECK (layer IN ('imported', 'declared', 'verified')), "
        "source TEXT NOT NULL CHECK (source <> ''), author TEXT NOT NULL, basis TEXT NOT NULL, digest TEXT NOT NULL);",
        _guards("batch", "number"),
        "CREATE TABLE heard (row INTEGER PRIMARY KEY AUTOINCREMENT, recorded_at_ns INTEGER NOT NULL, "
        "effective_ns INTEGER NOT NULL, layer TEXT NOT NULL, source TEXT NOT NULL, digest TEXT NOT NULL, "
        "kinds TEXT NOT NULL);",
        _guards("heard", "row"),
        "CREATE TRIGGER batch_rises BEFORE INSERT ON batch WHEN NEW.recorded_at_ns <= "
        "(SELECT MAX(recorded_at_ns) FROM batch) BEGIN SELECT RAISE(ABORT, 'record time must rise'); END;",
    ]
    for kind, record in KINDS.items():
        columns = ", ".join(f"{f.name} {_type_of(f.name, f.type)}" for f in fields(record))
        parts += [
            f"CREATE TABLE {kind} (row INTEGER PRIMARY KEY AUTOINCREMENT, "
            "batch INTEGER NOT NULL REFERENCES batch (number), thread TEXT NOT NULL, spell INTEGER NOT NULL, "
            f"is_closed INTEGER NOT NULL, is_withdrawn INTEGER NOT NULL, {columns});",
            f"CREATE INDEX {kind}_thread ON {kind} (thread, spell, batch);",
            _guards(kind, "row"),
        ]
    parts += ["CREATE INDEX range_low ON range (low, high);", "COMMIT;"]
    return "\n".join(parts)


def _type_of(name: str, kind: Any) -> str:
    if name in _ADDRESSES:
        return "BLOB NOT NULL CHECK (length(" + name + ") = 16)"
    optional = "None" in str(kind)
    return ("TEXT" if kind is str or "str" in str(kind) else "INTEGER") + ("" if optional else " NOT NULL")


def _guards(table: str, key: str) -> str:
    """Triggers that refuse to change, remove or replace a row."""
    refuse = "BEGIN SELECT RAISE(ABORT, 'a registry is only added to'); END;"
    is_there = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608 - names come from the code
    return "\n".join(
        [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {is_there} {refuse}",
        ]
    )


def to_row(fact: Fact) -> tuple[Any, ...]:
    """The values of a fact's columns."""
    values = [getattr(fact, name) for name in COLUMNS[KIND_OF[type(fact)]]]
    for place in _PLACES.get(type(fact), ()):
        values[place] = values[place].to_bytes(16, "big")
    return tuple(values)


def from_row(record: type[Any], values: tuple[Any, ...]) -> Fact:
    """The fact in a row's values."""
    made = list(values)
    for place in _PLACES.get(record, ()):
        made[place] = int.from_bytes(made[place], "big")
    if record is Organisation and made[_PUBLIC] is not None:
        made[_PUBLIC] = bool(made[_PUBLIC])
    return cast(Fact, record(*made))


_PLACES: Final[dict[type[Any], tuple[int, ...]]] = {
    NetRange: tuple(COLUMNS["range"].index(name) for name in _ADDRESSES)
}
_PUBLIC: Final = COLUMNS["organisation"].index("is_public")
