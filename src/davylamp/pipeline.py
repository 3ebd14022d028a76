"""The whole lamp on one screen: capture | meter | read | detect | fuse | size | clients.

::

    paths ─▶ read_batches ─▶ Meter ─┬─▶ Conversation ─▶ Reader ─▶ sessions ─┬─▶ detect ─▶ fuse ─▶ size ─▶ lead ─▶ Scan
             capture         flows  │   flows           dialects            │   detectors         sizing   │
                                    └─▶ flows of note ──────────────────────┘                   pipeline_clients

The stages know `davylamp.records` and nothing of each other; only this file and
`davylamp.pipeline_clients` string them together.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from davylamp.capture import find_captures, read_batches
from davylamp.capture.tcp_clock import Ticks
from davylamp.detectors import fusion, peer_node, plaintext_session, pool_name
from davylamp.dialects.reading import Reader
from davylamp.errors import InputError
from davylamp.flows.carriers.lane import DAMAGE
from davylamp.flows.framing import Conversation
from davylamp.flows.meter import Checks, FlowBatch, Meter, Metered, MeterSettings
from davylamp.flows.reassembly import Segment
from davylamp.pipeline_clients import NOTHING, Beside, check_beside, lead
from davylamp.records import (
    Endpoint,
    Fault,
    Finding,
    Flow,
    InputReport,
    Opening,
    PacketBatch,
    Scan,
    Session,
    Sighting,
)
from davylamp.settings import DEFAULTS, Settings
from davylamp.sizing.hashrate import size, sum_rates
from davylamp.tables import pool_domains

MIB: Final = 1 << 20
SLACK_NS: Final = 1_000_000_000  # judged: packets around a rotation may swap places
PASSED_BY: Final = "E-FLW-010"
WORDS: Final = {**DAMAGE, PASSED_BY: "packets of conversations not followed because too many ran at a time"}

Progress = Callable[[str, int], None]
"""Called with the path being read and the bytes of it consumed since the last call."""
Stop = Callable[[], bool]
"""Asked between batches: true ends the reading, and what was read until then is kept."""


@dataclass(slots=True)
class Followed:
    """One conversation that is followed word by word."""

    conversation: Conversation
    reader: Reader
    clocks: tuple[Ticks, Ticks]  # of the server's packets, of the client's


class Lamp:
    """One capture on its way through the stages; `scan` makes one per capture, or one for all that are joined.

    Args:
        settings: the scan's options.
        domains: pool domains whose visits are of note.
    """

    def __init__(self, settings: Settings, domains: Sequence[str]) -> None:
        self.settings = settings
        self.meter = Meter(
            MeterSettings(
                capacity=1 << (settings.flow_capacity - 1).bit_length(),
                idle_s=settings.idle_s,
                udp_idle_s=settings.udp_idle_s,
                held_idle_s=settings.mining_idle_s,
            ),
            domains,
        )
        self.followed: dict[int, Followed] = {}
        self.sessions: list[Session] = []
        self.notable: dict[tuple[str, Endpoint, str, str], Flow] = {}
        self.damage: Counter[str] = Counter()

    def feed(self, batch: PacketBatch, capture: str) -> None:
        """Take one batch of packets."""
        metered = self.meter.feed(batch)
        dismissed, held = self._follow(batch, metered, capture)
        if dismissed:
            self.meter.dismiss(dismissed)
        if held:
            self.meter.hold(held)
        self._check_discovery(batch, metered.checks)
        self._end(metered)

    def _follow(self, batch: PacketBatch, metered: Metered, capture: str) -> tuple[list[int], list[int]]:
        """Hand the bytes of marked packets to their conversations; flows that turned out dull, and mining."""
        dismissed: list[int] = []
        held: list[int] = []
        marked = metered.marked
        for row, flow_id, from_client in zip(
            marked.row.tolist(), marked.flow_id.tolist(), marked.from_client.tolist(), strict=True
        ):
            followed = self.followed.get(flow_id) or self._begin(flow_id, capture)
            if followed is None or followed.reader.is_dismissed:
                continue
            was = followed.reader.state
            segment = segment_of(batch, row)
            if was == "mining" and segment.ts_ns >= followed.clocks[from_client].due_ns:
                followed.clocks[from_client].take(batch, row)
            for message in followed.conversation.push(from_client, segment):
                followed.reader.feed(message)
            if followed.reader.is_dismissed or followed.conversation.state == "opaque":
                dismissed.append(flow_id)
            elif was != followed.reader.state:
                held.append(flow_id)
        for flow_id in dismissed:
            self._close(flow_id)
        return dismissed, held

    def _begin(self, flow_id: int, capture: str) -> Followed | None:
        if len(self.followed) >= self.settings.conversations:
            self.damage[PASSED_BY] += 1
            return None
        start = self.meter.opening(flow_id)
        opening = Opening(flow_id, capture, start.client, start.server, not start.handshake_seen)
        conversation = Conversation(isn_client=start.isn_client, isn_server=start.isn_server)
        followed = Followed(conversation, Reader(opening), (Ticks(), Ticks()))
        self.followed[flow_id] = followed
        return followed

    def _close(self, flow_id: int) -> None:
        followed = self.followed.pop(flow_id, None)
        if followed is None:
            return
        for message in followed.conversation.flush():
            followed.reader.feed(message)
        if followed.conversation.swapped:
            followed.reader.swap()
        session = followed.reader.close(followed.conversation.names)
        if session is not None:
            self.damage.update(followed.conversation.damage)
            points = followed.clocks[not followed.conversation.swapped].points()
            self.sessions.append(replace(session, traces=replace(session.traces, tcp_clock=points)))

    def _check_discovery(self, batch: PacketBatch, checks: Checks) -> None:
        """Confirm Ethereum discovery packets by their own hash, once per flow."""
        first = dict(zip(reversed(checks.flow_id.tolist()), reversed(checks.row.tolist()), strict=True))
        good = [flow_id for flow_id, row in first.items() if peer_node.is_discovery(payload_of(batch, row))]
        if good:
            self.meter.confirm_discovery(good)

    def _end(self, metered: Metered) -> None:
        """Decide the conversations whose flows ended, and keep the flows that a detector may judge."""
        for flow_id in metered.ended.finished():
            self._close(flow_id)
        self._note(metered.ended)

    def _note(self, ended: FlowBatch) -> None:
        """Keep flows that a detector may judge; the same client, server and reason make one longer flow."""
        for flow in ended.interesting().views():
            key = (flow.client.ip, flow.server, flow.node, flow.name)
            known = self.notable.get(key, flow)
            first, last = min(known.first_ns, flow.first_ns), max(known.last_ns, flow.last_ns)
            self.notable[key] = replace(known, first_ns=first, last_ns=last)

    def close(self) -> None:
        """End of the capture: everything still open is decided."""
        rest = self.meter.close()
        for flow_id in list(self.followed):
            self._close(flow_id)
        self._note(rest)


def payload_of(batch: PacketBatch, row: int) -> bytes:
    """One packet's payload, copied out of the reused buffer."""
    offset, length = int(batch.payload_off[row]), int(batch.payload_len[row])
    return batch.buffer[offset : offset + length].tobytes()


