"""A step that is wrong on purpose: the change in one transaction, its audit row in another."""

from django.db import connection, transaction

from davylamp.desk.audit.record import record
from davylamp.desk.registry.models import Organisation
from desk.people import organisation


def prepare():
    """One organisation."""
    organisation("ORG1")


def careless():
    one = Organisation.objects.get(code="ORG1")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE registry_organisation SET name = 'new', version = 2 WHERE code = 'ORG1'")
    with transaction.atomic():
        record("organisation.change", one, {"name": [one.name, "new"]})


STEPS = [("careless", careless)]
