"""The stores that the registry's suite runs on: the lamp's file, and the desk's database."""

from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def file_store():
    """An empty registry in memory."""
    from davylamp.attribution.registry import Registry

    with Registry(Path(":memory:"), create=True) as made:
        yield made


@contextmanager
def desk_store():
    """The desk's registry, which is empty again afterwards."""
    from django.db import transaction

    from davylamp.desk.audit.context import acting
    from davylamp.desk.registry.store import DeskStore
    from desk.people import TESTER

    with acting(TESTER), transaction.atomic():
        yield DeskStore()
        transaction.set_rollback(True)


STORES = [
    pytest.param(file_store, id="file"),
    pytest.param(desk_store, id="desk", marks=pytest.mark.django_db),
]
