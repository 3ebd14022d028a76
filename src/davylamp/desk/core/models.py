"""Views of a table that a person keeps under a name; days of the working calendar that an office announced."""

from typing import ClassVar

from django.db import models

from davylamp.desk.access.models import User
from davylamp.desk.audit.models import AuditedModel


class SavedView(AuditedModel):
    """A table's filters, order and columns under a name: the query of its address, nothing of its rows."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="saved_views")
    screen = models.CharField(max_length=32)  # name of the page's address
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """By name; a name stands once per person and screen."""

        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "screen", "name"],
                condition=models.Q(removed_at=None),
                name="saved_view_once",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CalendarYear(AuditedModel):
    """A year whose holidays are entered whole: deadlines may run into it."""

    year = models.PositiveSmallIntegerField(unique=True)
    basis = models.CharField(max_length=200)  # the State Council's notice, by its number

    class Meta:
        """By year."""

        ordering: ClassVar = ["year"]

    def __str__(self) -> str:
        return str(self.year)


class CalendarDay(AuditedModel):
    """A day that differs from its weekday: a holiday (放假), or a weekend day that is worked (调休上班)."""

    day = models.DateField(unique=True)
    is_working = models.BooleanField()
    name = models.CharField(max_length=60, blank=True)
    basis = models.CharField(max_length=200)

    class Meta:
        """By date."""

        ordering: ClassVar = ["day"]

    def __str__(self) -> str:
        return self.day.isoformat()
