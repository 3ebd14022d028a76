"""A hand-over (移送) with its leads, what came back, who was urged (督办), whom mail waits for, and legal clocks."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from davylamp.desk.access.models import Clearance, User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel
from davylamp.desk.documents.models import Document
from davylamp.desk.handover.clocks import Grade, Operator, Receiver
from davylamp.desk.leads.models import Lead, Severity


class State(models.TextChoices):
    """Where a hand-over stands."""

    DRAFTED = "drafted", _("drafted")  # 拟稿
    SUBMITTED = "submitted", _("awaiting approval")  # 审批
    APPROVED = "approved", _("approved, not yet issued")  # 待发
    ISSUED = "issued", pgettext_lazy("hand-over", "issued")  # 发出
    DELIVERED = "delivered", _("delivered")  # 送达
    RECEIVED = "received", _("received")  # 签收
    ACTING = "acting", _("being acted on")  # 办理
    REPORTED = "reported", _("reported back")  # 反馈
    ACCEPTED = "accepted", _("report accepted")  # 审核通过
    RETURNED = "returned", _("returned")  # 退回
    CLOSED = "closed", pgettext_lazy("hand-over", "closed")  # 办结
    WITHDRAWN = "withdrawn", _("withdrawn")  # 撤回


class Channel(models.TextChoices):
    """Who is spoken to first: the contact may be the one who mines."""

    LEADERSHIP = "leadership", _("the organisation's leadership")
    SECOND = "second", _("a second contact")
    CONTACT = "contact", _("the registered contact")


class Ground(models.TextChoices):
    """Why a lead comes back."""

    NOT_OURS = "not_ours", _("not our organisation's")  # 非本单位
    TOO_LITTLE = "too_little", _("too little information")  # 信息不足
    DUPLICATE = "duplicate", _("a duplicate")  # 重复


class Found(models.TextChoices):
    """What the organisation found; determination is the desk's."""

    MINING = "mining", _("a mining program or machine")
    MALWARE = "malware", _("an infection that mines")
    RESEARCH = "research", _("an approved project or research")
    NOTHING = "nothing", _("nothing")
    NOT_LOCATED = "not_located", _("the host was not located")
    OTHER = "other", _("something else")


class Urging(models.TextChoices):
    """Where a supervision stands."""

    PROPOSED = "proposed", _("supervision proposed")  # 拟督办
    ISSUED = "issued", _("supervision issued")  # 已督办
    ANSWERED = "answered", _("supervision answered")  # 已回复
    DROPPED = "dropped", _("supervision dropped")  # 不再督办


