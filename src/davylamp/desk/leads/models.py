"""Observations (监测记录), which never change, and the leads (线索) that they are grouped into."""

from typing import Any, ClassVar, Final

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import Clearance, User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel
from davylamp.desk.registry.models import ApprovedProject


class Tier(models.TextChoices):
    """How sure the lamp is."""

    CONFIRMED = "confirmed", _("confirmed")
    PROBABLE = "probable", _("probable")
    SUSPECTED = "suspected", _("suspected")
    NOT_OBSERVABLE = "not_observable", _("not observable")


TIER_ORDER = {"confirmed": 3, "probable": 2, "suspected": 1, "not_observable": 0}


class Severity(models.IntegerChoices):
    """How soon it must be acted on; sets deadlines."""

    LOW = 1, _("low")
    MEDIUM = 2, _("medium")
    HIGH = 3, _("high")
    URGENT = 4, _("urgent")


class State(models.TextChoices):
    """Where a lead stands."""

    NEW = "new", _("new")  # 新线索
    ATTRIBUTING = "attributing", _("being attributed")  # 归属中
    ATTRIBUTED = "attributed", _("attributed")  # 已归属
    UNATTRIBUTABLE = "unattributable", _("cannot be attributed")  # 无法归属
    PROJECT = "project", _("matches an approved project")  # 备案匹配
    ELSEWHERE = "elsewhere", _("outside the province")  # 非本省
    HANDED_OVER = "handed_over", _("handed over")  # 已移送
    VERIFYING = "verifying", _("being verified")  # 核查中
    DETERMINED = "determined", _("determined")  # 定性
    RECTIFYING = "rectifying", _("being rectified")  # 整改中
    RECHECK = "recheck", _("awaiting recheck")  # 待复查
    CLOSED = "closed", _("closed")  # 销号
    MERGED = "merged", _("merged")  # 并案


OPEN_STATES = frozenset(State.values) - {State.CLOSED, State.MERGED}


class Intake(AuditedModel):
    """One delivery of observations: where from, how many were new, known or refused, with every refusal's reason."""

    source = models.CharField(max_length=64)
    channel = models.CharField(max_length=16)  # file, api, folder, lamp
    name = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    rows = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=list)  # of {"row", "code", "message", "hint", "data"}

    def __str__(self) -> str:
        return f"{self.source} {self.name}".strip()


