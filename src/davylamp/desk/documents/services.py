"""Make a document, open one, and put an office's own template into use."""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Holder, Scope, govern
from davylamp.desk.audit.models import AuditedModel
from davylamp.desk.audit.record import record
from davylamp.desk.core import vault
from davylamp.desk.core.drawn import drawn
from davylamp.desk.documents.excel import Table, watermark, write_workbook
from davylamp.desk.documents.models import Document, Kind, TemplateChange
from davylamp.desk.documents.numbers import Number
from davylamp.desk.documents.render import check_template, render
from davylamp.errors import InputError

READERS = (Duty.ANALYST, Duty.OFFICER, Duty.APPROVER, Duty.LEADER, Duty.AUDITOR)


def install() -> None:
    """Called when Django is ready."""
    govern(Document, Scope(), {"read": (*READERS, Duty.CONTACT), "create": READERS})
    govern(TemplateChange, Scope("", "", ""), {"read": (Duty.ADMIN, Duty.AUDITOR), "create": (Duty.ADMIN,)})


@dataclass(frozen=True, slots=True)
class About:
    """Of what a document speaks, to whom, and who may read it."""

    subject: AuditedModel | tuple[str, str]
    title: str
    recipient: str
    region_code: str
    organisation_code: str = ""
    classification: int = 1


def make(
    holder: Holder, kind: str, fields: dict[str, Any], about: About, number: Number | None = None
) -> Document:
    """Render and keep a Word document, inside the transaction of the step that needs it.

    Args:
        holder: who makes it; the watermark's id leads to it.
        kind: of `Kind`, one that has a template.
        fields: of `kinds.FORMS`, without ``mark`` and ``number``.
        about: of what it speaks.
        number: as `numbers.take_number` gave it.

    Raises:
        InputError: see `render`.
    """
    export_id = new_export_id()
    with translation.override("zh-hans"):  # papers are Chinese; their readers do not learn who made them
        mark = watermark(export_id)
    full = {**fields, "mark": mark, "number": fields.get("number") or str(number or "")}
    data, template = render(kind, full)
    return _store(holder, kind, data, about, number, (export_id, "docx", template))


def make_workbook(holder: Holder, tables: list[Table], about: About, kind: str = Kind.WEEKLY) -> Document:
    """Write and keep a workbook."""
    export_id = new_export_id()
    data = write_workbook(tables, export_id, holder.label)
    with transaction.atomic():
        return _store(holder, kind, data, about, None, (export_id, "xlsx", ""))


def new_export_id() -> str:
    """A fresh watermark id."""
    return drawn("DC", secrets.token_hex(16))


def _store(
    holder: Holder, kind: str, data: bytes, about: About, number: Number | None, print_: tuple[str, str, str]
) -> Document:
    export_id, suffix, template = print_
    subject = about.subject
    label, key = subject if isinstance(subject, tuple) else (subject._meta.label_lower, str(subject.pk))
    made = Document(
        kind=kind,
        number=str(number or ""),
        word=number.word if number else "",
        year=number.year if number else None,
        serial=number.serial if number else None,
        title=about.title[:200],
        recipient=about.recipient[:200],
        region_code=about.region_code,
        organisation_code=about.organisation_code,
        classification=about.classification,
        subject_type=label,
        subject_id=key,
        export_id=export_id,
        sha256=vault.store([data]).sha256,
        size_bytes=len(data),
        file_name=vault.plain_name(f"{number or export_id} {about.title}.{suffix}"),
        template_sha256=template,
        made_by_id=holder.user_id,
    )
    made.save(action="document.make")
    return made


def open_document(holder: Holder, document: Document) -> bytes:
    """The bytes of a document, as they were; that it was opened stands in the audit.

    Raises:
        Hidden: E-ACC-404.
        InputError: E-VLT-004 when the file is gone, E-DOC-012 when it is not what it was.
    """
    policy.check(holder, policy.READ, document)
    data = b"".join(vault.read(document.sha256))
    if hashlib.sha256(data).hexdigest() != document.sha256:
        raise InputError("E-DOC-012", _("the file is not what it was"), _("restore it from a backup"))
    with transaction.atomic():
        record("document.open", document, {"export_id": document.export_id})
    return data


def use_template(holder: Holder, kind: str, data: bytes, shown: str) -> TemplateChange:
    """Put an office's own template into use; empty data goes back to the shipped one. What was in use is kept.

    Raises:
        Forbidden: E-ACC-403 for who is not an administrator of the province.
        InputError: see `check_template`.
    """
    if not policy.can_create(holder, TemplateChange, region_code=settings.PROVINCE):
        raise policy.Forbidden(
            "E-ACC-403", _("your duty does not include this"), _("ask whoever made your account")
        )
    if data or kind not in Kind.values:
        check_template(kind, data, shown)
    place = Path(settings.HOME) / "templates" / f"{kind}.docx"
    with transaction.atomic():
        change = TemplateChange(
            kind=kind, sha256=vault.store([data]).sha256 if data else "", made_by_id=holder.user_id
        )
        change.save(action="template.use")
        if place.exists():
            vault.store([place.read_bytes()])
        if data:
            fresh = place.with_suffix(".new")
            fresh.write_bytes(data)
            os.replace(fresh, place)
        else:
            place.unlink(missing_ok=True)
    return change
