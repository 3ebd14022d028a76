"""The database refuses what may never happen: tables that the last migration made anew on SQLite."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("leads", "0005_told_times")]
    operations: ClassVar = [guard("leads_attribution", immutable=True), guard("leads_intake")]
