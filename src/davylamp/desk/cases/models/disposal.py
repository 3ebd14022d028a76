"""Disposal (处置): what was seized, gained, decided and referred, and what it burned."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel
from davylamp.desk.cases.models.case import Case, InCase
from davylamp.desk.cases.models.evidence import Stream
from davylamp.desk.cases.models.people import CasePerson


class SeizedItem(InCase, AuditedModel):
    """One thing under seal or seizure (查封扣押). It leaves only by a decision with a number."""

    class State(models.TextChoices):
        """Where it is."""

        SEALED = "sealed", _("sealed on site")  # 查封
        SEIZED = "seized", _("seized")  # 扣押
        GIVEN_BACK = "given_back", _("given back")  # 返还
        CONFISCATED = "confiscated", _("confiscated")  # 没收
        DESTROYED = "destroyed", _("destroyed")  # 销毁

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="seized")
    number = models.CharField(max_length=16, unique=True)
    state = models.CharField(max_length=16, choices=State.choices)
    what = models.CharField(max_length=200)
    serials = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=1)
    seal_no = models.CharField(max_length=64, blank=True)
    photos = models.JSONField(default=list)  # SHA-256
    place = models.CharField(max_length=200, blank=True)
    authority = models.CharField(max_length=200)
    authority_no = models.CharField(max_length=100)  # document number of the decision to seize
    seized_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["seized_at", "number"]

    def __str__(self) -> str:
        return self.number


class SeizedEvent(InCase, ImmutableModel):
    """What became of a seized thing, under which decision."""

    item = models.ForeignKey(SeizedItem, on_delete=models.PROTECT, related_name="events")
    state = models.CharField(max_length=16, choices=SeizedItem.State.choices)
    at = models.DateTimeField()
    authority = models.CharField(max_length=200)
    authority_no = models.CharField(max_length=100)
    to = models.CharField(max_length=200, blank=True)  # who received it
    note = models.TextField(blank=True)
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.item} {self.state}"


class Figure(InCase, ImmutableModel):
    """An energy, coal, CO2 or coin figure with all that it was computed from. A better one stands beside it."""

    class Quantity(models.TextChoices):
        """What it measures."""

        KWH = "kwh", _("electricity")
        COAL = "coal_kg", _("standard coal")
        CO2 = "co2_kg", _("CO2")
        COINS = "coins", _("coins")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="figures")
    quantity = models.CharField(max_length=16, choices=Quantity.choices)
    unit = models.CharField(max_length=16)
    low = models.FloatField(null=True)  # None: no lower bound
    estimate = models.FloatField()
    high = models.FloatField(null=True)  # None: no upper bound
    is_about = models.BooleanField(default=False)
    grade = models.CharField(max_length=1)
    method = models.CharField(max_length=64)
    inputs = models.JSONField(default=list)
    factor_set = models.CharField(max_length=64)  # of energy and coins: none, or the series
    basis = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="computed"
    )
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Nothing without its grade, method, set and inputs; masses from an energy."""

        ordering: ClassVar = ["made_at", "quantity"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="figure_carries_its_origin",
                condition=~models.Q(grade="")
                & ~models.Q(method="")
                & ~models.Q(factor_set="")
                & ~models.Q(inputs=[])
                & ~models.Q(unit=""),
            ),
            models.CheckConstraint(
                name="mass_has_an_energy",
                condition=~models.Q(quantity__in=["coal_kg", "co2_kg"]) | models.Q(basis__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} {self.quantity}"


class Gain(InCase, ImmutableModel):
    """What was earned, and what that is worth by a stated rule."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="gains")
    coin = models.CharField(max_length=16)
    coins_low = models.FloatField(null=True)
    coins = models.FloatField()
    coins_high = models.FloatField(null=True)
    rule = models.CharField(max_length=16)  # of sizing.coins.RULES
    currency = models.CharField(max_length=8)
    value_low = models.FloatField(null=True)
    value = models.FloatField()
    value_high = models.FloatField(null=True)
    is_about = models.BooleanField(default=False)
    price_source = models.CharField(max_length=200)
    as_of = models.CharField(max_length=300)  # rule, days and source in one sentence
    method = models.CharField(max_length=64)
    inputs = models.JSONField(default=list)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["made_at", "id"]

    def __str__(self) -> str:
        return f"{self.case} {self.coin}"


class Referral(InCase, AuditedModel):
    """A case or person passed to another authority, and what came of it."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="referrals")
    number = models.CharField(max_length=16, unique=True)
    stream = models.CharField(max_length=16, choices=Stream.choices)
    to_authority = models.CharField(max_length=200)
    document_no = models.CharField(max_length=100)
    person = models.ForeignKey(
        CasePerson, null=True, blank=True, on_delete=models.PROTECT, related_name="referrals"
    )
    sent_at = models.DateTimeField()
    sent_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    result = models.TextField(blank=True)
    result_no = models.CharField(max_length=100, blank=True)
    result_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["sent_at", "number"]

    def __str__(self) -> str:
        return self.number


class Sanction(InCase, ImmutableModel):
    """A measure against a person or the organisation (处理处分), under its authority and in its stream."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="sanctions")
    person = models.ForeignKey(
        CasePerson, null=True, blank=True, on_delete=models.PROTECT, related_name="sanctions"
    )  # None: the organisation itself
    stream = models.CharField(max_length=16, choices=Stream.choices)
    measure = models.CharField(max_length=40)  # key of the table of measures
    authority = models.CharField(max_length=200)
    document_no = models.CharField(max_length=100)
    decided_at = models.DateTimeField()
    referral = models.ForeignKey(
        Referral, null=True, blank=True, on_delete=models.PROTECT, related_name="sanctions"
    )
    note = models.TextField(blank=True)
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["decided_at", "id"]

    def __str__(self) -> str:
        return f"{self.case} {self.measure}"
