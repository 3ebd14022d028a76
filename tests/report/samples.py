"""Scans made by hand: an honest one with every edge, a hostile one, big ones, and a Hypothesis strategy over all."""

import random

from hypothesis import strategies as st

from davylamp.records import (
    Candidate,
    Endpoint,
    Fault,
    InputReport,
    Interval,
    Scan,
    Session,
    ShareBin,
    Sighting,
    Work,
)
from davylamp.records_traces import ClockPoint, NonceSpan, Traces

NS = 10**9
START_S = 1_615_442_520  # 2021-03-11 06:02:00 UTC
WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
ESC_NAME = "\x1b[31mred\x1b[0m"
BIDI_NAME = "\u202egnp.exe\u2066"
HTML_NAME = "<script>alert(1)</script>\"'><img src=http://evil.example/x>"
FORMULA = '=HYPERLINK("http://evil.example","x")'
HOSTILE = (ESC_NAME, BIDI_NAME, HTML_NAME, FORMULA, "[red]markup[/red]", "a\r\nb", "\ud800", "矿机🦊一号")


def bins(start_s: int, minutes: int, per_minute: float, work: float, seed: int = 1) -> tuple[ShareBin, ...]:
    """Poisson-like share counts; minutes without shares are left out, as the tally leaves them out."""
    draw = random.Random(seed)
    found = []
    for at in range(minutes):
        n = sum(draw.random() < per_minute / 20 for _ in range(20))
        if n:
            rejected = int(draw.random() < 0.05)
            found.append(ShareBin(start_s // 60 + at, n, rejected, n * work))
    return tuple(found)


def work_of(
    shares: int, per_share: float, exposure_s: float, factors: tuple[float, float] = (1.0, 1.0)
) -> Work:
    """Work of ``shares`` equal shares."""
    low, high = factors
    return Work(
        shares=shares,
        hashes=shares * per_share,
        squares=shares * per_share**2,
        share_hashes=per_share,
        exposure_s=exposure_s,
        low_factor=low,
        high_factor=high,
        convention="2^64/target",
    )


def session(index: int = 0, **changes: object) -> Session:
    """A Monero-family session of 91 minutes; ``changes`` are set on it."""
    per_share = 38_500.0
    made = bins(START_S, 91, 3.0, per_share, index + 1)
    accepted = sum(b.accepted for b in made)
    s = Session(
        flow_id=index,
        capture="monday.pcap",
        client=Endpoint("192.168.1.23", 50000 + index % 10000),
        server=Endpoint("203.0.113.7", 3333),
        first_ns=START_S * NS,
        last_ns=(START_S + 91 * 60) * NS,
        joined_midway=False,
        dialect="monero",
        algorithm="rx/0",
        coin="XMR",
        coin_candidates=(Candidate("XMR", 0.93, "the wallet is a valid Monero main address"),),
        login=f"{WALLET}.rig01",
        wallet=WALLET,
        worker="rig01",
        agent="XMRig/6.21.0 (Linux x86_64) libuv/1.48.0 gcc/13.2.1",
        pool="SupportXMR",
        jobs=61,
        submitted=accepted + 7,
        accepted=accepted,
        rejected=5,
        stale=3,
        unanswered=2,
        work=work_of(accepted, per_share, 5460.0),
        active_s=5460.0,
        hashrate_hps=Interval(1896.4, 1961.7, 2011.2),
        reported_hps=(2003.5, 1998.0),
        heights=(2_314_500, 2_314_546),
        bins=made,
        because=(
            "login, jobs and shares follow each other with valid fields",
            "algo rx/0 is named by the pool",
        ),
    )
    for name, value in changes.items():
        setattr(s, name, value)
    return s


def sighting(sessions: tuple[int, ...] = (), **changes: object) -> Sighting:
    """A confirmed sighting of `session`; ``changes`` are set on it."""
    s = Sighting(
        client_ip="192.168.1.23",
        server_ip="203.0.113.7",
        server_port=3333,
        first_ns=START_S * NS,
        last_ns=(START_S + 91 * 60) * NS,
        kind="mining",
        tier="confirmed",
        probability=0.9999,
        because=("a Monero-family session with 61 jobs and 270 accepted shares was read",),
        sessions=sessions,
        captures=("monday.pcap",),
        coin="XMR",
        algorithm="rx/0",
        wallet=WALLET,
        worker="rig01",
        agent="XMRig/6.21.0",
        hashrate_hps=Interval(1896.4, 1961.7, 2011.2),
        source_ref="0" * 32,
    )
    for name, value in changes.items():
        setattr(s, name, value)
    return s


def demo() -> Scan:
    """Every edge that a reader meets: ranges, refusals, IPv6, Chinese and emoji, nodes, faults."""
    btc = session(
        1,
        client=Endpoint("10.20.30.40", 41234),
        server=Endpoint("198.51.100.12", 443),
        dialect="stratum-v1",
        algorithm="sha256d",
        coin=None,
        coin_candidates=(
            Candidate("BTC", 0.55, "nbits fits the Bitcoin difficulty of March 2021"),
            Candidate("BCH", 0.2, "version rolling is in use by Bitcoin Cash miners too"),
        ),
        login="unit7.s19-04",
        wallet=None,
        worker="s19-04",
        agent="bmminer/1.0.0",
        pool=None,
        joined_midway=True,
        work=work_of(41, 3.48e15, 1500.0),
        bins=bins(START_S, 25, 1.6, 3.48e15, 9),
        accepted=41,
        hashrate_hps=Interval(68.2e12, 95.1e12, 129.0e12),
        reported_hps=(),
        lost_bytes=18_240,
        lost_share=0.04,
        traces=Traces(
            (ClockPoint(START_S * NS, 7),),
            ("0800ab01",),
            (NonceSpan(3, 41, START_S * NS, START_S * NS),),
            0,
            0,
        ),
        notes=("the capture began while shares were being sent",),
    )
    zec = session(
        2,
        client=Endpoint("2001:db8:85a3::8a2e:370:7334", 51515),
        server=Endpoint("2001:db8::1", 3357),
        dialect="equihash",
        algorithm="equihash/200,9",
        coin="ZEC",
        login="t1Xz.矿机🦊一号",
        wallet="t1XzPe3mFWsH3Ck5Hb2R3vFq1gXkT9mcmPj",
        worker="矿机🦊一号",
        agent="EWBF/0.6",
        work=work_of(0, 8192.0, 600.0),
        accepted=0,
        rejected=0,
        stale=0,
        bins=(),
        hashrate_hps=Interval(0.0, 0.0, 52.4),
        hashrate_note="no share was accepted; only an upper bound can be given",
    )
    odd = session(
        3,
        client=Endpoint("192.168.1.99", 40000),
        algorithm=None,
        coin=None,
        coin_candidates=(),
        dialect="stratum-v1",
        work=None,
        work_note="sha256d and scrypt both fit and differ 65,536-fold in what a share is worth",
        hashrate_hps=None,
        hashrate_note="",
        worker=ESC_NAME,
        wallet=None,
        login=ESC_NAME,
        agent=HTML_NAME,
        reported_hps=(),
        bins=bins(START_S, 91, 1.0, 0.0, 4),
    )
    again = session(4, first_ns=(START_S + 95 * 60) * NS, last_ns=(START_S + 181 * 60) * NS, donation=False)
    again.bins = bins(START_S + 95 * 60, 86, 4.2, 27_000.0, 5)
    again.accepted = sum(b.accepted for b in again.bins)
    again.work = work_of(again.accepted, 27_000.0, 5160.0)
    last = (START_S + 181 * 60) * NS
    sightings = [
        sighting(client_ip="192.168.1.50", kind="node", tier="probable", probability=0.97, coin="BTC", algorithm=None,
                 wallet=None, worker=None, agent=None, server_port=8333, hashrate_hps=None,
                 because=("Bitcoin peer-to-peer version handshake",)),
        sighting((0, 4), last_ns=last),
        sighting((1,), client_ip="10.20.30.40", server_ip="198.51.100.12", server_port=443, coin=None,
                 algorithm="sha256d", wallet=None, worker="s19-04", agent="bmminer/1.0.0", probability=0.9995,
                 hashrate_hps=Interval(68.2e12, 95.1e12, 129.0e12)),
        sighting((2,), client_ip="2001:db8:85a3::8a2e:370:7334", server_ip="2001:db8::1", server_port=3357, coin="ZEC",
                 algorithm="equihash/200,9", worker="矿机🦊一号", tier="probable", probability=0.93,
                 wallet=zec.wallet, agent="EWBF/0.6", hashrate_hps=zec.hashrate_hps, hashrate_note=zec.hashrate_note),
        sighting((3,), client_ip="192.168.1.99", coin=None, algorithm=None, tier="suspected", probability=0.62,
                 wallet=None, worker=ESC_NAME, agent=HTML_NAME, hashrate_hps=None),
        sighting(client_ip="192.168.1.77", kind="mining", tier="suspected", probability=0.71, coin=None,
                 algorithm=None, wallet=None, worker=None, agent=None, server_port=443, hashrate_hps=None,
                 hashrate_note="the conversation is encrypted", because=("4 payloads a minute for 3 h, evenly",),
                 not_seen=("coin, worker and shares, because the conversation is encrypted",)),
    ]  # fmt: skip
    faults = [
        Fault("E-CAP-012", "packet claims more bytes than the file holds", "monday.pcap", 1_048_576, 3),
        Fault("E-CAP-020", "checksum of a gzip member is wrong", "tuesday.pcap.gz", 24),
    ]
    inputs = [
        InputReport("monday.pcap", 1_234_567, 987_654_321, START_S * NS, last, faults[:1]),
        InputReport("tuesday.pcap.gz", 42_000, 31_000_000, START_S * NS, last, faults[1:]),
        InputReport("empty.pcap"),
    ]
    return Scan(inputs, [session(0), btc, zec, odd, again], sightings)


def big(sessions: int, miners: int) -> Scan:
    """``sessions`` sessions spread over ``miners`` clients, with names that grow when escaped."""
    made, found = [], []
    for i in range(sessions):
        ip = f"10.{i % miners >> 16 & 255}.{i % miners >> 8 & 255}.{i % miners & 255}"
        made.append(
            session(i, client=Endpoint(ip, 1024 + i % 60000), worker=f"w{i}<&\"'>" * 3, login=f"login-{i}")
        )
    for m in range(miners):
        own = tuple(range(m, sessions, miners))
        found.append(
            sighting(own, client_ip=made[m].client.ip, worker=HTML_NAME, probability=0.5 + 0.4 * m / miners)
        )
    return Scan([InputReport("big.pcap", 10**9, 10**12, START_S * NS, (START_S + 6000) * NS)], made, found)


# --- strategies --------------------------------------------------------------------------------------------

texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40), st.text(st.characters(), max_size=20))
maybe_text = st.none() | texts
whole_numbers = st.integers(0, 2**40)
any_float = st.floats(0) | st.just(float("nan"))
times = st.integers(0, 2**62)
ips = st.ip_addresses().map(str)
endpoints = st.builds(Endpoint, ips, st.integers(0, 65535))
intervals = (
    st.none()
    | st.builds(Interval, any_float, any_float, any_float)
    | st.lists(st.floats(0, 1e30), min_size=3, max_size=3).map(lambda v: Interval(*sorted(v)))
)
faults = st.builds(Fault, texts.filter(bool), texts, texts, whole_numbers, st.integers(1, 9**9))
inputs = st.builds(
    InputReport,
    texts,
    whole_numbers,
    whole_numbers,
    st.none() | times,
    st.none() | times,
    st.lists(faults, max_size=3),
)
works = st.none() | st.builds(
    Work,
    shares=st.integers(0, 10**6),
    hashes=any_float,
    squares=any_float,
    share_hashes=any_float,
    exposure_s=any_float,
    low_factor=st.just(1.0),
    high_factor=st.just(1.0),
    convention=texts,
)
candidates = st.builds(Candidate, texts.filter(bool), st.floats(0, 1), texts)
share_bins = st.builds(ShareBin, st.integers(0, 10**9), st.integers(0, 999), st.integers(0, 99), any_float)


