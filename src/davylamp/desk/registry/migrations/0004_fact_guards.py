"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("registry", "0003_facts")]
    operations: ClassVar = [
        guard("registry_registrybatch", "registry_registryheard", "registry_registryfact", immutable=True),
        guard("registry_contactpoint", "registry_resourceclaim", "registry_approvedproject"),
    ]
