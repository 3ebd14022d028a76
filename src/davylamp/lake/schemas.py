"""What a row of the lake is: columns with their units in their names, keys, and what each column means.

A record's key, within its sensor, is

- sighting: ``source_ref`` as the scan gave it,
- session: client and server address and port, TCP, and ``first_ns``, hashed to ``session_ref``,
- flow (one row per part): client and server address and port, protocol and ``first_ns``, hashed to ``flow_ref``.

A flow's parts share their ``flow_id``, which comes from its ends and the time of its first packet. The number of a
session's flow within one scan is no key and is not kept. The day of a record is the UTC day of its ``first_ns``.
"""

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, Final, Literal, get_args

from davylamp.errors import BadUse

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["sightings", "sessions", "flows"]
Columns = tuple[tuple[str, str, str], ...]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
REF: Final[dict[Kind, str]] = {
    "sightings": "source_ref",
    "sessions": "session_ref",
    "flows": "flow_ref",
}
SCHEMA: Final = (
    2  # raised when a column is added; a lake written under a higher one is not written by this version
)
VERSION_KEY: Final = b"davylamp.version"  # in the metadata of a flow table
UNKNOWN_SENSOR: Final = "unknown"

_RATE: Final[Columns] = (
    ("hashrate_low_hps", "double", "lower end of the 95 % interval; hashes, solutions or graphs per second"),
    ("hashrate_hps", "double", "estimate; null when the work of a share cannot be vouched for"),
    ("hashrate_high_hps", "double", "upper end of the 95 % interval"),
    ("hashrate_note", "string", "why there is no hashrate, or what limits it"),
)
_END: Final[Columns] = (
    ("lamp_version", "string", "version of Davylamp that made the record; null when not told"),
    ("content_hash", "uint64", "hash of the row, to tell versions of one record apart; no signature"),
)
_SPAN: Final[Columns] = (
    ("first_ns", "int64", "Unix ns, first seen; the record's day is this one's in UTC"),
    ("last_ns", "int64", "Unix ns, last seen"),
)

# (column, type, what it means); the reference page is built from these
SIGHTING_COLUMNS: Final[Columns] = (
    ("source_ref", "string", "key of the sighting within its sensor"),
    ("client_ip", "string", "who mines"),
    ("server_ip", "string", "the pool, proxy or node"),
    ("server_port", "int32", ""),
    *_SPAN,
    ("kind", "string", "mining, node, visit"),
    ("tier", "string", "confirmed, probable, suspected"),
    ("probability", "double", "of the kind, 0..1; null when it could not be computed"),
    ("because", "texts", "reasons as sentences, heaviest first"),
    ("session_refs", "texts", "keys of its sessions"),
    ("captures", "texts", "files in which it was seen"),
    ("coin", "string", "ticker; null when unknown"),
    ("algorithm", "string", "proof-of-work algorithm; null when unknown"),
    ("wallet", "string", ""),
    ("worker", "string", ""),
    ("agent", "string", "mining program as it names itself"),
    *_RATE,
    ("not_seen", "texts", "what could not have been seen"),
    *_END,
)
SESSION_COLUMNS: Final[Columns] = (
    ("session_ref", "string", "key of the session within its sensor"),
    ("capture", "string", "file that holds it"),
    ("client_ip", "string", "who opened it: the miner or a proxy"),
    ("client_port", "int32", ""),
    ("server_ip", "string", "the pool, proxy or node"),
    ("server_port", "int32", ""),
    *_SPAN,
    ("joined_midway", "bool", "the capture began while the session was under way"),
    ("dialect", "string", "a row of tables/dialects.csv"),
    ("carrier", "string", "tcp, http, websocket, sv2"),
    ("algorithm", "string", "proof-of-work algorithm; null when unknown"),
    ("coin", "string", "ticker; null unless one candidate clearly leads"),
    ("coin_candidates", "candidates", "coins it may be, with weight 0..1 and reason"),
    ("login", "string", "what the client sent to name itself"),
    ("wallet", "string", "read from the login"),
    ("worker", "string", "read from the login or sent beside it"),
    ("rig_id", "string", ""),
    ("agent", "string", "mining program as it names itself"),
    ("pool", "string", "name of the pool, or host that the client names"),
    ("payout_coin", "string", "coin in which the pool pays"),
    ("donation", "bool", "mines for the author of the mining program"),
    ("jobs", "int64", "jobs sent by the server"),
    ("submitted", "int64", "shares sent by the client"),
    ("accepted", "int64", "shares granted, duplicates not counted"),
    ("rejected", "int64", "shares refused, stale ones included"),
    ("stale", "int64", "shares refused because they came late"),
    ("unanswered", "int64", "shares without an answer in the capture"),
    ("duplicates", "int64", "shares sent again"),
    ("logins_refused", "int64", ""),
    ("work_hashes", "double", "expected hashes of the accepted shares; null when the convention is unknown"),
    ("work_convention", "string", "what one share is taken to be worth"),
    ("work_note", "string", "why the work is unknown"),
    ("active_s", "double", "seconds connected with a known difficulty"),
    *_RATE,
    ("reported_hps", "numbers", "the miner's own claims, never part of hashrate_hps"),
    ("height_low", "int64", "lowest block height of its jobs"),
    ("height_high", "int64", "highest block height of its jobs"),
    ("lost_bytes", "int64", "bytes of the conversation that the capture lost"),
    ("lost_share", "double", "judged fraction of the client's bytes that the capture missed"),
    ("because", "texts", "why this is read as mining, heaviest reason first"),
    ("extranonces", "texts", "nonce prefixes that the server assigned"),
    (
        "nonce_values",
        "int64",
        "values of the byte by which relays part the nonce space; null: no share shows it",
    ),
    ("nonce_shares", "int64", "shares that show that byte"),
    ("nonce_moves", "int64", "shares that followed one with another value in the same job"),
    ("nonce_descents", "int64", "those of them with a lower value"),
    ("tcp_clock_points", "int64", "TCP timestamps of the client that were kept"),
    ("notes", "texts", "further remarks"),
    *_END,
)

