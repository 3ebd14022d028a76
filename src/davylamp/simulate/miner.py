"""A miner's life as events: login, jobs as blocks arrive, shares as a Poisson process, vardiff, reconnects.

The waiting time for a share of work ``w`` at hashrate ``H`` is exponential with mean ``w / H``; blocks arrive as
a Poisson process of the coin's interval. Nothing is hashed.
"""

import ipaddress
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Final

from davylamp.dialects.session import (
    Answer,
    Difficulty,
    Event,
    Job,
    Login,
    LoginAnswer,
    ReportedRate,
    Submit,
    Unit,
)
from davylamp.errors import BadUse

STALE_SHARE: Final = 0.3  # judged: of refused shares about a third come late
VARDIFF_EVERY_S: Final = 90.0  # judged: common pools retarget every one to two minutes
VARDIFF_STEP: Final = 4.0  # judged: common limit of one retarget
REFRESH_S: Final = 45.0  # judged: pools renew a job for fees about twice a minute
PROXIES: Final = {"monero": "xmrig-proxy/6.21.0", "stratum-v1": "stratum-proxy/1.5.8"}
REPORT_EVERY_S: Final = 60.0  # judged: eth-proxy miners report once a minute


@dataclass(frozen=True, slots=True)
class Ground:
    """What a dialect is mined on: coin, algorithm, block interval, chain height at a known time."""

    coin: str
    algorithm: str
    block_s: float
    height: int  # at ANCHOR_S
    hashrate_hps: float  # a plausible small miner
    hashes_per_difficulty: float | None = None  # for pool difficulty; None where targets carry the work
    nbits: int | None = None
    agent: str = ""


ANCHOR_S: Final = 1_704_067_200  # 2024-01-01T00:00:00Z, when the heights below were read from block explorers
SHA256D_UNIT: Final = 2.0**48 / 65535
GROUNDS: Final[dict[str, Ground]] = {
    "monero": Ground("XMR", "rx/0", 120, 3_052_000, 8_000, agent="XMRig/6.21.0"),
    "stratum-v1": Ground("BTC", "sha256d", 600, 823_800, 1e14, SHA256D_UNIT, 0x17040F2F, "cgminer/4.12.1"),
    "eth-proxy": Ground("ETC", "etchash", 13.3, 19_029_000, 9e7, agent="ethminer"),
    "ethereum-stratum-1": Ground("ETC", "etchash", 13.3, 19_029_000, 9e7, agent="lolMiner 1.82"),
    "ethereum-stratum-2": Ground("ETC", "etchash", 13.3, 19_029_000, 9e7, agent="lolMiner 1.82"),
    "kawpow": Ground("RVN", "kawpow", 60, 3_135_000, 4e7, agent="T-Rex/0.26.8"),
    "equihash": Ground("ZEC", "equihash/200,9", 75, 2_355_000, 1e5, agent="EWBF 0.3.4b"),
    "ckb": Ground("CKB", "eaglesong", 10, 11_950_000, 1e13, agent="ckbminer-v1.0.0"),
    "kaspa": Ground("KAS", "kheavyhash", 1, 66_000_000, 1e12, 2.0**32, agent="lolMiner 1.82"),
    "conflux": Ground("CFX", "octopus", 1, 82_000_000, 5e7, agent="T-Rex/0.26.8"),
    "ergo": Ground("ERG", "autolykos2", 120, 1_168_000, 1.5e8, agent="lolMiner 1.82"),
    "fishhash": Ground("IRON", "fishhash", 60, 340_000, 4e7, agent="lolMiner 1.82"),
    "beam": Ground("BEAM", "beamhash3", 60, 2_620_000, 40, 1.0, agent="lolMiner 1.82"),
    "grin": Ground("GRIN", "cuckatoo32", 60, 2_590_000, 2000, 1.0, agent="lolMiner 1.82"),
    "alephium": Ground("ALPH", "blake3", 16, 1_900_000, 4e12, 2.0**34, agent="bzminer v17.0.0"),
    "xelis": Ground("XEL", "xelishash", 15, 50_000, 2e4, 1.0, agent="tnn-miner"),
    "decred": Ground("DCR", "blake3/dcr", 300, 834_000, 1e13, 2.0**32, agent="gominer/2.0.0"),
    "kadena": Ground("KDA", "blake2s", 30, 4_400_000, 1e13, agent="kadena-miner"),
    "getwork": Ground("BTC", "sha256d", 600, 823_800, 1e9, None, 0x17040F2F, "bfgminer/5.2.0"),
    "getblocktemplate": Ground("BTC", "sha256d", 600, 823_800, 1e9, None, 0x17040F2F, "bfgminer/5.2.0"),
    "duino-coin": Ground("DUCO", "duco-s1", 60, 1, 2e6, 50.0, agent="Official PC Miner 4.0"),
    "stratum-v2": Ground("BTC", "sha256d", 600, 823_800, 1e14, agent="bosminer"),
    "chia": Ground("XCH", "chia", 18, 4_700_000, 1.0, 1.0, agent="chia"),
}


