"""Numbers that offices give (文号), and the documents that bear them."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import Clearance, User
from davylamp.desk.audit.models import AuditedModel, ImmutableModel


class Kind(models.TextChoices):
    """What leaves the building."""

    LETTER = "letter", _("hand-over letter")  # 移送函
    NOTICE = "notice", _("rectification notice")  # 整改通知书
    FEEDBACK = "feedback", _("feedback form")  # 反馈表
    SUPERVISION = "supervision", _("supervision letter")  # 督办函
    WEEKLY = "weekly", _("weekly list")  # 周报清单


class NumberSeries(AuditedModel):
    """The last running number of an authority's word in a year."""

    word = models.CharField(max_length=32)  # 机关代字
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        """One row per word and year."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["word", "year"], name="one_series_per_word_and_year")
        ]

    def __str__(self) -> str:
        return f"{self.word}〔{self.year}〕"


class Document(ImmutableModel):
    """One rendered file, as it was; its bytes lie in the desk's ``files/`` under their SHA-256."""

    kind = models.CharField(max_length=16, choices=Kind.choices)
    number = models.CharField(max_length=64, blank=True, db_index=True)  # as printed: 浙矿移〔2021〕12号
    word = models.CharField(max_length=32, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    serial = models.PositiveIntegerField(null=True, blank=True)
    title = models.CharField(max_length=200)
    recipient = models.CharField(max_length=200)
    region_code = models.CharField(max_length=6, db_index=True)
    organisation_code = models.CharField(max_length=64, blank=True, db_index=True)
    classification = models.PositiveSmallIntegerField(choices=Clearance.choices, default=Clearance.INTERNAL)
    subject_type = models.CharField(max_length=64)  # of what it speaks: label of the model and key
    subject_id = models.CharField(max_length=64, db_index=True)
    export_id = models.CharField(max_length=16, unique=True)  # watermark
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.PositiveBigIntegerField()
    file_name = models.CharField(max_length=200)
    template_sha256 = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="documents"
    )

    class Meta:
        """A number is given once."""

        ordering: ClassVar = ["-made_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["word", "year", "serial"],
                condition=models.Q(serial__isnull=False),
                name="a_document_number_is_given_once",
            )
        ]

    def __str__(self) -> str:
        return self.number or self.title


class TemplateChange(ImmutableModel):
    """An office put its own template into use, or went back to the shipped one (empty ``sha256``)."""

    kind = models.CharField(max_length=16, choices=Kind.choices)
    sha256 = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT)

    class Meta:
        """Newest last."""

        ordering: ClassVar = ["made_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:8]}"