class HandOver(AuditedModel):
    """Leads of one organisation, in one batch, with one letter."""

    personal: ClassVar[frozenset[str]] = frozenset({"second_contact"})

    code = models.CharField(max_length=16, unique=True)  # drawn: names a draft, which has no document number
    number = models.CharField(max_length=64, blank=True, db_index=True)  # 文号, given at approval
    letter = models.ForeignKey(Document, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    form = models.ForeignKey(Document, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    organisation_code = models.CharField(max_length=64, db_index=True)  # the recipient
    organisation_name = models.CharField(max_length=200)
    region_code = models.CharField(max_length=6, db_index=True)
    classification = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.MEDIUM)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFTED, db_index=True)
    state_since = models.DateTimeField()
    round = models.PositiveSmallIntegerField(default=1)  # of feedback: asking for more begins the next

    channel = models.CharField(max_length=16, choices=Channel.choices, default=Channel.LEADERSHIP)
    second_contact = models.CharField(max_length=100, blank=True)
    delay_notice = models.BooleanField(default=False)  # contacts see nothing before `told_at`
    told_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)  # the desk's own

    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    delivered_to = models.CharField(max_length=100, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    received_by = models.CharField(max_length=100, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)
    reported_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reviewed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    stage = models.CharField(max_length=16, blank=True)  # whose deadline runs: receipt, feedback, review
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        """Newest first; a number is needed from approval on."""

        ordering: ClassVar = ["-state_since"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="no_hand_over_without_a_number",
                condition=models.Q(state__in=["drafted", "submitted", "withdrawn"])
                | (~models.Q(number="") & models.Q(letter__isnull=False)),
            ),
            models.CheckConstraint(
                name="who_drafts_does_not_approve",
                condition=models.Q(approved_by=None) | ~models.Q(approved_by=models.F("drafted_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.code


class HandOverItem(AuditedModel):
    """One lead in a hand-over, and what became of it there."""

    hand_over = models.ForeignKey(HandOver, on_delete=models.PROTECT, related_name="items")
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="hand_over_items")
    position = models.PositiveIntegerField()
    told = models.JSONField(default=dict)  # what the letter says of it, as printed
    status = models.CharField(max_length=16, default="open")  # open, returned, done, dropped
    returned_at = models.DateTimeField(null=True, blank=True)
    returned_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ground = models.CharField(max_length=16, choices=Ground.choices, blank=True)
    reason = models.TextField(blank=True)
    new_lead = models.ForeignKey(Lead, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    new_hand_over = models.ForeignKey(
        HandOver, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resumed_at = models.DateTimeField(null=True, blank=True)  # issued to another: its clock runs again

    class Meta:
        """A lead lies with one recipient at a time."""

        ordering: ClassVar = ["hand_over", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["hand_over", "lead"], name="a_lead_once_in_a_hand_over"),
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(status="open"), name="a_lead_lies_in_one_open_hand_over"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hand_over} / {self.lead}"


class Feedback(ImmutableModel):
    """What the organisation reports of one lead, once per round; a supplement is a new row."""

    hand_over = models.ForeignKey(HandOver, on_delete=models.PROTECT, related_name="feedback")
    item = models.ForeignKey(HandOverItem, on_delete=models.PROTECT, related_name="feedback")
    round = models.PositiveSmallIntegerField()
    found = models.CharField(max_length=16, choices=Found.choices)
    description = models.TextField()
    host = models.CharField(max_length=200, blank=True)
    since = models.DateField(null=True, blank=True)
    measure = models.TextField(blank=True)
    attachments = models.JSONField(default=list)  # of {"name", "sha256", "size_bytes"}
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """One per lead and round."""

        ordering: ClassVar = ["hand_over", "round", "item"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "round"], name="one_feedback_per_lead_and_round")
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.round}"


class Supervision(AuditedModel):
    """The level above is told that a deadline passed (督办)."""

    code = models.CharField(max_length=16, unique=True)
    hand_over = models.ForeignKey(HandOver, on_delete=models.PROTECT, related_name="supervisions")
    stage = models.CharField(max_length=16)
    round = models.PositiveSmallIntegerField()
    region_code = models.CharField(max_length=6, db_index=True)  # the level that is told
    organisation_code = models.CharField(max_length=64, blank=True)  # who is late
    classification = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)
    missed_at = models.DateTimeField()  # the deadline that passed
    state = models.CharField(max_length=16, choices=Urging.choices, default=Urging.PROPOSED)
    state_since = models.DateTimeField()
    number = models.CharField(max_length=64, blank=True)
    letter = models.ForeignKey(Document, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()  # of the reply; then the next level is told
    answer = models.TextField(blank=True)

    class Meta:
        """One per deadline and level."""

        ordering: ClassVar = ["-missed_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hand_over", "stage", "round", "region_code"],
                name="one_supervision_per_deadline_and_level",
            )
        ]

    def __str__(self) -> str:
        return self.number or self.code


class Mail(AuditedModel):
    """A message that waits to be sent: to whom and why, never what. ``key`` makes it one per stage and person."""

    silent: ClassVar[frozenset[str]] = frozenset({"attempts", "claimed_at", "next_at", "fault"})

    key = models.CharField(max_length=160, unique=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    next_at = models.DateTimeField(db_index=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fault = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=16, default="waiting", db_index=True)  # waiting, sent, given_up
    sent_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.key


class LegalClock(AuditedModel):
    """A report that the law wants by a time; see `handover.clocks`."""

    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    receiver = models.CharField(max_length=16, choices=Receiver.choices)
    after = models.CharField(max_length=16, choices=Receiver.choices, blank=True)
    hours = models.FloatField()
    grade = models.CharField(max_length=16, choices=Grade.choices)
    operator = models.CharField(max_length=16, choices=Operator.choices)
    started_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)  # None: the report before it has not arrived
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    met_at = models.DateTimeField(null=True, blank=True)
    met_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=200, blank=True)
    region_code = models.CharField(max_length=6, db_index=True)
    organisation_code = models.CharField(max_length=64, blank=True)
    classification = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)

    class Meta:
        """One per item and receiver; soonest first."""

        ordering: ClassVar = [models.F("due_at").asc(nulls_last=True)]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "receiver"], name="one_legal_clock_per_receiver"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_type} {self.receiver}"