@dataclass(frozen=True, slots=True)
class Miner:
    """One simulated miner; the fields are the keys of ``--miner key=value,...``."""

    dialect: str = "monero"
    hashrate: float = 0.0  # H/s; 0 takes the dialect's usual small miner
    minutes: float = 30.0
    start: float = 0.0  # minutes after the capture begins
    share_s: float = 20.0  # seconds per share that the difficulty aims at
    vardiff: bool = False
    reconnect: float = 0.0  # minutes between reconnects; 0 stays connected
    rigs: int = 1  # workers on one connection, as behind a proxy
    refuse: float = 0.01  # fraction of shares refused
    midway: bool = False  # the session began before the capture
    tls: bool = False  # the bytes are of TLS shape and length
    worker: str = "rig"
    proxy: bool = False  # a relay stands before the rigs and gives each a part of the nonce space
    address: str = ""  # the miner's address as the sensor sees it; several miners behind one are translated
    pool: str = ""  # address:port, so that several miners have the same
    clock: float = 0.0  # ticks per second of its TCP timestamps; 0 writes none
    seed: int = field(default=0)


def parse_miner(text: str) -> Miner:
    """A miner from ``key=value,key=value``.

    Raises:
        BadUse: E-SIM-001 with every key or value that cannot be meant.
    """
    known = {f.name: f for f in fields(Miner)}
    chosen: dict[str, object] = {}
    faults = []
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        row = known.get(key.strip())
        if row is None:
            faults.append(f"{part!r}: no such key")
            continue
        try:
            chosen[row.name] = parse_value(str(row.type), value)
        except ValueError as error:
            faults.append(f"{part!r}: {error}")
    miner = replace(Miner(), **chosen) if not faults else Miner()  # type: ignore[arg-type]
    if miner.dialect not in GROUNDS:
        faults.append(f"dialect={miner.dialect!r}: not one of {', '.join(GROUNDS)}")
    for name, low, high in (
        ("minutes", 0.1, 1e5),
        ("share_s", 0.01, 1e5),
        ("rigs", 1, 256),
        ("refuse", 0, 1),
        ("clock", 0, 10_000),
    ):
        if not low <= getattr(miner, name) <= high:
            faults.append(f"{name}: outside {low:g}..{high:g}")
    faults += place_faults(miner)
    if faults:
        raise BadUse("E-SIM-001", f"--miner {text}: " + "; ".join(faults), "keys: " + ", ".join(known))
    return miner


def place_faults(miner: Miner) -> list[str]:
    """What is wrong with where a miner stands."""
    faults = []
    if miner.address and not is_address(miner.address):
        faults.append(f"address={miner.address!r}: no address")
    host, _, port = miner.pool.rpartition(":")
    if miner.pool and not (is_address(host.strip("[]")) and port.isdecimal() and 0 < int(port) < 65536):
        faults.append(f"pool={miner.pool!r}: not address:port")
    if miner.proxy and miner.dialect not in PROXIES:
        faults.append(f"proxy: only with dialect {' or '.join(PROXIES)}")
    return faults


def is_address(text: str) -> bool:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def parse_value(kind: str, value: str) -> object:
    """A value of a `Miner` field from text; hashrates may carry k, M, G, T, P."""
    if "bool" in kind:
        if value.lower() not in ("", "1", "0", "true", "false", "yes", "no"):
            raise ValueError("not yes or no")
        return value.lower() in ("", "1", "true", "yes")
    if "str" in kind:
        return value
    scale = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}.get(value[-1:], 1.0)
    try:
        number = float(value[:-1] if scale != 1.0 else value) * scale
        return int(number) if "int" in kind else number
    except (ValueError, OverflowError):
        raise ValueError("not a number like 20, 2.5k or 110T") from None


@dataclass(frozen=True, slots=True)
class Timed:
    """An event and its time in seconds after the miner's start."""

    at_s: float
    event: Event


@dataclass(slots=True)
class Tallied:
    """The truth of one simulated connection."""

    submitted: int = 0
    accepted: int = 0
    rejected: int = 0
    stale: int = 0
    work_hashes: float = 0.0
    jobs: int = 0


