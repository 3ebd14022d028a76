"""Office files are ZIP archives that strangers send: what one may hold before any reader touches it."""

import io
import re
import zipfile
from typing import Final

from django.utils.translation import gettext as _

from davylamp.errors import InputError

UNPACKED_BYTES: Final = 192 << 20  # judged: 100,000 rows of 20 columns are about 90 MB of XML
MEMBERS: Final = 2000  # judged: a workbook of a hundred sheets with pictures has a few hundred
RATIO: Final = 400  # judged: repeated rows pack about 30 to 1, runs of zeros 1000 to 1
SMALL_BYTES: Final = 4 << 20  # below this a high ratio does no harm
_PROLOGUE_BYTES: Final = 2048
_EXTERNAL: Final = re.compile(rb"TargetMode\s*=\s*[\"']External[\"']")
_HYPERLINK: Final = re.compile(rb"<Relationship\b[^>]*relationships/hyperlink[^>]*>")


def check_container(data: bytes, shown: str, *, allow_external: bool = False) -> None:
    """Refuse an archive that unpacks without measure, hides outside the folder, or runs or fetches something.

    Args:
        data: the file.
        shown: its name, as the person knows it.
        allow_external: whether parts may name other files, as links between workbooks do; they are never followed.

    Raises:
        InputError: E-DOC-020 for no archive, E-DOC-021 for its size, E-DOC-022 for what it holds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_sizes(members, shown)
            faults = [fault for one in members for fault in _oddities(archive, one, allow_external)]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        hint = _("save it again without a password, as .xlsx or .docx")
        raise InputError("E-DOC-020", _("%(file)s is no Office file") % {"file": shown}, hint) from error
    if faults:
        words = "; ".join(dict.fromkeys(faults))
        raise InputError(
            "E-DOC-022", f"{shown}: {words}", _("remove it, or copy the content into a new file")
        )


def _check_sizes(members: list[zipfile.ZipInfo], shown: str) -> None:
    unpacked, packed = (sum(getattr(m, name) for m in members) for name in ("file_size", "compress_size"))
    is_bomb = unpacked > SMALL_BYTES and unpacked > RATIO * max(packed, 1)
    if len(members) > MEMBERS or unpacked > UNPACKED_BYTES or is_bomb:
        size = _("%(file)s unpacks to %(mb)s MB in %(n)s parts")
        told = size % {"file": shown, "mb": unpacked >> 20, "n": len(members)}
        raise InputError("E-DOC-021", told, _("remove pictures and empty rows, or split it"))


def _oddities(archive: zipfile.ZipFile, member: zipfile.ZipInfo, allow_external: bool) -> list[str]:
    """What is wrong with one part."""
    name = member.filename
    faults = []
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        faults.append(_("a part with the path %(path)s") % {"path": repr(name[:60])})
    if member.flag_bits & 0x1:
        faults.append(_("a part under a password"))
        return faults
    if "vbaproject" in name.lower() or "activex" in name.lower():
        faults.append(_("macros"))
    if name.lower().endswith((".xml", ".rels")):
        with archive.open(member) as part:
            head = part.read(_PROLOGUE_BYTES).replace(b"\0", b"")  # UTF-16 reads the same without its zeros
            if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                faults.append(_("a document type in %(part)s") % {"part": name[:60]})
            if name.lower().endswith(".rels") and not allow_external:
                links = _HYPERLINK.sub(b"", head + part.read(SMALL_BYTES).replace(b"\0", b""))
                if _EXTERNAL.search(links):
                    faults.append(_("something that is fetched from elsewhere"))
    return faults
