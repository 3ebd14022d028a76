"""From fields to a Word file: the office's own template if there is a good one, else the shipped one.

Templates are files that an administrator brings: their expressions run in a sandbox, may use the fields of their kind
and no others, and are tried on an example before they are taken into use.
"""

import hashlib
import io
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from davylamp.desk.documents.containers import check_container
from davylamp.desk.documents.excel import CONTROLS
from davylamp.desk.documents.kinds import FORMS
from davylamp.desk.documents.shipped import FOLDER
from davylamp.errors import DavylampError, InputError

TEMPLATE_BYTES: Final = 4 << 20  # judged: a template with a seal's picture has a few hundred kB


def template_path(kind: str) -> Path:
    """The template in use: the office's own, or the shipped one."""
    own = Path(settings.HOME) / "templates" / f"{kind}.docx"
    return own if own.exists() else FOLDER / f"{kind}.docx"


def render(kind: str, fields: dict[str, Any]) -> tuple[bytes, str]:
    """A document.

    Args:
        kind: of `kinds.FORMS`.
        fields: every field of the kind, as texts; ``rows`` as a list of them.

    Returns:
        the file, and the SHA-256 of the template.

    Raises:
        InputError: E-DOC-040 with everything that is wrong with the office's own template.
    """
    missing = FORMS[kind].example.keys() - fields.keys()
    if missing:
        raise InputError(
            "E-DOC-041", f"{kind} without {', '.join(sorted(missing))}", "a fault of this program"
        )
    path = template_path(kind)
    data = path.read_bytes()
    if path.parent != FOLDER:
        check_template(kind, data, path.name)
    return _fill(data, fields), hashlib.sha256(data).hexdigest()


def check_template(kind: str, data: bytes, shown: str) -> None:
    """Refuse a template that cannot be used.

    Raises:
        InputError: E-DOC-020 to 022 for the file, E-DOC-040 with every unknown and every missing field, or what went
            wrong when it was tried on the example.
    """
    if len(data) > TEMPLATE_BYTES:
        raise InputError(
            "E-DOC-040", _("%(file)s is too large") % {"file": shown}, _("make its pictures smaller")
        )
    check_container(data, shown)
    form = FORMS.get(kind)
    if form is None:
        raise InputError("E-DOC-040", _("there is no kind %(kind)s") % {"kind": kind}, ", ".join(FORMS))
    try:
        used = _used(data)
        faults = [_("unknown field %(f)s") % {"f": f} for f in sorted(used - form.example.keys())]
        faults += [_("field %(f)s is missing") % {"f": f} for f in sorted(form.required - used)]
        if not faults:
            _fill(data, form.example)
    except DavylampError:
        raise
    except Exception as error:  # noqa: BLE001 - a template is a program of a stranger: whatever it raises is its fault
        faults = [f"{type(error).__name__}: {str(error)[:200]}"]
    if faults:
        told = f"{shown}: {'; '.join(faults)}"
        raise InputError("E-DOC-040", told, _("fields: %(f)s") % {"f": ", ".join(form.example)})


def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    made.globals.clear()
    return made


def _used(data: bytes) -> set[str]:
    from docxtpl import DocxTemplate

    return set(DocxTemplate(io.BytesIO(data)).get_undeclared_template_variables(_environment()))


def _fill(data: bytes, fields: dict[str, Any]) -> bytes:
    from docxtpl import DocxTemplate

    template = DocxTemplate(io.BytesIO(data))
    template.render(_plain(fields), _environment(), autoescape=True)
    out = io.BytesIO()
    template.save(out)
    return out.getvalue()


def _plain(value: Any) -> Any:
    """Texts that XML can hold."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return CONTROLS.sub("�", str(value)).replace("\t", " ")