class Life:
    """The events of one connection of a miner.

    Args:
        miner: what to play.
        login: what the client calls itself.
        rng: source of every draw.
        begin_s: Unix time of the connection's start.
    """

    def __init__(self, miner: Miner, login: str, rng: random.Random, begin_s: float) -> None:
        self.miner = miner
        self.ground = GROUNDS[miner.dialect]
        self.login = login
        self.agent = PROXIES[miner.dialect] if miner.proxy else self.ground.agent
        self.first_part = random.Random(login).randrange(256) if miner.dialect == "monero" else 1
        self.rng = rng
        self.begin_s = begin_s
        self.rate_hps = miner.hashrate or self.ground.hashrate_hps
        self.truth = Tallied()
        self.work = self.rate_hps * miner.share_s
        self.serial = 0
        self.key = 100
        self.jobs: list[tuple[str, float]] = []  # (id, work per share), newest last

    @property
    def unit(self) -> Unit:
        """Whether the dialect carries pool difficulty or hashes."""
        return "hashes" if self.ground.hashes_per_difficulty is None else "stratum"

    def events(self, seconds: float) -> Iterator[Timed]:
        """The whole connection in order of time."""
        yield Timed(0.0, Login(self.login, self.agent, None, self.miner.worker))
        yield Timed(0.08, LoginAnswer(True))
        yield from self._set_difficulty(0.1)
        yield self._job(0.12, clean=True)
        planned = self._schedule(seconds)
        share_at = 0.2 + self._wait()
        for at_s, kind in planned:
            while share_at < at_s:
                yield from self._share(share_at)
                share_at += self._wait()
            if kind == "vardiff":
                yield from self._retarget(at_s)
                share_at = (
                    at_s + 0.001 + self._wait()
                )  # memoryless: the wait begins anew at the new difficulty
            elif kind == "report":
                yield Timed(at_s, ReportedRate(self.rate_hps * self.rng.uniform(0.97, 1.03)))
            elif kind != "end":
                yield self._job(at_s, clean=kind == "block")

    def _schedule(self, seconds: float) -> list[tuple[float, str]]:
        """Blocks, refreshes, retargets and reports, ended by the end."""
        planned = [(seconds, "end")]
        at_s = self.rng.expovariate(1 / self.ground.block_s)
        while at_s < seconds:
            planned.append((at_s, "block"))
            at_s += max(0.5, self.rng.expovariate(1 / self.ground.block_s))
        planned += [(t, "job") for t in steps(REFRESH_S, seconds)]
        if self.miner.vardiff:
            planned += [(t, "vardiff") for t in steps(VARDIFF_EVERY_S, seconds)]
        if self.miner.dialect == "eth-proxy":
            planned += [(t, "report") for t in steps(REPORT_EVERY_S, seconds)]
        return sorted(planned)

    def _wait(self) -> float:
        return self.rng.expovariate(self.rate_hps / (self.jobs[-1][1] if self.jobs else self.work))

    def _set_difficulty(self, at_s: float) -> Iterator[Timed]:
        per_unit = self.ground.hashes_per_difficulty
        yield Timed(at_s, Difficulty(self.work / (per_unit or 1.0), self.unit))

    def _retarget(self, at_s: float) -> Iterator[Timed]:
        """Pools aim at a share rate by what they saw: the estimate is as noisy as a few shares are."""
        seen = self.rng.gammavariate(6.0, 1 / 6.0) * self.rate_hps * self.miner.share_s
        self.work = min(self.work * VARDIFF_STEP, max(self.work / VARDIFF_STEP, seen))
        yield from self._set_difficulty(at_s)
        yield self._job(at_s + 0.001, clean=False)

    def _job(self, at_s: float, *, clean: bool) -> Timed:
        self.serial += 1
        self.truth.jobs += 1
        job_id = f"{self.serial:08x}"
        self.jobs.append((job_id, self.work))
        now = self.begin_s + at_s
        height = self.ground.height + int((now - ANCHOR_S) / self.ground.block_s)
        carries = self.unit == "hashes"
        return Timed(
            at_s,
            Job(
                job_id,
                work=self.work if carries else None,
                height=max(1, height),
                algorithm=self.ground.algorithm,
                clean=clean,
                nbits=self.ground.nbits,
            ),
        )

    def _share(self, at_s: float) -> Iterator[Timed]:
        job_id, work = self.jobs[-1]
        self.key += 1
        key = str(self.key)
        rig = self.rng.randrange(self.miner.rigs) if self.miner.rigs > 1 else 0
        worker = self.miner.worker + (str(rig) if self.miner.rigs > 1 else "")
        part = (self.first_part + rig) % 256 if self.miner.proxy else None
        yield Timed(at_s, Submit(key, job_id, self._nonce(part), worker, part=part))
        self.truth.submitted += 1
        refused = self.rng.random() < self.miner.refuse
        stale = refused and self.rng.random() < STALE_SHARE
        if refused:
            self.truth.rejected += 1
            self.truth.stale += stale
        else:
            self.truth.accepted += 1
            self.truth.work_hashes += work
        reason = ("Stale share" if stale else "Low difficulty share") if refused else ""
        yield Timed(at_s + self.rng.uniform(0.04, 0.2), Answer(key, not refused, stale, reason))

    def _nonce(self, part: int | None) -> str:
        """Four bytes; XMRig counts up from 0 and has a new job before the top byte changes, unless it is fixed."""
        drawn = self.rng.randbytes(4).hex()
        return drawn[:6] + f"{part or 0:02x}" if self.miner.dialect == "monero" else drawn


def steps(every_s: float, until_s: float) -> list[float]:
    """Times at a fixed step, the first after one step."""
    return [every_s * i for i in range(1, int(until_s / every_s) + 1) if every_s * i < until_s]
