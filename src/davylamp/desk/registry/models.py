"""The registry's facts, which are only added to, and what is projected from them or kept beside them.

======================  ==================================================================================
RegistryBatch, -Heard,  the bitemporal facts, with the same meaning as in the lamp's file
-Fact                   (`davylamp.attribution.registry_store`)
Organisation            an organisation as it is today: rebuilt from the facts
ContactPoint            whom to reach there; personal
ResourceClaim           a range that an organisation says is its own, until an analyst has looked
ApprovedProject         what may mine, where, what, how much and for how long
======================  ==================================================================================
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from davylamp.attribution.registry_records import STALE_CONTACT_DAYS
from davylamp.desk.access.models import User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel


class RegistryBatch(ImmutableModel):
    """One change of the registry, all of it or nothing; ``number`` and ``recorded_at_ns`` rise together."""

    number = models.PositiveIntegerField(unique=True)
    recorded_at_ns = models.BigIntegerField(unique=True)
    effective_ns = models.BigIntegerField()
    layer = models.CharField(max_length=16)
    source = models.CharField(max_length=200)
    author = models.CharField(max_length=200, blank=True)
    basis = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        """Oldest first."""

        ordering: ClassVar = ["number"]

    def __str__(self) -> str:
        return f"{self.number} {self.source}"


class RegistryHeard(ImmutableModel):
    """That a source has said something, whether or not it was news."""

    recorded_at_ns = models.BigIntegerField()
    effective_ns = models.BigIntegerField()
    layer = models.CharField(max_length=16)
    source = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    kinds = models.CharField(max_length=100)

    class Meta:
        """Found by source."""

        indexes: ClassVar = [models.Index(fields=["layer", "source"], name="heard_of_source")]

    def __str__(self) -> str:
        return f"{self.source} {self.digest[:12]}"


class RegistryFact(ImmutableModel):
    """One version of one fact. ``values`` are the record's fields in order, addresses as 32 hex digits."""

    batch = models.ForeignKey(RegistryBatch, on_delete=models.PROTECT, related_name="facts")
    number = models.PositiveIntegerField()  # the batch's
    place = models.PositiveIntegerField()  # within the batch
    kind = models.CharField(max_length=16)
    thread = models.TextField()
    thread_digest = models.CharField(max_length=64)
    spell = models.PositiveIntegerField()
    is_closed = models.BooleanField()
    is_withdrawn = models.BooleanField()
    low = models.CharField(max_length=32, blank=True)
    high = models.CharField(max_length=32, blank=True)
    values = models.JSONField()

    class Meta:
        """In the order in which they came; the latest version of a thread is found by its digest."""

        ordering: ClassVar = ["number", "place"]
        indexes: ClassVar = [
            models.Index(fields=["kind", "thread_digest", "spell", "number"], name="fact_versions"),
            models.Index(fields=["kind", "low", "high"], name="fact_range"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}/{self.place}"


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


class ContactPoint(AuditedModel):
    """Whom to reach in an organisation (联络员). The contact may be the miner: it is no address for details."""

    personal: ClassVar[frozenset[str]] = frozenset({"name", "phone", "email"})

    organisation_code = models.CharField(max_length=64, db_index=True)
    region_code = models.CharField(max_length=6, db_index=True)
    name = models.CharField(max_length=200)
    phone = models.CharField(max_length=60, blank=True)
    email = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="contact_of")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    is_from_ledger = models.BooleanField(default=False)

    class Meta:
        """One row per name and organisation."""

        ordering: ClassVar = ["organisation_code", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation_code", "name"], name="contact_once")
        ]

    def __str__(self) -> str:
        return f"{mask_name(self.name)} ({self.organisation_code})"

    def is_stale(self, now: datetime | None = None) -> bool:
        """Whether nobody confirmed it within `STALE_CONTACT_DAYS`."""
        limit = (now or timezone.now()) - timedelta(days=STALE_CONTACT_DAYS)
        return self.confirmed_at is None or self.confirmed_at < limit

    def masked(self) -> dict[str, str]:
        """Name, phone and mail as they are shown without a purpose."""
        local, at, host = self.email.partition("@")
        return {
            "name": mask_name(self.name),
            "phone": mask_middle(self.phone, 3, 2),
            "email": mask_middle(local, 1, 0) + at + host,
        }


def mask_name(name: str) -> str:
    """The surname and a star for each further character."""
    return name[:1] + "*" * max(0, len(name) - 1)


def mask_middle(text: str, keep_first: int, keep_last: int) -> str:
    """Stars but for the first and last characters; a text that would be all shown is all stars."""
    if len(text) <= keep_first + keep_last:
        return "*" * len(text)
    return text[:keep_first] + "*" * (len(text) - keep_first - keep_last) + text[len(text) - keep_last :]


class ResourceClaim(AuditedModel):
    """A range that an organisation says is its own (申报). It says nothing of anything until an analyst has looked."""

    class State(models.TextChoices):
        """Where it stands."""

        SUBMITTED = "submitted", _("submitted")
        ACCEPTED = "accepted", _("accepted as declared")
        VERIFIED = "verified", _("verified")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    organisation_code = models.CharField(max_length=64, db_index=True)
    region_code = models.CharField(max_length=6, db_index=True)
    network = models.CharField(max_length=100)  # as it was written
    low = models.CharField(max_length=32)
    high = models.CharField(max_length=32)
    first_port = models.PositiveIntegerField(default=0)
    last_port = models.PositiveIntegerField(default=65535)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.SUBMITTED, db_index=True)
    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="claims_drafted")
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="claims_decided"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    basis = models.CharField(max_length=300, blank=True)  # what the analyst looked at

    class Meta:
        """Newest last."""

        ordering: ClassVar = ["organisation_code", "low", "id"]

    def __str__(self) -> str:
        return f"{self.organisation_code} {self.network}"


ANY_COIN: Final = "*"


class ApprovedProject(AuditedModel):
    """A project that may mine within its scope (备案项目). Outside of it, everything is a lead like any other."""

    class State(models.TextChoices):
        """Where it stands."""

        APPLIED = "applied", _("applied for")  # 申报
        APPROVED = "approved", _("approved")  # 有效
        REFUSED = "refused", _("refused")
        REVOKED = "revoked", _("revoked")  # 撤销

    organisation_code = models.CharField(max_length=64, db_index=True)
    region_code = models.CharField(max_length=6, db_index=True)
    name = models.CharField(max_length=200)
    networks = models.JSONField(default=list)  # of [low, high] as 32 hex digits
    scope = models.CharField(max_length=1000)  # the same as it was written
    hosts = models.JSONField(default=list)  # MAC or host names; empty for all in the networks
    coins = models.JSONField(default=list)  # tickers in upper case; ["*"] for any
    is_testnet = models.BooleanField(default=False)
    power_cap_kw = models.FloatField(null=True, blank=True)
    valid_from = models.DateField()
    valid_to = models.DateField()  # the last day
    state = models.CharField(max_length=16, choices=State.choices, default=State.APPLIED, db_index=True)
    drafted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="projects_drafted"
    )
    approved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="projects_approved"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    basis = models.CharField(max_length=300, blank=True)  # the document

    class Meta:
        """By organisation."""

        ordering: ClassVar = ["organisation_code", "valid_from", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="project_ends_after_it_begins",
                condition=models.Q(valid_to__gte=models.F("valid_from")),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def is_expired(self, now: datetime | None = None) -> bool:
        """Whether its last day is over (到期)."""
        return timezone.localdate(now) > self.valid_to
