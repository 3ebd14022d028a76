"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("documents", "0001_initial")]
    operations: ClassVar = [
        guard("documents_document", "documents_templatechange", immutable=True),
        guard("documents_numberseries"),
    ]
