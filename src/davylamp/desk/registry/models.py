"""Organisations as the desk shows them today; their history stands in the registry's facts."""

from typing import ClassVar

from django.db import models

from davylamp.desk.audit.models import AuditedModel


class Organisation(AuditedModel):
    """An organisation (单位) as it is now: the projection of the registry's latest facts."""

    code = models.CharField(max_length=64, unique=True)  # unified social credit code, or the office's own key
    name = models.CharField(max_length=200, db_index=True)
    region_code = models.CharField(max_length=6, db_index=True)
    sector = models.CharField(max_length=64, blank=True)
    is_public = models.BooleanField(null=True)
    department = models.CharField(max_length=200, blank=True)  # competent department (主管部门)
    parent_code = models.CharField(max_length=64, blank=True, db_index=True)  # 隶属
    successor_code = models.CharField(max_length=64, blank=True)  # after a merger

    class Meta:
        """By name."""

        ordering: ClassVar = ["region_code", "code"]

    def __str__(self) -> str:
        return self.name

    @property
    def organisation_code(self) -> str:
        """Its own code, under the name that the policy asks for."""
        return self.code
