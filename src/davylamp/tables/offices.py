"""Text of the files that offices save: UTF-8, GBK as Excel in China saves its CSV, UTF-16 as its "Unicode text"."""

import codecs
from typing import Final

ENCODINGS: Final = ("utf-8-sig", "gb18030")


def office_text(data: bytes) -> str | None:
    """The text of a file's bytes; None where it is none in these encodings."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    return None
