"""Views of a table that a person keeps under a name."""

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
