"""Damage in the inputs as sentences: what is wrong, then where, without saying a path twice."""

import re
from typing import Final

from davylamp.records import Fault
from davylamp.report.numbers import count
from davylamp.report.phrases import Phrases
from davylamp.report.plain import plain
from davylamp.report.words import Lang, say

STDIN: Final = "-"
_PLACED: Final = re.compile(
    r"E-CAP-0[12]\d"
)  # damage within a container or a frame: only there is an offset a place


def path_name(path: str, lang: Lang) -> str:
    """A path as people read it; ``-`` by its name."""
    return say("stdin", lang) if path == STDIN else plain(path)


def fault_sentence(fault: Fault, phrases: Phrases) -> str:
    """``E-CAP-012: … (a.pcap, first at byte 24, 3 times)``."""
    lang = phrases.lang
    what = say("fault_line", lang, code=plain(fault.code), message=fault_message(fault, phrases))
    times = say("fault_times", lang, n=count(fault.count)) if fault.count > 1 else ""
    place = say("fault_comma", lang).join(p for p in (fault_place(fault, lang), times) if p)
    return what + (say("fault_place", lang, place=place) if place else "")


def fault_message(fault: Fault, phrases: Phrases) -> str:
    """What is wrong, in the reader's language."""
    message = fault.message
    if fault.path == STDIN and _names_path(fault):
        message = say("stdin", phrases.lang) + message.removeprefix(STDIN)
    return phrases.tell(message)


def fault_place(fault: Fault, lang: Lang) -> str:
    """File and offset, as far as the message does not name them; empty when it says all."""
    path = "" if _names_path(fault) else path_name(fault.path, lang)
    offset = say("fault_offset", lang, offset=count(fault.offset)) if _PLACED.fullmatch(fault.code) else ""
    return say("fault_comma", lang).join(p for p in (path, offset) if p)


def _names_path(fault: Fault) -> bool:
    return fault.message.startswith(f"{fault.path}: ")
