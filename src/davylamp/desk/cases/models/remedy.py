"""Rectification (整改), recheck (复查), and what sensors could see meanwhile."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import Clearance, User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel
from davylamp.desk.cases.models.case import Case, InCase
from davylamp.desk.cases.models.evidence import EvidenceItem


class Rectification(AuditedModel):
    """What an organisation must do by when. Once issued, it is the one part of a case that its contact reads."""

    class State(models.TextChoices):
        """Where it stands."""

        DRAFT = "draft", _("draft")
        ISSUED = "issued", _("issued")
        REPORTED = "reported", _("reported as done")
        ACCEPTED = "accepted", _("accepted")
        WITHDRAWN = "withdrawn", _("withdrawn")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="rectifications")
    number = models.CharField(max_length=16, unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    organisation_code = models.CharField(max_length=64, db_index=True)
    region_code = models.CharField(max_length=6)
    classification = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)
    finding = models.TextField()  # what the organisation is told was found
    measures = models.JSONField(default=list)  # sentences
    due_at = models.DateTimeField(db_index=True)
    drafted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    issued_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(null=True, blank=True)
    reported_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField(null=True, blank=True)
    done_by = models.CharField(max_length=200, blank=True)  # who did it, in the organisation's words
    done_at = models.DateTimeField(null=True, blank=True)
    report = models.TextField(blank=True)
    snapshot_before = models.ForeignKey(
        EvidenceItem, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    no_snapshot_because = models.CharField(max_length=300, blank=True)
    proof_sha256 = models.CharField(max_length=64, blank=True)
    proof_name = models.CharField(max_length=255, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    returned_because = models.TextField(blank=True)

    class Meta:
        """By deadline."""

        ordering: ClassVar = ["due_at", "number"]

    def __str__(self) -> str:
        return self.number


class Recheck(InCase, ImmutableModel):
    """One recheck: a visit by someone else, or quiet days with proven coverage."""

    class Kind(models.TextChoices):
        """How it was checked."""

        VISIT = "visit", _("visit")
        QUIET = "quiet", _("quiet days with coverage")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="rechecks")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    is_clean = models.BooleanField()
    checked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField()
    text = models.TextField()
    evidence = models.ForeignKey(
        EvidenceItem, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    quiet_from = models.DateTimeField(null=True, blank=True)
    quiet_to = models.DateTimeField(null=True, blank=True)
    coverage = models.JSONField(default=list)  # per address: sensor, from, to as relied on

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["checked_at", "id"]

    def __str__(self) -> str:
        return f"{self.case} {self.kind}"


class CoverageInterval(ImmutableModel):
    """What one sensor could see of one network, and when. It comes in once per source reference."""

    source = models.CharField(max_length=64)
    source_ref = models.CharField(max_length=128)
    sensor = models.CharField(max_length=64, db_index=True)
    network = models.CharField(max_length=49)  # prefix that it covers
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    seen_share = models.FloatField()  # of the network's traffic that passes the sensor, 0..1
    sampling = models.PositiveIntegerField(default=1)  # one packet in so many
    dropped_share = models.FloatField()  # of what passed it, 0..1
    region_code = models.CharField(max_length=6, blank=True)
    batch = models.CharField(max_length=64, blank=True)  # of the delivery that it came with
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Idempotent."""

        ordering: ClassVar = ["starts_at", "sensor"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "source_ref"], name="coverage_comes_in_once"),
            models.CheckConstraint(
                name="coverage_runs_forward", condition=models.Q(ends_at__gt=models.F("starts_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sensor} {self.network} {self.starts_at:%Y-%m-%d %H:%M}"