class Lead(AuditedModel):
    """One address (or port block, or host) over one episode, under one holder of the address.

    ``number`` is drawn from its key and not counted up, so that no number tells of leads that one may not
    see. Sums and spans are those of its observations.
    """

    number = models.CharField(max_length=16, unique=True)
    intake = models.ForeignKey(
        Intake, null=True, blank=True, on_delete=models.PROTECT, related_name="leads"
    )  # the delivery that began it
    key = models.CharField(max_length=64, db_index=True)  # digest of address, port block, holder
    ip = models.CharField(max_length=45, db_index=True)
    ip_sort = models.CharField(max_length=32, db_index=True)  # hex of the 128-bit address
    first_port = models.PositiveIntegerField(default=0)
    last_port = models.PositiveIntegerField(default=65535)
    episode = models.PositiveIntegerField(default=1)
    relapse_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="relapses"
    )
    relapse_key = models.CharField(
        max_length=200, blank=True
    )  # what tied them: organisation, device, wallet, worker, person
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged"
    )

    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW, db_index=True)
    state_since = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.MEDIUM)
    classification = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)
    assigned_to = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="leads"
    )

    organisation_code = models.CharField(max_length=64, blank=True, db_index=True)
    organisation_name = models.CharField(max_length=200, blank=True)  # as it was at the time
    region_code = models.CharField(max_length=6, db_index=True)
    sector = models.CharField(max_length=64, blank=True, db_index=True)
    is_public = models.BooleanField(null=True)  # the organisation is a public body
    project = models.ForeignKey(
        ApprovedProject, null=True, blank=True, on_delete=models.PROTECT, related_name="leads"
    )  # all that was seen lies within its scope
    is_automatic = models.BooleanField(default=True)  # no person has moved it yet; intake may
    weakest_link = models.CharField(max_length=300, blank=True)
    host = models.CharField(max_length=200, blank=True)  # MAC or host name

    tier = models.CharField(max_length=16, choices=Tier.choices)
    probability = models.FloatField()
    coin = models.CharField(max_length=16, blank=True)
    algorithm = models.CharField(max_length=32, blank=True)
    pool = models.CharField(max_length=200, blank=True)
    wallet = models.CharField(max_length=200, blank=True, db_index=True)
    worker = models.CharField(max_length=200, blank=True)
    first_seen = models.DateTimeField(db_index=True)
    last_seen = models.DateTimeField(db_index=True)
    observations_count = models.PositiveIntegerField(default=0)
    accepted_shares = models.BigIntegerField(default=0)
    hashrate_low = models.FloatField(null=True, blank=True)  # H/s, of `algorithm`
    hashrate_hps = models.FloatField(null=True, blank=True)
    hashrate_high = models.FloatField(null=True, blank=True)
    kwh_per_day_low = models.FloatField(null=True, blank=True)
    kwh_per_day = models.FloatField(null=True, blank=True)
    kwh_per_day_high = models.FloatField(null=True, blank=True)
    energy_grade = models.CharField(max_length=1, blank=True)
    machines_low = models.PositiveIntegerField(null=True, blank=True)
    machines = models.PositiveIntegerField(null=True, blank=True)
    machines_high = models.PositiveIntegerField(null=True, blank=True)
    bounds = models.JSONField(
        default=dict, blank=True
    )  # numbers that are "≥" or "≈": see `Observation.bounds`
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One open lead per key."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(state__in=sorted(OPEN_STATES)),
                name="one_open_lead_per_key",
            ),
            models.UniqueConstraint(fields=["key", "episode"], name="episodes_of_a_key"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["region_code", "state", "due_at"], name="lead_queue"),
            models.Index(fields=["state", "last_seen"], name="lead_state_seen"),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write it, and where it stands from now on if that changed; see `AuditedModel.save`."""
        with transaction.atomic():
            stored = {} if self._state.adding else getattr(self, "_stored", {})
            super().save(*args, **kwargs)
            if any(stored.get(name, ...) != self._stored[name] for name in STOOD_BY):
                self.standing().save()

    def standing(self) -> "LeadStanding":
        """Where it stands now, not yet written."""
        return LeadStanding(
            lead=self,
            at=timezone.now(),
            number=self.version,
            **{name: getattr(self, name) for name in STOOD_BY},
        )

    @property
    def shares_text(self) -> str:
        """Its shares as they are known: ``≥ 500`` where a list said "500余"."""
        return str(self.bounds.get("shares", {}).get("text") or self.accepted_shares)

    @property
    def machines_text(self) -> str:
        """Its machines as they are known; empty where nobody said."""
        return str(
            self.bounds.get("machines", {}).get("text") or ("" if self.machines is None else self.machines)
        )


STOOD_BY: Final = (
    "state", "region_code", "organisation_code", "sector", "is_public", "tier", "severity", "due_at", "relapse_key",
    "kwh_per_day_low", "kwh_per_day", "kwh_per_day_high",
)  # fmt: skip
"""What statistics count leads by."""


class LeadStanding(ImmutableModel):
    """Where a lead stands from a moment on, until its next one: what statistics as of a time count."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="standings")
    intake = models.ForeignKey(
        Intake, null=True, blank=True, on_delete=models.PROTECT, related_name="standings"
    )  # the delivery that brought it; none for a person's step
    at = models.DateTimeField(db_index=True)
    number = models.PositiveIntegerField()  # the lead's version that brought it
    state = models.CharField(max_length=16, choices=State.choices)
    region_code = models.CharField(max_length=6)
    organisation_code = models.CharField(max_length=64, blank=True)
    sector = models.CharField(max_length=64, blank=True)
    is_public = models.BooleanField(null=True)
    tier = models.CharField(max_length=16, choices=Tier.choices)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    due_at = models.DateTimeField(null=True, blank=True)
    relapse_key = models.CharField(max_length=200, blank=True)
    kwh_per_day_low = models.FloatField(null=True, blank=True)
    kwh_per_day = models.FloatField(null=True, blank=True)
    kwh_per_day_high = models.FloatField(null=True, blank=True)

    class Meta:
        """Newest last."""

        ordering: ClassVar = ["lead", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lead", "number"], name="standing_of_version")
        ]

    def __str__(self) -> str:
        return f"{self.lead} {self.state}"


