"""What the tests of the hops share: lines through a parser, and times by hand."""

from datetime import UTC, datetime

from davylamp.attribution.hops.reading import parser_named
from davylamp.attribution.hops.record import About, Damage, Line

NS = 1_000_000_000
REFERENCE = datetime(2024, 6, 2, tzinfo=UTC)


def at(text):
    """Unix ns of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


def about(source="log", zone=UTC, reference=REFERENCE):
    return About(source, int(reference.timestamp()) * NS, zone)


def outcomes(parser, text, given=None):
    lines = [Line(i, s) for i, s in enumerate(text.strip("\n").split("\n"), 1)]
    return list(parser_named(parser).read(lines, given or about()))


def records(parser, text, given=None):
    """All records, with no damage among them."""
    found = outcomes(parser, text, given)
    assert [o for o in found if isinstance(o, Damage)] == []
    return [record for outcome in found if outcome for record in outcome]


def damages(parser, text, given=None):
    return [o for o in outcomes(parser, text, given) if isinstance(o, Damage)]
