"""Mutates mining conversations, bytes and JSON alike, and reads them: no exception, no hang, no count that cannot be.

    python fuzz/conversations.py SECONDS SEED [FOLDER]

Conversations are simulated ones of every dialect, and recorded ones from FOLDER where it is there (default: the
recorded mining captures). The run ends with exit status 1 at the first failure; the mutant stands in the system's
folder for temporary files, named in the output.
"""

import faulthandler
import json
import os
import pickle
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from davylamp.dialects.reading import Reader
from davylamp.dialects.session import Voice
from davylamp.flows.framing import Conversation
from davylamp.flows.reassembly import Segment
from davylamp.records import ACK, FIN, PSH, Endpoint, Opening, Session
from davylamp.simulate.addresses import address
from davylamp.simulate.capture import speak
from davylamp.simulate.miner import GROUNDS, Life, Miner
from davylamp.simulate.wire import Said
from davylamp.sizing.hashrate import size

ROOT: Final = Path(__file__).resolve().parent.parent
RECORDED: Final = ROOT.parent / "shared" / "data" / "mining"
HANG_S: Final = 20  # judged: a mutant takes milliseconds
NS: Final = 1_000_000_000
MOST_SAID: Final = (
    150  # judged: a login, some jobs, some shares; many small mutants find more than few large ones
)
OPENING: Final = Opening(
    1, "fuzz", Endpoint("10.0.0.1", 40000), Endpoint("198.51.100.1", 3333), joined_midway=False
)
DEEP: Final = b"[" * 3000 + b"]" * 3000
EVIL: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1e308,
    5e-324,
    2**63,
    2**64,
    2**300,
    -(2**70),
    "",
    "0x",
    "0x0",
    "00",
    "f" * 64,
    "0" * 64,
    "zz",
    "\x00\u202e\ud7ff",
    "9" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [[[[1]]]],
)


def simulated(rng: random.Random) -> list[list[Said]]:
    """One conversation per dialect, of some minutes, with refusals and retargets."""
    talks = []
    for name, ground in GROUNDS.items():
        miner = Miner(dialect=name, minutes=4, share_s=6, refuse=0.2, vardiff=True, rigs=rng.choice((1, 3)))
        wallet = address(ground.coin, rng)
        events = sorted(Life(miner, wallet, rng, 1_717_200_000).events(240), key=lambda t: t.at_s)
        voice = Voice(rng, wallet, "rig", ground.agent, "pool.example", 3333, ground.algorithm)
        talks.append(speak(name, events, voice)[:MOST_SAID])
    return talks


def recorded(folder: Path) -> list[list[Said]]:
    """The payload of mining conversations in captures, by direction, as it came."""
    from davylamp.capture import find_captures, read_batches
    from davylamp.pipeline import payload_of, scan
    from davylamp.records import TCP, InputReport

    talks = []
    for path in find_captures([str(folder)]) if folder.is_dir() else []:
        if Path(path).stat().st_size > 1_500_000:
            continue
        wanted = {(s.client.port, s.server.port): s.first_ns for s in scan([path]).sessions}
        found: dict[tuple[int, int], list[Said]] = {key: [] for key in wanted}
        for batch in read_batches(path, InputReport(path)):
            for row in range(batch.ts_ns.size):
                ports = (int(batch.sport[row]), int(batch.dport[row]))
                for key, side in ((ports, True), (ports[::-1], False)):
                    if key in found and batch.proto[row] == TCP and batch.payload_len[row]:
                        at_s = (int(batch.ts_ns[row]) - wanted[key]) / NS
                        found[key].append(Said(at_s, side, payload_of(batch, row)))
        talks += [said[:MOST_SAID] for said in found.values() if said]
    return talks


def mutate_value(value: Any, rng: random.Random) -> Any:
    """A JSON value with one part of it replaced, dropped, doubled, wrapped, or turned into text."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        what = rng.random()
        if what < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if what < 0.2:
            return {
                **value,
                rng.choice(("method", "id", "params", "result", "error", "job")): rng.choice(EVIL),
            }
        return {**value, key: mutate_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        what = rng.random()
        if what < 0.15:
            return value[:at] + value[at + 1 :]
        if what < 0.3:
            return [*value[:at], rng.choice(EVIL), *value[at:]]
        return [*value[:at], mutate_value(value[at], rng), *value[at + 1 :]]
    what = rng.random()
    if what < 0.6:
        return rng.choice(EVIL)
    if what < 0.8 and isinstance(value, str) and value:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice('0fFzx.+ -é"') + value[at + rng.randrange(3) :]
    return rng.choice((str(value), [value], {"x": value}, value))


def mutate_lines(data: bytes, rng: random.Random) -> bytes:
    """One of the JSON texts in some bytes mutated; bytes that hold none come back as they are."""
    start, end = data.find(b"{"), data.rfind(b"}")
    if not 0 <= start < end:
        return data
    lines = data[start : end + 1].split(b"\n")
    at = rng.randrange(len(lines))
    try:
        value = json.loads(lines[at])
    except (ValueError, RecursionError):
        return data
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = mutate_value(value, rng)
    lines[at] = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if rng.random() < 0.05:
        lines[at] = rng.choice((b"[" + lines[at] + b"]", lines[at] * 3, DEEP, b"\xef\xbb\xbf" + lines[at]))
    return data[:start] + b"\n".join(lines) + data[end + 1 :]


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes overwritten, cut out or repeated."""
    raw = bytearray(data)
    for _ in range(rng.choice((1, 2, 8))):
        if not raw:
            break
        at, what = rng.randrange(len(raw)), rng.random()
        if what < 0.5:
            raw[at] = rng.randrange(256)
        elif what < 0.75:
            del raw[at : at + rng.randint(1, 40)]
        else:
            raw[at:at] = raw[at : at + rng.randint(1, 40)]
    return bytes(raw)


