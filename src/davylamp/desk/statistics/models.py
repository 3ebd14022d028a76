"""Published figures: frozen, each revision with its reason (invariant 19)."""

from typing import ClassVar

from django.db import models

from davylamp.desk.access.models import User
from davylamp.desk.audit.models import ImmutableModel


class Statistic(ImmutableModel):
    """One published set of figures (统计口径): definition, region, as-of time, revision, and the cells as they were."""

    definition = models.CharField(max_length=32)  # of `figures.DEFINITIONS`
    region_code = models.CharField(max_length=6)
    as_of = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=500, blank=True)  # of a revision; empty for the first
    cells = models.JSONField()  # of `figures.Cell`
    published_at = models.DateTimeField(auto_now_add=True)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="statistics")

    class Meta:
        """Newest first; a revision stands once."""

        ordering: ClassVar = ["-as_of", "-revision"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["definition", "region_code", "as_of", "revision"], name="statistic_revision_once"
            ),
            models.CheckConstraint(
                name="statistic_revision_has_reason",
                condition=models.Q(revision=1) | ~models.Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.region_code} {self.as_of:%Y-%m-%d} r{self.revision}"
