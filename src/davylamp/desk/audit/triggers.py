"""Triggers by which the database itself refuses: DELETE on what is audited, UPDATE on what never changes.

Whoever owns the database can drop a trigger. Then the chain and its checkpoints elsewhere tell.

SQLite makes a table anew when a migration changes its columns, and its triggers go with the old one: guard the table
again in the same migration or the next. Guarding twice is as once; a test looks at every table.
"""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_FUNCTION = """
CREATE OR REPLACE FUNCTION davylamp_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'E-AUD-007: % on % is refused', TG_OP, TG_TABLE_NAME; END $$
"""


def guard(*tables: str, immutable: bool = False) -> migrations.RunPython:
    """A migration step: refuse DELETE on tables, and UPDATE where they are immutable."""
    verbs = ("DELETE", "UPDATE") if immutable else ("DELETE",)

    def forward(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
        for table in tables:
            for statement in statements(editor.connection.vendor, table, verbs):
                editor.execute(statement, params=None)

    def backward(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
        for table in tables:
            for verb in (*verbs, "TRUNCATE"):
                if editor.connection.vendor == "postgresql":
                    editor.execute(f"DROP TRIGGER IF EXISTS {name_of(table, verb)} ON {table}", params=None)
                elif verb != "TRUNCATE":
                    editor.execute(f"DROP TRIGGER IF EXISTS {name_of(table, verb)}", params=None)

    return migrations.RunPython(forward, backward)


def name_of(table: str, verb: str) -> str:
    """The trigger's name."""
    return f"{table}_no_{verb.lower()}"


def statements(vendor: str, table: str, verbs: tuple[str, ...]) -> list[str]:
    """The SQL that makes the triggers of one table."""
    if vendor == "postgresql":
        made = [_FUNCTION]
        for verb in (*verbs, "TRUNCATE"):
            each = "STATEMENT" if verb == "TRUNCATE" else "ROW"
            made.append(f"DROP TRIGGER IF EXISTS {name_of(table, verb)} ON {table}")
            made.append(
                f"CREATE TRIGGER {name_of(table, verb)} BEFORE {verb} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION davylamp_refuse()"
            )
        return made
    return [
        f"CREATE TRIGGER IF NOT EXISTS {name_of(table, verb)} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'E-AUD-007: {verb} on {table} is refused'); END"
        for verb in verbs
    ]
