"""Write a labelled capture: miners, noise, a truth file beside it.

The truth file (``NAME.truth.json``) lists every mining connection with what really happened in it, and what a
capture that starts late or loses packets can still show.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from davylamp.dialects.reading import dialect
from davylamp.dialects.session import Voice
from davylamp.errors import BadUse, OutputError
from davylamp.records import Endpoint
from davylamp.simulate import noise
from davylamp.simulate.addresses import account, address
from davylamp.simulate.miner import GROUNDS, Life, Miner, Tallied, Timed
from davylamp.simulate.wire import NS, Frame, HostClock, Line, Said, tcp_frames, write_pcap

BEGIN_S: Final = 1_717_200_000  # 2024-06-01T00:00:00Z
POOL_PORTS: Final = (3333, 4444, 5555, 8008, 14444)
RECONNECT_PAUSE_S: Final = 5.0
# Dialects in which the worker rides in the login itself, and those that cannot carry one.
ONE_WORD_LOGINS: Final = frozenset({"monero", "beam", "grin", "stratum-v2", "getwork"})
NAMELESS: Final = frozenset({"chia", "getblocktemplate", "ethereum-stratum-2"})


@dataclass(frozen=True, slots=True)
class Scene:
    """What goes into one capture."""

    miners: tuple[Miner, ...]
    noise_flows: int = 0
    seed: int = 1
    lost: float = 0.0
    repeated: float = 0.0
    swapped: float = 0.0
    begin_s: float = BEGIN_S


def simulate_capture(scene: Scene, path: Path) -> dict[str, Any]:
    """Write ``path`` (pcap) and ``path.truth.json``; gives the truth.

    Raises:
        BadUse: E-SIM-002 when the scene is empty.
        OutputError: E-OUT-001 when the files cannot be written.
    """
    if not scene.miners and not scene.noise_flows:
        raise BadUse("E-SIM-002", "nothing to simulate", "give --miner or --noise")
    rng = random.Random(scene.seed)
    frames: list[Frame] = []
    truths: list[dict[str, Any]] = []
    for index, miner in enumerate(scene.miners):
        for life_frames, truth in play(miner, index, scene, rng):
            frames += life_frames
            truths.append(truth)
    until_s = max((m.start + m.minutes for m in scene.miners), default=10.0) * 60
    for index in range(scene.noise_flows):
        frames += background(index, until_s, scene, rng)
    truth = {"capture": path.name, "seed": scene.seed, "sessions": truths, "noise_flows": scene.noise_flows}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        truth["packets"] = write_pcap(path, frames)
        truth_path(path).write_bytes(orjson.dumps(truth, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise OutputError(
            "E-OUT-001", f"cannot write {path}: {error.strerror}", "choose another folder"
        ) from error
    return truth


def truth_path(path: Path) -> Path:
    """Where the truth of a capture stands."""
    return path.with_name(path.name + ".truth.json")


def play(
    miner: Miner, index: int, scene: Scene, rng: random.Random
) -> list[tuple[list[Frame], dict[str, Any]]]:
    """All connections of one miner, one after the other."""
    ground = GROUNDS[miner.dialect]
    wallet = (
        address(ground.coin, rng) if miner.dialect not in ("getwork", "getblocktemplate") else account(rng)
    )
    client_ip = f"10.{20 + index // 250}.{index % 250}.{rng.randrange(2, 250)}"
    server = Endpoint(f"198.51.100.{rng.randrange(1, 255)}", rng.choice(POOL_PORTS))
    if miner.pool:
        host, _, port = miner.pool.rpartition(":")
        server = Endpoint(host.strip("[]"), int(port))
    clock = clock_of(miner, index, scene)
    total_s, at_s, played = miner.minutes * 60, 0.0, []
    piece_s = miner.reconnect * 60 or total_s
    while at_s < total_s:
        seconds = min(piece_s, total_s - at_s)
        client = Endpoint(miner.address or client_ip, rng.randrange(32768, 61000))
        begin_s = scene.begin_s + miner.start * 60 + at_s
        played.append(
            connection(
                replace(miner, seed=0), wallet, (client, server), (begin_s, seconds), scene, rng, clock
            )
        )
        at_s += seconds + RECONNECT_PAUSE_S
    return played


def clock_of(miner: Miner, index: int, scene: Scene) -> HostClock | None:
    """The miner's own clock, which stood at 0 some day of the last fortnight; drawn apart from all else."""
    if not miner.clock:
        return None
    up_s = random.Random(f"{scene.seed} clock {index}").uniform(600, 14 * 86400)
    return HostClock(miner.clock, scene.begin_s - up_s)


