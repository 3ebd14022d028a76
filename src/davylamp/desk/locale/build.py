"""Catalogues out of fragments: collect every msgid of the desk, take its Chinese from the fragments, write .po and .mo.

Each task keeps its own Chinese in ``fragments/<task>.csv`` (columns ``msgid,zh`` and, where one English word is two
in Chinese, ``context`` as `pgettext` has it), so that two tasks do not change
one file. ``python -m davylamp.desk.locale.build`` writes; ``--missing`` prints what has no Chinese yet.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po
from django.utils.translation.template import templatize

from davylamp.errors import TableError

HERE: Final = Path(__file__).parent
DESK: Final = HERE.parent
TARGET: Final = HERE / "zh_Hans" / "LC_MESSAGES"
KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
GLUE: Final = "\x04"  # between context and msgid, as in a .mo file
HOLES: Final = re.compile(r"%\((\w+)\)[sd]|%[sd]")
SOME_DAY: Final = datetime(2021, 7, 5, tzinfo=UTC)  # the files depend on the fragments and on nothing else


def messages() -> Iterator[tuple[str, str | tuple[str, str]]]:
    """Every message of the desk's code and templates, with the file that holds it."""
    for path in sorted(DESK.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        yield from _of(path, path.read_text(encoding="utf-8"))
    for path in sorted(DESK.glob("*/templates/**/*.html")):
        yield from _of(path, templatize(path.read_text(encoding="utf-8"), origin=str(path)))
    for path in sorted((DESK / "cases").glob("*.csv")):
        yield from _of_table(path)


def _of_table(path: Path) -> Iterator[tuple[str, str]]:
    """Titles and details of a shipped table: people read them as they read the code's words."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for column in ("title", "detail"):
                if row.get(column):
                    yield path.relative_to(DESK).as_posix(), row[column]


def _of(path: Path, text: str) -> Iterator[tuple[str, str | tuple[str, str]]]:
    name = path.relative_to(DESK).as_posix()
    found = extract("python", io.BytesIO(text.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"})
    for _line, message, _comments, context in found:
        if context:
            yield name, f"{context}{GLUE}{message}"
        elif isinstance(message, tuple):
            yield name, (message[0], message[1])
        elif message:
            yield name, message


def fragments() -> dict[str, str]:
    """Chinese by msgid.

    Raises:
        TableError: E-TAB-030 with every row that contradicts another one or whose holes are not those of its msgid.
    """
    found: dict[str, str] = {}
    faults = []
    for path in sorted((HERE / "fragments").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), 2):
                msgid, chinese = row.get("msgid") or "", (row.get("zh") or "").strip()
                if row.get("context"):
                    msgid = f"{row['context']}{GLUE}{msgid}"
                if not msgid or not chinese:
                    faults.append(f"{path.name}:{line}: an empty cell")
                elif found.get(msgid, chinese) != chinese:
                    faults.append(f"{path.name}:{line}: {msgid!r} is {found[msgid]} elsewhere")
                elif not set(HOLES.findall(chinese)) <= set(HOLES.findall(msgid)):
                    faults.append(f"{path.name}:{line}: {chinese!r} has holes that {msgid!r} has not")
                else:
                    found[msgid] = chinese
    if faults:
        raise TableError("E-TAB-030", "; ".join(faults), "one msgid has one Chinese in all fragments")
    return found


def key_of(message: str | tuple[str, str]) -> str:
    """What a fragment calls a message: its singular."""
    return message if isinstance(message, str) else message[0]


def missing() -> dict[str, str]:
    """Messages without Chinese, each with a file that holds it."""
    known = fragments()
    return {key_of(m): name for name, m in messages() if key_of(m) not in known}


def catalogue() -> Catalog:
    """The Chinese catalogue as the fragments have it, in the order of msgids."""
    known = fragments()
    made = Catalog(
        "zh_Hans", project="davylamp", version="", copyright_holder="", msgid_bugs_address="", last_translator="",
        language_team="", creation_date=SOME_DAY, revision_date=SOME_DAY, fuzzy=False,
    )  # fmt: skip
    held: dict[str, tuple[str | tuple[str, str], set[str]]] = {}
    for name, message in messages():
        before = held.get(key_of(message))
        wider = before[0] if before is not None and isinstance(before[0], tuple) else message
        held[key_of(message)] = (wider, (before[1] if before else set()) | {name})
    for key in sorted(held):
        message, names = held[key]
        chinese = known.get(key)
        if chinese is not None:
            text = (chinese,) if isinstance(message, tuple) else chinese
            context, glue, bare = key.partition(GLUE)
            places = [(name, 0) for name in sorted(names)]
            made.add(bare if glue else message, text, locations=places, context=context if glue else None)
    return made


def written() -> dict[str, bytes]:
    """The two files as they should be, by name."""
    made = catalogue()
    po, mo = io.BytesIO(), io.BytesIO()
    write_po(po, made, width=110, include_lineno=False, omit_header=True)
    write_mo(mo, made)
    head = (
        'msgid ""\nmsgstr ""\n"Language: zh_Hans\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
    )
    return {"django.po": head.encode() + po.getvalue(), "django.mo": mo.getvalue()}


def main() -> int:
    """Write the files, or print what is missing."""
    lost = missing()
    if "--missing" in sys.argv:
        sys.stdout.writelines(
            f"{name}\t{key}\n" for key, name in sorted(lost.items(), key=lambda p: (p[1], p[0]))
        )
        return 1 if lost else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, data in written().items():
        (TARGET / name).write_bytes(data)
    sys.stderr.write(f"{len(catalogue())} messages, {len(lost)} without Chinese\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
