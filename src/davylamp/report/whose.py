"""What the HTML report says of a client's holder: the organisation, the chain to the computer, its weakest link."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from davylamp.records import Attribution, Claim, Client, Holder, Hop, Link
from davylamp.report import numbers
from davylamp.report.lines import Book
from davylamp.report.places import place_name
from davylamp.report.plain import plain, shorten
from davylamp.report.views import DOT
from davylamp.report.words import Lang, say

MOST_CLAIMS: Final = 8  # judged: organisations that claim one address and are still read
MOST_CHAINS: Final = 20  # judged: connections of one address that are still read; the JSON holds all
_NAME: Final = 80  # cells
_VALUE: Final = 60
_SENTENCE: Final = 300  # characters
_COLUMNS: Final[tuple[Hop, ...]] = ("mac", "port", "host", "holder")


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One organisation that claims the address over a part of the time; the best claim of each part is first."""

    name: str
    code: str
    about: str  # region, sector, public or not
    since: str
    until: str
    state: str  # empty where the claim stands undisputed
    range: str
    because: str
    confidence: str


@dataclass(frozen=True, slots=True)
class LinkLine:
    """One link of the chain; ``value`` is the word for unknown where it is a gap."""

    hop: str
    value: str
    is_known: bool
    is_weakest: bool
    source: str
    clock: str
    confidence: str
    because: str


@dataclass(frozen=True, slots=True)
class ChainLine:
    """One reading in one row: the connection, the address inside, then MAC, port, host and holder."""

    start: str
    when: str
    ambiguous: bool
    cells: tuple[LinkLine, ...]


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose a client's address was, and which computer stood behind it."""

    claims: tuple[ClaimLine, ...]
    more_claims: int
    chain: tuple[LinkLine, ...]  # of the weakest attribution
    chain_of: str
    weakest: str  # in words
    chains: tuple[ChainLine, ...]  # all readings, where there are several
    more_chains: int
    not_known: tuple[str, ...]

    @classmethod
    def of(cls, client: Client, book: Book) -> "Whose":
        """What is said of one client."""
        found = [book.scan.attributions[i] for i in client.attributions if i < len(book.scan.attributions)]
        weakest = next((a for a in found if a.weakest == client.weakest), None)
        readings = [(a, chain) for a in found for chain in a.chains if chain]
        claims = [(h, c) for h in client.holders for c in h.claims]
        told = [n.because for n in client.not_known if n.what in ("organisation", "computer")]
        chain = weakest.chains[0] if weakest and weakest.chains else ()
        return cls(
            claims=tuple(_claim(h, c, book) for h, c in claims[:MOST_CLAIMS]),
            more_claims=max(0, len(claims) - MOST_CLAIMS),
            chain=tuple(_link(link, weakest, book) for link in chain if weakest),
            chain_of=plain(chain[0].value) if chain else "",
            weakest=book.phrases.tell(client.weakest)[:_SENTENCE],
            chains=tuple(_chain(a, c, book) for a, c in readings[:MOST_CHAINS]) if len(readings) > 1 else (),
            more_chains=max(0, len(readings) - MOST_CHAINS),
            not_known=tuple(book.phrases.tell(t)[:_SENTENCE] for t in dict.fromkeys(told)),
        )


def organisation_of(client: Client, lang: Lang) -> str:
    """The best claim's organisation; unknown where there is none."""
    claim = client.claim
    return shorten(claim.name or claim.organisation, _NAME) if claim else say("unknown", lang)


def about_of(holder: Holder, claim: Claim, lang: Lang) -> str:
    """Region and sector."""
    given = holder.region_name if claim is holder.claims[0] else ""
    parts = (place_name(claim.region, lang, given) if claim.region else "", claim.sector)
    return DOT.join(shorten(p, _NAME) for p in parts if p)


def doubt_of(client: Client, lang: Lang) -> str:
    """What speaks against naming one organisation: others claim the address, or it changed hands."""
    parts = []
    if any(h.state == "contested" for h in client.holders):
        parts.append(say("contested", lang))
    if len(client.holders) > 1:
        parts.append(say("n_holders", lang, n=numbers.count(len(client.holders))))
    return say("list_comma", lang).join(parts)


def _claim(holder: Holder, claim: Claim, book: Book) -> ClaimLine:
    lang = book.lang
    public = {True: say("public_yes", lang), False: say("public_no", lang), None: ""}[claim.is_public]
    since, until = numbers.span(holder.first_ns, holder.last_ns, book.zone)
    state = ""
    if claim is not holder.claims[0]:
        state = say("also_claims", lang)
    elif holder.state == "contested":
        state = say("contested", lang)
    return ClaimLine(
        name=shorten(claim.name or say("unknown", lang), _NAME),
        code=shorten(claim.organisation, 40),
        about=DOT.join(p for p in (about_of(holder, claim, lang), public) if p),
        since=since,
        until=until,
        state=state,
        range=shorten(claim.network, 50),
        because=f"{book.phrases.tell(claim.method)[:_SENTENCE]}{DOT}{shorten(claim.source, _VALUE)}",
        confidence=f"{claim.confidence:.2f}",
    )


def _link(link: Link, found: Attribution, book: Book) -> LinkLine:
    return LinkLine(
        hop=say(f"hop_{link.hop}", book.lang),
        value=shorten(link.value, _VALUE) if link.value else say("unknown", book.lang),
        is_known=bool(link.value),
        is_weakest=_is_weakest(link, found),
        source=shorten(link.source, _VALUE) if link.hop != "address" else say("sensor", book.lang),
        clock=_clock(link, book.lang),
        confidence=f"{link.confidence:.2f}" if link.value else "",
        because=book.phrases.tell(link.because)[:_SENTENCE],
    )


def _is_weakest(link: Link, found: Attribution) -> bool:
    """Whether the attribution names this link as its weakest: by hop where it is a gap or ambiguous, else by value."""
    named = found.weakest
    return named.startswith(f"{link.hop}: ") or (
        bool(link.value) and named.startswith(f"{link.hop} {link.value}: ")
    )


def _clock(link: Link, lang: Lang) -> str:
    """How far the record's time may be off, and by how much its clock was set right."""
    parts = []
    if link.tolerance_s:
        parts.append(f"± {link.tolerance_s:.3g} s")
    if link.offset_s:
        sign = "+" if link.offset_s > 0 else "−"
        parts.append(say("clock_off", lang, by=f"{sign}{abs(link.offset_s):.3g} s"))
    return say("list_comma", lang).join(parts)


def _chain(found: Attribution, chain: Sequence[Link], book: Book) -> ChainLine:
    since, until = numbers.span(
        chain[0].from_ns or found.first_ns, chain[0].to_ns or found.last_ns, book.zone
    )
    inside = _last(chain, ("nat", "lease"))
    cells = [inside, *(_last(chain, (hop,)) for hop in _COLUMNS)]
    return ChainLine(
        start=plain(chain[0].value),
        when=f"{since} {numbers.DASH} {until}",
        ambiguous=found.is_ambiguous,
        cells=tuple(_link(link, found, book) for link in cells),
    )


def _last(chain: Iterable[Link], hops: Sequence[Hop]) -> Link:
    """The link of these hops that stands for them: the weakest if it is a gap, else the last known one."""
    own = [link for link in chain if link.hop in hops]
    known = [link for link in own if link.value]
    missing = Link(hops[0], "", "", None, None, 0.0, 0.0, 0.0, "")
    return (known or own or [missing])[-1]