def connection(
    miner: Miner,
    wallet: str,
    ends: tuple[Endpoint, Endpoint],
    span: tuple[float, float],
    scene: Scene,
    rng: random.Random,
    clock: HostClock | None = None,
) -> tuple[list[Frame], dict[str, Any]]:
    """One connection's packets and its truth."""
    ground = GROUNDS[miner.dialect]
    login = f"{wallet}.{miner.worker}" if miner.dialect in ONE_WORD_LOGINS else wallet
    life = Life(miner, login, rng, span[0])
    voice = Voice(rng, wallet, miner.worker, life.agent, "pool.example", ends[1].port, ground.algorithm)
    events = sorted(life.events(span[1]), key=lambda t: t.at_s)
    said = speak(miner.dialect, events, voice)
    if miner.midway:
        half = span[1] / 2
        said = [Said(s.at_s - half, s.from_client, s.data) for s in said if s.at_s >= half]
    if miner.tls:
        said = noise.wrap_tls(said, "pool.example", rng)
    begin_ns = int(span[0] * NS) + (int(span[1] / 2 * NS) if miner.midway else 0)
    line = Line(
        ends[0],
        ends[1],
        begin_ns,
        0.03,
        scene.lost,
        scene.repeated,
        scene.swapped,
        not miner.midway,
        not miner.midway,
        clock,
    )
    return tcp_frames(said, line, rng), truth_of(miner, life, ends, begin_ns)


def speak(name: str, events: Sequence[Timed], voice: Voice) -> list[Said]:
    """Events as application bytes; what one event makes both sides say is half a millisecond apart."""
    module = dialect(name)
    said: list[Said] = []
    for timed in events:
        for i, spoken in enumerate(module.compose(timed.event, voice)):
            said.append(Said(timed.at_s + i * 0.0005, spoken.from_client, spoken.data))
    return sorted(said, key=lambda s: s.at_s)


def truth_of(miner: Miner, life: Life, ends: tuple[Endpoint, Endpoint], begin_ns: int) -> dict[str, Any]:
    """One row of the truth file."""
    done: Tallied = life.truth
    return {
        "client": {"ip": ends[0].ip, "port": ends[0].port},
        "server": {"ip": ends[1].ip, "port": ends[1].port},
        "dialect": miner.dialect,
        "coin": life.ground.coin,
        "algorithm": life.ground.algorithm,
        "login": life.login,
        "worker": None if miner.dialect in NAMELESS else miner.worker,
        "rigs": miner.rigs,
        "hashrate_hps": life.rate_hps,
        "begin_ns": begin_ns,
        "jobs": done.jobs,
        "submitted": done.submitted,
        "accepted": done.accepted,
        "rejected": done.rejected,
        "stale": done.stale,
        "work_hashes": done.work_hashes,
        "readable": not miner.tls,
        "midway": miner.midway,
    }


def background(index: int, until_s: float, scene: Scene, rng: random.Random) -> list[Frame]:
    """One benign connection at a random time."""
    said = noise.KINDS[index % len(noise.KINDS)](rng)
    client = Endpoint(f"10.99.{index % 250}.{rng.randrange(2, 250)}", rng.randrange(32768, 61000))
    server = Endpoint(f"203.0.113.{rng.randrange(1, 255)}", rng.choice((80, 443, 8080, 50001)))
    begin_ns = int((scene.begin_s + rng.uniform(0, until_s)) * NS)
    line = Line(client, server, begin_ns, 0.02, scene.lost, scene.repeated, scene.swapped)
    return tcp_frames(said, line, rng)