@st.composite
def sessions_(draw: st.DrawFn) -> Session:
    """Any session, fields drawn by themselves: a report must bear what a parser lets through."""
    text = {
        n: draw(maybe_text)
        for n in ("algorithm", "coin", "login", "wallet", "worker", "rig_id", "agent", "pool")
    }
    first, length = draw(times), draw(st.integers(0, 10**14))
    return session(
        draw(st.integers(0, 100)),
        capture=draw(texts),
        client=draw(endpoints),
        server=draw(endpoints),
        first_ns=first,
        last_ns=first + length,
        dialect=draw(texts.filter(bool)),
        carrier=draw(st.sampled_from(["tcp", "http", "websocket", "sv2"])),
        coin_candidates=tuple(draw(st.lists(candidates, max_size=3))),
        accepted=draw(whole_numbers),
        work=draw(works),
        active_s=draw(any_float),
        hashrate_hps=draw(intervals),
        reported_hps=tuple(draw(st.lists(any_float, max_size=3))),
        heights=draw(st.none() | st.tuples(st.integers(0, 2**70), st.integers(0, 2**70))),
        bins=tuple(draw(st.lists(share_bins, max_size=5))),
        because=tuple(draw(st.lists(texts, max_size=2))),
        notes=tuple(draw(st.lists(texts, max_size=2))),
        **text,
    )


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    """Any scan of up to four sessions and four sightings."""
    made = draw(st.lists(sessions_(), max_size=4))
    index = st.integers(0, len(made) - 1) if made else st.nothing()
    found = [
        sighting(
            tuple(draw(st.lists(index, max_size=3, unique=True))) if made else (),
            client_ip=draw(ips),
            server_ip=draw(ips),
            server_port=draw(st.integers(0, 65535)),
            first_ns=draw(times),
            last_ns=draw(times),
            kind=draw(st.sampled_from(["mining", "node", "visit"])),
            tier=draw(st.sampled_from(["confirmed", "probable", "suspected"])),
            probability=draw(st.floats(0, 1)),
            coin=draw(maybe_text),
            algorithm=draw(maybe_text),
            wallet=draw(maybe_text),
            worker=draw(maybe_text),
            hashrate_hps=draw(intervals),
            not_seen=tuple(draw(st.lists(texts, max_size=2))),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    return Scan(draw(st.lists(inputs, max_size=2)), made, found)