_SENSOR: Final = re.compile(r"[^\W_][\w.-]{0,63}")
_RESERVED: Final = {"null", "none", "nan"}  # readers of Hive partitions take these for no value


def schema_of(kind: Kind) -> "pa.Schema":
    """Arrow schema of one kind of row; each field's metadata holds its meaning under ``doc``."""
    if kind == "flows":
        return _flow_schema()
    columns = SIGHTING_COLUMNS if kind == "sightings" else SESSION_COLUMNS
    return _schema(columns)


def _schema(columns: Columns) -> "pa.Schema":
    import pyarrow as pa

    candidate = pa.struct([("coin", pa.string()), ("weight", pa.float64()), ("because", pa.string())])
    types = {
        "bool": pa.bool_(),
        "texts": pa.list_(pa.string()),
        "numbers": pa.list_(pa.float64()),
        "candidates": pa.list_(candidate),
    }
    return pa.schema(
        [
            pa.field(name, types[kind] if kind in types else pa.type_for_alias(kind), metadata={"doc": doc})
            for name, kind, doc in columns
        ]
    )


def _flow_schema() -> "pa.Schema":
    """The meter's row with its own key in front, addresses as text, and without what the partition says."""
    import pyarrow as pa

    from davylamp.flows.export import flow_schema

    key = pa.field("flow_ref", pa.string(), metadata={"doc": "key of the flow's part within its sensor"})
    fields = [key]
    for field in flow_schema():
        if field.name in ("client_ip", "server_ip"):
            fields.append(pa.field(field.name, pa.string(), metadata={"doc": "address as text"}))
        elif field.name != "sensor":
            fields.append(field)
    return pa.schema([*fields, *_schema(_END)])


def partition_schema() -> "pa.Schema":
    """What the folders' names say."""
    import pyarrow as pa

    return pa.schema([("day", pa.date32()), ("sensor", pa.string())])


def conversation_ref(kind: Kind, sensor: str, proto: int, client: str, server: str, first_ns: int) -> str:
    """Key of a session or a flow's part: 32 hex digits.

    Args:
        kind: ``sessions`` or ``flows``; a flow's key is no session's.
        sensor: the sensor that saw it.
        proto: IP protocol.
        client: address and port of who opened it, as ``ip|port``, the address in its shortest form.
        server: the same of the other end.
        first_ns: Unix ns of its first packet.
    """
    text = f"{kind}|{sensor}|{proto}|{client}|{server}|{first_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def check_sensor(name: str) -> str:
    """The name of a sensor in Unicode form NFC, fit to name a folder.

    Raises:
        BadUse: E-LAK-006.
    """
    name = unicodedata.normalize("NFC", name)
    if not _SENSOR.fullmatch(name) or name.lower() in _RESERVED:
        raise BadUse(
            "E-LAK-006",
            f"{name!r} cannot name a sensor",
            "use up to 64 letters, digits, dots, hyphens and underscores, a letter or digit first",
        )
    return name
