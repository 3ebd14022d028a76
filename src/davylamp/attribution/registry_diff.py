"""What a file or a statement would change in the registry, before anything is written.

A plan compares what one source says now with what the same source said before, and nothing else: facts of other
sources and of other layers are not even looked at. How times work:

- A source states a start, or it does not. Without one, a fact of the source's first file holds since ever; one that
  turns up later holds from the file's *effective* time, so that yesterday's answers do not move.
- A fact that a later file lacks has ended at the effective time of that file. If it returns, a new spell begins.
- An organisation whose name, region or department changed has one row until the effective time and another from it.
- A *correction* says instead that the source was wrong all along: what it has not ended is replaced or withdrawn whole.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from davylamp.attribution.registry_records import KIND_OF, Fact, Organisation, Origin, Stored
from davylamp.errors import BadUse

ChangeKind = Literal["added", "changed", "removed", "unchanged"]
CHANGES: Final[tuple[ChangeKind, ...]] = ("added", "changed", "removed", "unchanged")


@dataclass(frozen=True, slots=True)
class Version:
    """One row to be written."""

    fact: Fact
    thread: str
    spell: int
    is_closed: bool = False
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a diff: what the source said, and what it says now."""

    kind: ChangeKind
    before: Fact | None
    after: Fact | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one statement of a source would change.

    ``base`` is the batch it was compared with, ``kinds`` what the statement speaks of (empty when it was heard before).
    """

    origin: Origin
    effective_ns: int
    base: int
    digest: str
    kinds: tuple[str, ...]
    changes: tuple[Change, ...]
    versions: tuple[Version, ...] = field(repr=False)

    def count(self, kind: ChangeKind) -> int:
        """Number of changes of a kind."""
        return sum(change.kind == kind for change in self.changes)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a source says. A complete one ends whatever the source said before and does not say any more.

    Args:
        origin: who says so.
        facts: what is said; starts only where the source states them.
        kinds: the kinds of facts that it speaks of; facts of other kinds stay as they are.
        effective_ns: the time that the statement describes.
        is_complete: whether silence about a known fact of these kinds ends it.
        is_correction: whether what the source said before and does not say now was never so.
    """

    origin: Origin
    facts: Sequence[Fact]
    kinds: frozenset[type[Any]]
    effective_ns: int
    is_complete: bool = True
    is_correction: bool = False

    @property
    def digest(self) -> str:
        """A name for the content, whatever the order of its facts."""
        lines = sorted(repr(fact) for fact in self.facts)
        flags = f"{self.is_complete}{self.is_correction}{sorted(KIND_OF[k] for k in self.kinds)}"
        return hashlib.sha256("\n".join([flags, *lines]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Background:
    """What a statement is compared with.

    Args:
        known: what the same source is known to have said, of the statement's kinds, as of now.
        spoken: the kinds that the source has spoken of before.
        base: number of the registry's last batch.
        digest: the statement's.
    """

    known: Sequence[Stored]
    spoken: frozenset[str]
    base: int
    digest: str


def compare(statement: Statement, threads: Sequence[str], background: Background) -> Plan:
    """Plan what a statement changes.

    Args:
        statement: what the source says now.
        threads: the thread of each of the statement's facts.
        background: what it said before.

    Raises:
        BadUse: E-REG-006 when it says the same thing twice.
    """
    if len(set(threads)) != len(threads):
        raise BadUse("E-REG-006", "the same fact is stated twice", "read_registry_file shows which rows")
    latest: dict[str, Stored] = {}
    for stored in background.known:
        before = latest.get(stored.thread)
        if before is None or stored.spell > before.spell:
            latest[stored.thread] = stored
    draft = _Draft(statement)
    for fact, thread in sorted(zip(statement.facts, threads, strict=True), key=lambda pair: pair[1]):
        draft.hear(fact, thread, latest.get(thread), is_new_kind=KIND_OF[type(fact)] not in background.spoken)
    if statement.is_complete:
        stated = set(threads)
        for thread in sorted(latest.keys() - stated):
            draft.miss(latest[thread])
    return Plan(
        statement.origin,
        statement.effective_ns,
        background.base,
        background.digest,
        tuple(sorted(KIND_OF[kind] for kind in statement.kinds)),
        tuple(draft.changes),
        tuple(draft.versions),
    )


def withdraw(origin: Origin, known: Sequence[Stored], effective_ns: int, base: int) -> Plan:
    """Plan to take facts back as if they had never been so; what was known before stays readable by ``as_of_ns``.

    Args:
        origin: the layer and source that stated them, and who takes them back.
        known: facts of that layer and source.
        effective_ns: when this is decided.
        base: number of the registry's last batch.

    Raises:
        BadUse: E-REG-008 when another source or layer said so.
    """
    if any((s.origin.layer, s.origin.source) != (origin.layer, origin.source) for s in known):
        raise BadUse("E-REG-008", "a source takes back only what it said itself", "name its layer and source")
    changes = tuple(Change("removed", stored.fact, None) for stored in known)
    return Plan(origin, effective_ns, base, "", (), changes, tuple(map(_withdrawn, known)))


def _withdrawn(stored: Stored) -> Version:
    return Version(stored.fact, stored.thread, stored.spell, is_withdrawn=True)


class _Draft:
    """A plan in the making."""

    def __init__(self, statement: Statement) -> None:
        self.effective_ns = statement.effective_ns
        self.is_correction = statement.is_correction
        self.changes: list[Change] = []
        self.versions: list[Version] = []

    def hear(self, fact: Fact, thread: str, stored: Stored | None, *, is_new_kind: bool) -> None:
        """The source states a fact."""
        if stored is None:
            starts_now = not (is_new_kind or self.is_correction)
            made = self._from_now(fact) if starts_now else fact
            self._write("added", None, Version(made, thread, 0))
            return
        if stored.is_closed and not self.is_correction:
            if fact.valid_from_ns is not None:
                # The source states the start itself, so the gap was in its files and not in the world.
                self._write("added", stored, Version(fact, thread, stored.spell))
            else:
                self._write("added", None, Version(self._from_now(fact), thread, stored.spell + 1))
            return
        is_dated = fact.valid_from_ns is not None
        meant = fact if is_dated else replace(fact, valid_from_ns=stored.fact.valid_from_ns)
        if meant == stored.fact and not stored.is_closed:
            self.changes.append(Change("unchanged", stored.fact, meant))
        elif isinstance(fact, Organisation) and not is_dated and not self.is_correction:
            self._turn(fact, stored)
        else:
            self._write("changed", stored, Version(meant, thread, stored.spell))

    def miss(self, stored: Stored) -> None:
        """The source does not state a fact any more."""
        fact = stored.fact
        gone = stored.is_closed or (fact.valid_to_ns is not None and fact.valid_to_ns <= self.effective_ns)
        if gone:
            self.changes.append(Change("unchanged", fact, fact))
        elif self.is_correction or (fact.valid_from_ns or 0) >= self.effective_ns:
            self._write("removed", stored, _withdrawn(stored), None)
        else:
            ended = replace(fact, valid_to_ns=self.effective_ns)
            self._write("removed", stored, Version(ended, stored.thread, stored.spell, is_closed=True))

    def _turn(self, fact: Organisation, stored: Stored) -> None:
        """An organisation is called or placed differently from now on."""
        if (stored.fact.valid_from_ns or 0) >= self.effective_ns:
            meant = replace(fact, valid_from_ns=stored.fact.valid_from_ns)
            self._write("changed", stored, Version(meant, stored.thread, stored.spell))
            return
        ended = replace(stored.fact, valid_to_ns=self.effective_ns)
        self.versions.append(Version(ended, stored.thread, stored.spell, is_closed=True))
        self._write("changed", stored, Version(self._from_now(fact), stored.thread, stored.spell + 1))

    def _from_now(self, fact: Fact) -> Fact:
        """The fact from the effective time on, where its start is not stated."""
        if fact.valid_from_ns is not None:
            return fact
        ends_before = fact.valid_to_ns is not None and fact.valid_to_ns <= self.effective_ns
        return fact if ends_before else replace(fact, valid_from_ns=self.effective_ns)

    def _write(
        self, kind: ChangeKind, stored: Stored | None, version: Version, after: Fact | str | None = ""
    ) -> None:
        self.versions.append(version)
        shown = version.fact if isinstance(after, str) else after
        self.changes.append(Change(kind, stored.fact if stored else None, shown))
