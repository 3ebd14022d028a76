"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("access", "0001_initial")]
    operations: ClassVar = [
        guard("access_user", "access_posting", "access_recusal", "access_token"),
    ]
