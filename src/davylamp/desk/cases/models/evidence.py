"""Evidence (证据): what was taken, by whom, with which hash, who held it since, and whether it is still the same."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel
from davylamp.desk.cases.models.case import Case, InCase


class Side(models.TextChoices):
    """Where evidence comes from. Two sides can support each other; two items of one side are one witness twice."""

    NETWORK = "network", _("network")
    HOST = "host", _("host")
    LEDGER = "ledger", _("ledger")
    PERSON = "person", _("person")
    FINANCIAL = "financial", _("financial")


class Proves(models.TextChoices):
    """What an item shows of a rig: device, software and pool record together make one."""

    OTHER = "other", _("something else")
    DEVICE = "device", _("device")
    SOFTWARE = "software", _("mining software")
    POOL = "pool", _("pool access record")
    SNAPSHOT = "snapshot", _("state of the host before cleaning")


class Stream(models.TextChoices):
    """Under whose powers something was taken or decided; the streams stay apart."""

    ADMINISTRATIVE = "administrative", _("administrative")  # 行政
    SUPERVISORY = "supervisory", _("supervisory")  # 监察
    CRIMINAL = "criminal", _("criminal")  # 刑事


class Signer(models.TextChoices):
    """Who signed the list of what was taken."""

    HOLDER = "holder", _("holder of the thing")  # 持有人
    WITNESS = "witness", _("witness")  # 见证人
    NONE = "none", _("nobody")


class EvidenceItem(InCase, ImmutableModel):
    """One item of evidence as it was fixed. A mistake in it is told by a new item that names this one."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    number = models.CharField(max_length=16, unique=True)
    kind = models.CharField(max_length=64)  # log, image, photo, ledger page, pool record: the office's words
    side = models.CharField(max_length=16, choices=Side.choices)
    proves = models.CharField(max_length=16, choices=Proves.choices, default=Proves.OTHER)
    stream = models.CharField(max_length=16, choices=Stream.choices, default=Stream.ADMINISTRATIVE)
    description = models.TextField()
    place = models.CharField(max_length=200, blank=True)
    method = models.CharField(max_length=200, blank=True)
    collected_at = models.DateTimeField()
    clock_offset_s = models.FloatField()  # source's clock minus true time, s
    clock_reference = models.CharField(max_length=200)  # what it was compared with
    collectors = models.JSONField(default=list)  # names, at least two of them or a reason
    one_collector_because = models.CharField(max_length=300, blank=True)
    signer = models.CharField(max_length=8, choices=Signer.choices, default=Signer.NONE)
    signature_sha256 = models.CharField(max_length=64, blank=True)  # of the signed list's scan
    no_signature_because = models.CharField(max_length=300, blank=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.BigIntegerField(null=True, blank=True)  # None: bytes are not kept here
    file_name = models.CharField(max_length=255, blank=True)
    is_kept = models.BooleanField(default=False)  # whether the vault holds the bytes
    derived_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="derived"
    )
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In order of collection; the same bytes stand once in a case."""

        ordering: ClassVar = ["collected_at", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "sha256"], name="evidence_once_per_case"),
            models.CheckConstraint(
                name="evidence_signed_or_reason",
                condition=~models.Q(signer="none") | ~models.Q(no_signature_because=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class CustodyEvent(InCase, ImmutableModel):
    """One step of an item from hand to hand (流转记录). Each begins where the one before ended."""

    class Kind(models.TextChoices):
        """What happened to it."""

        FIXED = "fixed", _("fixed on site")  # 固定
        SEALED = "sealed", _("put under seal")  # 封存
        STORED = "stored", _("stored")  # 入库
        LENT = "lent", _("lent")  # 借出
        RETURNED = "returned", _("brought back")  # 归还
        COPIED = "copied", _("copied")  # 复制件
        TRANSFERRED = "transferred", _("transferred to another authority")  # 移送
        GIVEN_BACK = "given_back", _("given back to its owner")  # 返还
        CONFISCATED = "confiscated", _("confiscated")  # 没收
        DESTROYED = "destroyed", _("destroyed")  # 销毁

    item = models.ForeignKey(EvidenceItem, on_delete=models.PROTECT, related_name="custody")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    from_holder = models.CharField(max_length=200)
    to_holder = models.CharField(max_length=200)
    from_at = models.DateTimeField()  # when the one who gives had received it
    at = models.DateTimeField()
    place = models.CharField(max_length=200, blank=True)
    seal_no = models.CharField(max_length=64, blank=True)
    authority_no = models.CharField(max_length=100, blank=True)  # the decision's document number
    note = models.TextField(blank=True)
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """In order, each number once."""

        ordering: ClassVar = ["item", "seq"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "seq"], name="custody_in_order")]

    def __str__(self) -> str:
        return f"{self.item} {self.seq} {self.kind}"


class IntegrityCheck(InCase, ImmutableModel):
    """One comparison of an item's bytes with the hash at its collection (校验)."""

    item = models.ForeignKey(EvidenceItem, on_delete=models.PROTECT, related_name="checks")
    at = models.DateTimeField(auto_now_add=True)
    found_sha256 = models.CharField(max_length=64, blank=True)  # empty: the bytes were not there
    is_match = models.BooleanField()
    occasion = models.CharField(max_length=64)
    checked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """In order of time."""

        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.item} {'=' if self.is_match else '≠'}"


class IntegrityAlert(InCase, AuditedModel):
    """An item whose bytes are not what was collected. It blocks the item; looking into it does not unblock it."""

    check_row = models.OneToOneField(IntegrityCheck, on_delete=models.PROTECT, related_name="alert")
    item = models.ForeignKey(EvidenceItem, on_delete=models.PROTECT, related_name="alerts")
    raised_at = models.DateTimeField(auto_now_add=True)
    looked_into_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    looked_into_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.item} !"
