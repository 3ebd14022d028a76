"""The determination (定性): a worksheet of indicators, in editions. An edition in effect is never edited."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel
from davylamp.desk.cases.models.case import Case, InCase, Label
from davylamp.desk.cases.models.evidence import EvidenceItem


class Determination(InCase, AuditedModel):
    """One edition. Drafted by one person, reviewed by another, in effect after that, superseded by the next."""

    class State(models.TextChoices):
        """Where an edition stands."""

        DRAFT = "draft", _("preliminary")  # 初步
        SUBMITTED = "submitted", _("awaiting review")  # 复核
        EFFECTIVE = "effective", _("in effect")  # 生效
        RETURNED = "returned", _("returned by the reviewer")
        SUPERSEDED = "superseded", _("superseded")  # 变更

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="determinations")
    edition = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    label = models.CharField(max_length=16, choices=Label.choices)
    reasoning = models.TextField()
    is_equipment = models.BooleanField(default=False)  # whether mining equipment is found
    equipment_exception = models.TextField(
        blank=True
    )  # why device, software and pool record are not all there
    score = models.JSONField(default=dict)  # label to points, as shown when it was submitted
    replaces = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    because_of = models.ForeignKey(
        "cases.Objection", null=True, blank=True, on_delete=models.PROTECT, related_name="editions"
    )
    is_relabel = models.BooleanField(default=False)  # its label differs from that of the edition it replaced
    drafted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField(auto_now_add=True)
    reviewed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_note = models.TextField(blank=True)

    class Meta:
        """One in effect at a time."""

        ordering: ClassVar = ["case", "edition"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "edition"], name="determination_edition"),
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(state="effective"), name="one_determination_in_effect"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} v{self.edition}"


class Mark(InCase, AuditedModel):
    """One indicator that applies, with the evidence that shows it; taken back, it stays with the reason."""

    determination = models.ForeignKey(Determination, on_delete=models.PROTECT, related_name="marks")
    indicator = models.CharField(max_length=40)  # key of the table of indicators
    toward = models.CharField(max_length=16, choices=Label.choices)
    weight = models.FloatField()  # as the table said at the time
    evidence = models.ForeignKey(EvidenceItem, on_delete=models.PROTECT, related_name="marks")
    note = models.TextField(blank=True)
    marked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    taken_back = models.CharField(max_length=300, blank=True)

    class Meta:
        """An item supports an indicator once."""

        ordering: ClassVar = ["toward", "indicator", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["determination", "indicator", "evidence"],
                condition=models.Q(taken_back=""),
                name="mark_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.determination} {self.indicator}"


class Objection(InCase, ImmutableModel):
    """What the organisation says against a determination (申辩)."""

    determination = models.ForeignKey(Determination, on_delete=models.PROTECT, related_name="objections")
    raised_by = models.CharField(max_length=200)  # who spoke for the organisation
    received_at = models.DateTimeField()
    text = models.TextField()
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["received_at", "id"]

    def __str__(self) -> str:
        return f"{self.determination} ←"