def segment_of(batch: PacketBatch, row: int) -> Segment:
    """One packet's TCP segment."""
    return Segment(
        int(batch.ts_ns[row]),
        int(batch.seq[row]),
        int(batch.flags[row]),
        int(batch.ack[row]),
        payload_of(batch, row),
        int(batch.wire_len[row]),
    )


def scan(
    paths: Sequence[str],
    settings: Settings = DEFAULTS,
    *,
    joined: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
    beside: Beside = NOTHING,
) -> Scan:
    """Read captures and say who mines in them.

    Args:
        paths: capture files, folders, FIFOs, ``-`` for standard input.
        settings: options, each with its unit and range.
        joined: the captures continue one another (a rotated series); otherwise each stands alone.
        progress: told of bytes consumed.
        stop: asked between batches whether to end.
        beside: registry, logs and factors for whose, which, how many and how much.

    Returns:
        Inputs with their faults, sessions, sightings, clients. An interrupted scan gives what it read so far and says
        so with fault E-CAP-090; an input that cannot be read becomes a fault of its own report.

    Raises:
        InputError: when none of the inputs can be read, or registry or logs cannot.
        BadUse: E-FAC-nnn for a factor set that cannot be used.
    """
    check_beside(beside)
    inputs: list[InputReport] = []
    harvest = Harvest([], [])
    failures: list[InputError] = []
    lamp: Lamp | None = None
    for path in find_captures(paths):
        inputs.append(InputReport(path))
        lamp = lamp or Lamp(settings, pool_domains())
        try:
            read_into(lamp, inputs[-1], progress, stop)
        except InputError as error:
            failures.append(error)
            inputs[-1].faults.append(Fault(error.code, error.message, path, 0))
        except KeyboardInterrupt:
            words = "interrupted: the rest was not read"
            inputs[-1].faults.append(Fault("E-CAP-090", words, path, inputs[-1].bytes))
            break
        if not joined:
            harvest.reap(lamp, inputs[-1])
            lamp = None
    if lamp is not None:
        harvest.reap(lamp, inputs[-1])
    if failures and len(failures) == len(inputs):
        raise failures[0]
    if joined:
        check_order(inputs)
    return lead(conclude(inputs, harvest, settings), beside)