class Observation(ImmutableModel):
    """One sighting as a sensor reported it. Its payload stands as it came."""

    intake = models.ForeignKey(Intake, on_delete=models.PROTECT, related_name="observations")
    lead = models.ForeignKey(
        Lead, on_delete=models.PROTECT, related_name="observations"
    )  # the lead it was grouped into
    source = models.CharField(max_length=64)
    source_ref = models.CharField(max_length=128)
    sensor = models.CharField(max_length=64, blank=True)
    ip = models.CharField(max_length=45, db_index=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    server_ip = models.CharField(max_length=45, blank=True)
    server_port = models.PositiveIntegerField(null=True, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=16)
    tier = models.CharField(max_length=16, choices=Tier.choices)
    probability = models.FloatField()
    coin = models.CharField(max_length=16, blank=True)
    algorithm = models.CharField(max_length=32, blank=True)
    pool = models.CharField(max_length=200, blank=True)
    wallet = models.CharField(max_length=200, blank=True, db_index=True)
    worker = models.CharField(max_length=200, blank=True)
    accepted_shares = models.BigIntegerField(default=0)
    hashrate_low = models.FloatField(null=True, blank=True)
    hashrate_hps = models.FloatField(null=True, blank=True)
    hashrate_high = models.FloatField(null=True, blank=True)
    because = models.JSONField(default=list)
    not_seen = models.JSONField(default=list)
    bounds = models.JSONField(default=dict, blank=True)
    # numbers that are not exact, as {"low", "estimate", "high", "about", "text"}: shares, machines
    payload = models.JSONField(default=dict)  # the row as it came
    digest = models.CharField(max_length=64, blank=True)  # SHA-256 of the payload

    class Meta:
        """A source's reference comes in once."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "source_ref"], name="observation_comes_in_once")
        ]
        indexes: ClassVar = [models.Index(fields=["lead", "last_seen"], name="observation_of_lead")]

    def __str__(self) -> str:
        return f"{self.source}/{self.source_ref}"


class Attribution(ImmutableModel):
    """Who held the address at the observation's time (归属认定), as known when this was written; the newest stands."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="attributions")
    intake = models.ForeignKey(
        Intake, null=True, blank=True, on_delete=models.PROTECT, related_name="attributions"
    )  # the delivery that brought it; none for a person's
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT)
    at = models.DateTimeField()  # the observation's time that was asked for
    organisation_code = models.CharField(max_length=64, blank=True)
    organisation_name = models.CharField(max_length=200, blank=True)
    region_code = models.CharField(max_length=6, blank=True)
    confidence = models.FloatField(default=0.0)
    method = models.CharField(max_length=200, blank=True)
    chain = models.JSONField(
        default=list
    )  # links: hop, value, source, from, to, tolerance_s, offset_s, confidence, because
    claims = models.JSONField(default=list)  # every claim, best first: overlaps are shown
    is_ambiguous = models.BooleanField(default=False)  # several readings of the logs compete
    weakest = models.CharField(max_length=300, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        """Newest last."""

        ordering: ClassVar = ["made_at", "id"]

    def __str__(self) -> str:
        return f"{self.lead} → {self.organisation_name or '?'}"


class Suppression(AuditedModel):
    """Why a lead, or all leads of a network, need no work for now. Its end brings them back by itself.

    It takes nothing in or out: observations go on coming, and every count has them.
    """

    lead = models.ForeignKey(
        Lead, null=True, blank=True, on_delete=models.PROTECT, related_name="suppressions"
    )
    network = models.CharField(max_length=100, blank=True)  # where it is no single lead
    low = models.CharField(max_length=32, blank=True)
    high = models.CharField(max_length=32, blank=True)
    region_code = models.CharField(max_length=6)
    organisation_code = models.CharField(max_length=64, blank=True)
    reason = models.TextField()
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="suppressions")
    starts_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """It has a subject, a reason and an end."""

        ordering: ClassVar = ["expires_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="suppression_has_a_reason", condition=~models.Q(reason="")),
            models.CheckConstraint(
                name="suppression_ends", condition=models.Q(expires_at__gt=models.F("starts_at"))
            ),
            models.CheckConstraint(
                name="suppression_has_one_subject",
                condition=models.Q(lead__isnull=False, network="")
                | (models.Q(lead=None) & ~models.Q(network="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lead or self.network}: {self.reason}"