def mutate(talk: list[Said], others: list[list[Said]], rng: random.Random) -> list[Said]:
    """A conversation with some of its messages changed, dropped, doubled, swapped or taken from another."""
    said = list(talk[rng.randrange(len(talk)) if rng.random() < 0.15 else 0 :])
    for _ in range(rng.choice((1, 2, 5, 20))):
        if not said:
            break
        at, what = rng.randrange(min(len(said), rng.choice((8, MOST_SAID)))), rng.random()
        old = said[at]
        if what < 0.6:
            said[at] = Said(old.at_s, old.from_client, mutate_lines(old.data, rng))
        elif what < 0.75:
            said[at] = Said(old.at_s, old.from_client, mutate_bytes(old.data, rng))
        elif what < 0.82:
            del said[at]
        elif what < 0.88:
            said.insert(at, old)
        elif what < 0.93:
            said[at] = Said(old.at_s, not old.from_client, old.data)
        else:
            said.insert(at, rng.choice(rng.choice(others)))
    return said


def hear(said: list[Said], rng: random.Random) -> Session | None:
    """A conversation through framing and reader, cut and lost as it pleases, to its session."""
    known = rng.random() < 0.8
    conversation = Conversation(isn_client=0 if known else None, isn_server=0 if known else None)
    reader, at = Reader(OPENING), {True: 1, False: 1}
    step, loss = rng.choice((7, 100, 1460, 65_000)), rng.choice((0.0, 0.0, 0.05))
    for words in said:
        for start in range(0, len(words.data), step):
            data, side = words.data[start : start + step], words.from_client
            ts_ns = 1_717_200_000 * NS + int(max(0.0, words.at_s) * NS)
            ack = at[not side] % 2**32
            segment = Segment(ts_ns, at[side] % 2**32, ACK | PSH, ack, data, len(data))
            at[side] += len(data)
            if rng.random() >= loss:
                for message in conversation.push(side, segment):
                    reader.feed(message)
    end = Segment(1_717_300_000 * NS, at[True] % 2**32, ACK | FIN, at[False] % 2**32, b"", 0)
    for message in [*conversation.push(True, end), *conversation.flush()]:
        reader.feed(message)
    if conversation.swapped:
        reader.swap()
    return reader.close(conversation.names)


def check(session: Session | None) -> None:
    """What holds of every session, whatever was sent."""
    if session is None:
        return
    sized = size(session)
    counts = (
        sized.submitted,
        sized.accepted,
        sized.rejected,
        sized.stale,
        sized.unanswered,
        sized.duplicates,
    )
    assert min(counts) >= 0, counts
    assert sized.accepted + sized.rejected + sized.unanswered <= sized.submitted, counts
    assert sized.stale <= sized.rejected, counts
    assert sized.first_ns <= sized.last_ns
    assert sized.active_s >= 0
    if sized.work is not None:
        assert sized.work.shares <= sized.accepted
        assert 0 <= sized.work.hashes < float("inf"), sized.work
        assert sized.work.low_factor <= 1 <= sized.work.high_factor, sized.work
        assert sized.work.exposure_s >= 0
    if sized.hashrate_hps is not None:
        rate = sized.hashrate_hps
        assert 0 <= rate.low <= rate.estimate <= rate.high < float("inf"), rate
    else:
        assert sized.hashrate_note, "a session without a rate says why"
    words = (sized.login, sized.wallet, sized.worker, sized.rig_id, sized.agent, sized.pool)
    assert all(w is None or len(w) <= 600 for w in words), words
    assert all(0 <= c.weight <= 1 for c in sized.coin_candidates)
    json.dumps([sized.login, sized.agent, sized.notes, sized.because]).encode()


def run(seconds: float, seed: int, folder: Path) -> int:
    """Mutate and read until the time is over; the exit status."""
    rng = random.Random(seed)
    talks = simulated(rng) + recorded(folder)
    print(f"{len(talks)} conversations, seed {seed}")
    path = Path(tempfile.gettempdir()) / f"conversation-mutant-{os.getpid()}.pickle"
    mutants = sessions = 0
    slowest = 0.0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        mutant, state = mutate(rng.choice(talks), talks, rng), rng.getrandbits(64)
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        begin = time.monotonic()
        try:
            session = hear(mutant, random.Random(state))
            check(session)
        except BaseException:
            path.write_bytes(pickle.dumps((mutant, state)))
            print(f"failed on {path}, mutant {mutants} of seed {seed}")
            raise
        finally:
            faulthandler.cancel_dump_traceback_later()
        mutants += 1
        sessions += session is not None
        slowest = max(slowest, time.monotonic() - begin)
    print(f"{mutants} mutants read, {sessions} sessions, slowest {slowest:.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(run(float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else RECORDED))
