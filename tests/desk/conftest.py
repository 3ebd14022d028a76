"""Every desk test may use the database, and acts as the tests unless it says otherwise."""

import pytest
from django.utils import translation

from davylamp.desk.audit.context import acting
from desk.people import TESTER


@pytest.fixture(autouse=True)
def _desk(db):
    with acting(TESTER):
        yield


@pytest.fixture
def in_english():
    """Messages as the code writes them, whatever the desk's own language is."""
    with translation.override("en"):
        yield
