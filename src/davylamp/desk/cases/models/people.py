"""People in a case: sealed, each under a key of their own, which can be destroyed while the hashes stay."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from davylamp.desk.access.models import User
from davylamp.desk.audit.models import AuditedModel
from davylamp.desk.cases.models.case import Case, InCase


class CasePerson(InCase, AuditedModel):
    """A person (人员) in a case. Name, number and contact are sealed; what stands open names nobody."""

    class Kind(models.TextChoices):
        """Their relation to the organisation."""

        OFFICIAL = "official", _("public official")  # 公职
        STATE_FIRM = "state_firm", _("state enterprise staff")  # 国企
        TEMPORARY = "temporary", _("temporary staff")  # 临聘
        STUDENT = "student", _("student")  # 学生
        CONTRACTOR = "contractor", _("contractor")  # 外包
        OUTSIDER = "outsider", _("outsider")  # 外部

    personal: ClassVar[frozenset[str]] = frozenset({"sealed", "link_digest"})

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="people")
    pseudonym = models.CharField(max_length=16)  # how pages call them: P-4F2A
    kind = models.CharField(max_length=16, choices=Kind.choices)
    role = models.CharField(max_length=100, blank=True)  # in the case: user of the host, purchaser, witness
    sealed = models.TextField()  # base64 of nonce and ciphertext, AES-256-GCM
    sealed_sha256 = models.CharField(max_length=64)  # stays when the key is gone
    link_digest = models.CharField(max_length=64, blank=True, db_index=True)  # keyed; tells repeats, not who
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A pseudonym stands once in a case."""

        ordering: ClassVar = ["pseudonym"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "pseudonym"], name="pseudonym_once_per_case")
        ]

    def __str__(self) -> str:
        return self.pseudonym


class PersonKey(InCase, AuditedModel):
    """The key of one person, itself sealed by the desk's own; empty once destroyed."""

    personal: ClassVar[frozenset[str]] = frozenset({"wrapped"})

    person = models.OneToOneField(CasePerson, on_delete=models.PROTECT, related_name="key")
    wrapped = models.CharField(max_length=200, blank=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)
    destroyed_because = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return str(self.person)