def check_order(inputs: Sequence[InputReport]) -> None:
    """A joined capture that begins before the one before it ended gets fault E-CAP-091."""
    reached: int | None = None
    for report in inputs:
        if reached is not None and report.first_ns is not None and report.first_ns < reached - SLACK_NS:
            words = "begins before the capture before it ends: joined captures are read in the order given"
            report.faults.append(Fault("E-CAP-091", words, report.path, 0))
        reached = max(reached or 0, report.last_ns or 0)


@dataclass(slots=True)
class Harvest:
    """What finished captures gave."""

    sessions: list[Session]
    flows: list[Flow]

    def reap(self, lamp: Lamp, report: InputReport) -> None:
        """Close a lamp and keep its results, damage of mining conversations as faults of the (last) capture."""
        lamp.close()
        self.sessions += lamp.sessions
        self.flows += lamp.notable.values()
        report.faults += [
            Fault(code, WORDS[code], report.path, 0, count) for code, count in sorted(lamp.damage.items())
        ]


def read_into(lamp: Lamp, report: InputReport, progress: Progress | None, stop: Stop | None) -> None:
    """One capture through a lamp.

    Raises:
        KeyboardInterrupt: when ``stop`` says so.
    """
    path = report.path

    def tell(count: int) -> None:
        if progress is not None:
            progress(path, count)

    for batch in read_batches(path, report, chunk_bytes=lamp.settings.chunk_mib * MIB, progress=tell):
        lamp.feed(batch, path)
        if stop is not None and stop():
            raise KeyboardInterrupt


def conclude(inputs: list[InputReport], harvest: Harvest, settings: Settings) -> Scan:
    """Findings of all sessions and flows of note, fused into sightings with their summed rates."""
    sessions = [size(s) for s in sorted(harvest.sessions, key=lambda s: (s.first_ns, s.flow_id))]
    findings: list[Finding] = []
    for index, session in enumerate(note_copies(sessions)):
        if session is None:
            continue
        verdict = plaintext_session.detect(session)
        if isinstance(verdict, Finding):
            findings.append(replace(verdict, session=index))
    for flow in harvest.flows:
        for judge in (peer_node.detect, pool_name.detect):
            verdict = judge(flow)
            if isinstance(verdict, Finding):
                findings.append(verdict)
    sightings = fusion.fuse(findings, sessions, settings.prior_log10_odds)
    return Scan(inputs, sessions, [with_rate(s, sessions) for s in sightings])


def note_copies(sessions: list[Session]) -> list[Session | None]:
    """The sessions, with None for each that another capture also holds; those get a note and are not counted.

    Two captures hold the same connection when both ends agree and the times overlap: the same file given twice,
    plain and compressed, or two taps on one path. The copy with more accepted shares stands.
    """
    counted: list[Session | None] = list(sessions)
    seen: dict[tuple[Endpoint, Endpoint], list[int]] = {}
    for index in sorted(range(len(sessions)), key=lambda i: -sessions[i].accepted):
        session = sessions[index]
        kept = seen.setdefault((session.client, session.server), [])
        for other in (sessions[i] for i in kept):
            apart = session.first_ns > other.last_ns or other.first_ns > session.last_ns
            if other.capture != session.capture and not apart:
                note = f"the same connection stands in {other.capture} and is counted there"
                sessions[index] = replace(session, notes=(*session.notes, note))
                counted[index] = None
                break
        else:
            kept.append(index)
    return counted


def with_rate(sighting: Sighting, sessions: Sequence[Session]) -> Sighting:
    """The sighting with the summed hashrate of its sessions, or the reason why there is none."""
    if sighting.kind != "mining":
        return sighting
    total, note = sum_rates([sessions[i] for i in sighting.sessions])
    return replace(sighting, hashrate_hps=total, hashrate_note=note)
