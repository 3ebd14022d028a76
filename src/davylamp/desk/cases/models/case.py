"""The case (案件), what is believed of it, and what is to be done."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import Clearance, User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel
from davylamp.desk.leads.models import Lead, Severity


class CaseState(models.TextChoices):
    """Where a case stands; the names are those of its leads' states."""

    VERIFYING = "verifying", _("being verified")  # 核查中
    DETERMINED = "determined", _("determined")  # 定性
    RECTIFYING = "rectifying", _("being rectified")  # 整改中
    RECHECK = "recheck", _("awaiting recheck")  # 待复查
    CLOSED = "closed", _("closed")  # 销号


OPEN_CASE: frozenset[str] = frozenset(CaseState.values) - {CaseState.CLOSED.value}


class Label(models.TextChoices):
    """What a case is found to be (定性)."""

    ACTIVE = "active", _("active mining")  # 主动挖矿
    PASSIVE = "passive", _("passive mining (infected)")  # 被动挖矿
    RESEARCH = "research", _("registered research")  # 科研备案
    FALSE_ALARM = "false_alarm", _("false alarm")  # 误报
    UNDETERMINED = "undetermined", _("cannot be determined")  # 无法认定


class InCase:
    """A part of a case: whoever audits the case's region may read of it in the audit."""

    def audit_region(self) -> str:
        """The region of the case."""
        for name in ("case", "hypothesis", "item", "determination", "person"):
            if hasattr(type(self), name):
                return str(getattr(self, name).audit_region())
        return ""


class Case(AuditedModel):
    """One organisation's mining, from its leads to its closing. Its number is drawn and tells of no other case."""

    number = models.CharField(max_length=16, unique=True)
    title = models.CharField(max_length=200)
    state = models.CharField(
        max_length=16, choices=CaseState.choices, default=CaseState.VERIFYING, db_index=True
    )
    state_since = models.DateTimeField()
    label = models.CharField(
        max_length=16, choices=Label.choices, blank=True
    )  # of the determination in effect
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.MEDIUM)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    organisation_code = models.CharField(max_length=64, db_index=True)
    organisation_name = models.CharField(max_length=200, blank=True)  # as it was when the case was opened
    region_code = models.CharField(max_length=6, db_index=True)
    sector = models.CharField(max_length=64, blank=True)
    classification = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="opened_cases"
    )
    assigned_to = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="cases"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_ground = models.CharField(max_length=300, blank=True)
    may_contact_be_involved = models.BooleanField(null=True)  # None: nobody asked yet
    incident_grade = models.CharField(max_length=16, blank=True)  # of handover.clocks.Grade; empty: not asked
    incident_operator = models.CharField(max_length=16, blank=True)
    incident_found_at = models.DateTimeField(null=True, blank=True)
    origin = models.CharField(max_length=16, default="leads")  # leads, import

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-opened_at", "number"]
        indexes: ClassVar = [models.Index(fields=["region_code", "state", "due_at"], name="case_queue")]

    def __str__(self) -> str:
        return self.number


class CaseLead(InCase, AuditedModel):
    """A lead that a case is about; a lead belongs to one case at a time."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="links")
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="case_links")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One case per lead."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(released_at=None), name="lead_in_one_case"
            )
        ]

    def __str__(self) -> str:
        return f"{self.case} / {self.lead}"


class CaseMember(InCase, AuditedModel):
    """Who works on a case without a duty for its region: an inspector, for instance."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="case_memberships")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Once per case and account."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "user"], condition=models.Q(ended_at=None), name="case_member_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.case} / {self.user}"


class Hypothesis(InCase, AuditedModel):
    """One explanation of what is seen (研判). A case keeps several side by side until it is determined."""

    class Kind(models.TextChoices):
        """Who or what mines."""

        INSIDER = "insider", _("someone inside")
        MALWARE = "malware", _("malicious software")
        RESEARCH = "research", _("research or teaching")
        FALSE_ALARM = "false_alarm", _("no mining at all")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="hypotheses")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    text = models.TextField()
    state = models.CharField(
        max_length=8,
        default="open",
        choices=[("open", _("undecided")), ("held", _("upheld")), ("dropped", _("rejected"))],
    )
    written_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """In the order in which they were written."""

        ordering: ClassVar = ["kind", "id"]

    def __str__(self) -> str:
        return f"{self.case} {self.kind}"


class HypothesisReason(InCase, ImmutableModel):
    """What speaks for or against a hypothesis; a reason that proved wrong is answered by another."""

    hypothesis = models.ForeignKey(Hypothesis, on_delete=models.PROTECT, related_name="reasons")
    is_for = models.BooleanField()
    text = models.TextField()
    evidence = models.ForeignKey(
        "cases.EvidenceItem", null=True, blank=True, on_delete=models.PROTECT, related_name="reasons"
    )
    written_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["written_at", "id"]

    def __str__(self) -> str:
        return ("+ " if self.is_for else "- ") + self.text[:60]


class TaskTemplate(AuditedModel):
    """An office's own wording of a task, or a task of its own; it stands above the shipped one of the same key."""

    key = models.SlugField(max_length=40, unique=True)
    phase = models.CharField(max_length=16, choices=CaseState.choices, default=CaseState.VERIFYING)
    position = models.PositiveSmallIntegerField(default=500)
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True)
    after = models.JSONField(default=list)  # keys of tasks that come first
    is_used = models.BooleanField(default=True)

    class Meta:
        """In the order of work."""

        ordering: ClassVar = ["position", "key"]

    def __str__(self) -> str:
        return self.key


class Task(InCase, AuditedModel):
    """One thing to do in a case; done, or set aside with a reason."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    key = models.SlugField(max_length=40)
    phase = models.CharField(max_length=16, choices=CaseState.choices)
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True)
    after = models.JSONField(default=list)
    assigned_to = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    set_aside = models.CharField(max_length=300, blank=True)  # why it is not done
    note = models.TextField(blank=True)

    class Meta:
        """In the order of work; once per case."""

        ordering: ClassVar = ["position", "key"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["case", "key"], name="task_once_per_case")]

    def __str__(self) -> str:
        return self.title


class Recurrence(InCase, ImmutableModel):
    """A case that comes back (复发): what was observed after another one was closed, and the key that ties them."""

    class Key(models.TextChoices):
        """What is the same."""

        ORGANISATION = "organisation", _("organisation")
        DEVICE = "device", _("device")
        WALLET = "wallet", _("wallet")
        WORKER = "worker", _("worker name")
        PERSON = "person", _("person")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="recurrences")
    earlier = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="came_back_as")
    key = models.CharField(max_length=16, choices=Key.choices)
    value = models.CharField(max_length=200, blank=True)  # of a person: empty
    observed_at = models.DateTimeField()  # the first observation after the closing
    found_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Told once."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "earlier", "key", "value"], name="recurrence_once")
        ]

    def __str__(self) -> str:
        return f"{self.case} ← {self.earlier} ({self.key})"


class OldCase(InCase, AuditedModel):
    """A case from an office's own workbook, as the workbook last said it; corrections stand in the case itself."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="old")
    source = models.CharField(max_length=64)  # whose list
    key = models.CharField(max_length=64)  # the case's number in that list
    imported = models.JSONField(default=dict)  # field to value, as last imported
    ip = models.CharField(max_length=45, blank=True, db_index=True)
    coin = models.CharField(max_length=16, blank=True)
    wallet = models.CharField(max_length=200, blank=True)
    started_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    machines = models.JSONField(null=True, blank=True)  # {low, estimate, high, about}; no end is None
    kwh = models.JSONField(null=True, blank=True)
    coins = models.JSONField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        """A list's number comes in once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "key"], name="old_case_once")]

    def __str__(self) -> str:
        return f"{self.source}/{self.key}"
