"""Ended flows as compact rows, and the same as an Arrow record batch."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from davylamp.flows import layout as at
from davylamp.flows.identity import flow_ids
from davylamp.flows.layout import Rows
from davylamp.records import Endpoint, Flow

if TYPE_CHECKING:
    import pyarrow as pa

Mask = NDArray[np.bool_]

# (column, Arrow type, what it means); the reference page is built from this.
FLOW_COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("flow_id", "int64", "one per flow, the same whenever its packets are read; its parts share it"),
    ("part", "int32", "0, 1, ... where the active timeout cut a long flow"),
    ("client_ip", "ip", "who opened it; 16 bytes, IPv4 mapped"),
    ("server_ip", "ip", "whom it was opened to; 16 bytes, IPv4 mapped"),
    ("client_port", "uint16", ""),
    ("server_port", "uint16", ""),
    ("proto", "uint8", "IP protocol, 6 or 17"),
    ("first_ns", "int64", "Unix ns of the first packet of this part, in capture order"),
    ("last_ns", "int64", "Unix ns, the newest of this part"),
    ("client_packets", "int64", "packets that the client sent"),
    ("server_packets", "int64", "packets that the server sent"),
    ("client_bytes", "int64", "frame bytes on the wire"),
    ("server_bytes", "int64", "frame bytes on the wire"),
    ("client_payload_bytes", "int64", "payload bytes on the wire, retransmissions included"),
    ("server_payload_bytes", "int64", "payload bytes on the wire, retransmissions included"),
    ("client_payload_packets", "uint32", "packets with payload"),
    ("server_payload_packets", "uint32", "packets with payload"),
    (
        "client_retransmissions",
        "uint32",
        "payload packets without a new byte, or partly old; keep-alives too",
    ),
    (
        "server_retransmissions",
        "uint32",
        "payload packets without a new byte, or partly old; keep-alives too",
    ),
    ("client_out_of_order", "uint32", "packets that came late and filled a gap"),
    ("server_out_of_order", "uint32", "packets that came late and filled a gap"),
    ("client_gap_bytes", "int64", "bytes that the sequence numbers say were sent and no packet showed"),
    ("server_gap_bytes", "int64", "bytes that the sequence numbers say were sent and no packet showed"),
    ("handshake_seen", "bool", "a SYN or SYN+ACK was captured: the beginning is here"),
    ("role_reason", "enum", "what told the client: syn, synack, payload, port, first"),
    (
        "end_reason",
        "enum",
        "idle, active, closed, reused (a new SYN), evicted (table full), input (it ended)",
    ),
    ("name", "string", "host name seen at the start; null if none"),
    ("name_kind", "enum", "where the name stood: sni, host, connect"),
    ("name_cut", "bool", "the name was longer than 96 bytes; its right end is kept"),
    ("alpn", "string", "first protocol that the TLS client offers"),
    ("ja4", "string", "null: not computed"),
    ("mark", "enum", "what triage took it for: json, http, connect, socks, sv2, text, tls, node"),
    ("node_kind", "enum", "network of a node"),
    ("held", "bool", "the reader holds it for mining"),
    ("dismissed", "bool", "the reader found no mining in it"),
    ("pool_named", "bool", "its name is a pool's, by whole labels"),
    ("snapped", "bool", "the capture cut payload off"),
    ("beats", "beats", "list of (ms since first_ns, payload length, + from the client), null when dropped"),
    ("beats_dropped", "enum", "bulk or full; null when kept"),
    ("sampling", "uint32", "null: every packet was seen"),
    ("sensor", "string", "null: not known to the meter"),
)


def flow_schema() -> "pa.Schema":
    """The Arrow schema of a flow row; each field's metadata holds its meaning under ``doc``."""
    import pyarrow as pa

    types = {
        "ip": pa.binary(16),
        "enum": pa.string(),
        "bool": pa.bool_(),
        "beats": pa.list_(pa.struct([("ms", pa.int32()), ("len", pa.int32())])),
    }
    return pa.schema(
        [
            pa.field(name, types[kind] if kind in types else pa.type_for_alias(kind), metadata={"doc": text})
            for name, kind, text in FLOW_COLUMNS
        ]
    )


def __getattr__(name: str) -> Any:
    """FLOW_SCHEMA on demand, so that pyarrow loads only where a schema is needed."""
    if name == "FLOW_SCHEMA":
        return flow_schema()
    raise AttributeError(name)


def ip_text(address: bytes) -> str:
    """A 16-byte address as people write it, IPv4 where it is mapped."""
    ip = ipaddress.IPv6Address(address)
    return str(ip.ipv4_mapped or ip)


@dataclass(frozen=True, slots=True)
class FlowStart:
    """What the reader needs to follow a flow: its ends and how it began.

    ``isn_client`` and ``isn_server`` are initial sequence numbers where their SYN was captured.
    """

    flow_id: int
    client: Endpoint
    server: Endpoint
    first_ns: int
    mark: str
    role_reason: str
    handshake_seen: bool
    isn_client: int | None
    isn_server: int | None
    name: str
    name_kind: str
    pool_named: bool


_FLOW_FIELD: Final = {name: place for place, name in enumerate(at.FLOW.names or ())}
_SIDE_FIELD: Final = {name: place for place, name in enumerate(at.SIDE.names or ())}


def read_start(flow: Any, sides: Any, name: Any | None) -> FlowStart:
    """Describe one row of the meter.

    The row is turned into plain numbers at once: reading its fields one by one costs several times as much.
    """
    row, halves = flow.item(), sides.tolist()
    place, isn, knows = _FLOW_FIELD, _SIDE_FIELD["isn"], _SIDE_FIELD["bits"]
    ports, client, bits = row[place["ports"]], row[place["client"]], row[place["bits"]]
    ends = (
        Endpoint(address_text(row[place["a_hi"]], row[place["a_lo"]]), ports >> 32 & 0xFFFF),
        Endpoint(address_text(row[place["b_hi"]], row[place["b_lo"]]), ports >> 16 & 0xFFFF),
    )
    isns = [half[isn] if half[knows] & at.KNOWS_ISN else None for half in halves]
    return FlowStart(
        row[place["flow_id"]],
        ends[client],
        ends[1 - client],
        row[place["first_ns"]],
        at.KIND_NAMES[row[place["mark"]]],
        at.ROLE_NAMES[row[place["role"]]],
        bool(bits & (at.SAW_SYN | at.SAW_SYNACK)),
        isns[client],
        isns[1 - client],
        "" if name is None else bytes(name["text"][: name["size"]]).decode("ascii"),
        "" if name is None else at.NAMED_NAMES[name["kind"]],
        bool(bits & at.POOL_NAMED),
    )


def address_text(high: int, low: int) -> str:
    """An address of two 64-bit halves as people write it, IPv4 where it is mapped."""
    if high == 0 and low >> 32 == 0xFFFF:
        return f"{low >> 24 & 0xFF}.{low >> 16 & 0xFF}.{low >> 8 & 0xFF}.{low & 0xFF}"
    return str(ipaddress.IPv6Address(high << 64 | low))


@dataclass(frozen=True, slots=True)
class FlowBatch:
    """Rows of ended flows, as the kernel left them; ``flows.name`` points into ``names``.

    ``beats`` holds the beats of all rows one after the other, ``flows.beats`` of them each, positive from end
    a to end b; `to_arrow` turns everything to client and server.
    """

    flows: Rows
    sides: Rows
    names: Rows
    beats: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.flows.size)

    def find(self, flow_id: int) -> FlowStart | None:
        """How the flow began, if one of its parts is in this batch."""
        rows = np.flatnonzero(self.flows["flow_id"] == flow_id)
        if rows.size == 0:
            return None
        row = rows[-1]
        place = int(self.flows["name"][row])
        name = self.names[place] if place != at.NOTHING else None
        return read_start(self.flows[row], self.sides[row], name)

    def select(self, mask: Mask) -> "FlowBatch":
        """The rows where ``mask`` (n,) holds, with their names and beats."""
        flows = self.flows[mask]
        named = flows["name"] != at.NOTHING
        names = self.names[flows["name"][named]]
        flows["name"][named] = np.arange(names.size, dtype=np.int32)
        return FlowBatch(flows, self.sides[mask], names, self.beats[np.repeat(mask, self.flows["beats"])])

    def interesting(self) -> "FlowBatch":
        """The flows that speak of mining: marked (not only as TLS) and not dismissed, held, or pool-named."""
        flows = self.flows
        marked = (flows["mark"] != at.KIND_NONE) & (flows["mark"] != at.KIND_TLS)
        named = (flows["bits"] & at.POOL_NAMED) != 0
        return self.select((marked & (flows["state"] != at.DISMISSED)) | named)

    def finished(self) -> list[int]:
        """Ids of flows that triage marked and that will have no further part."""
        over = (self.flows["end"] != at.END_ACTIVE) & (self.flows["mark"] != at.KIND_NONE)
        ids: list[int] = self.flows["flow_id"][over].tolist()
        return ids

    def views(self) -> list[Flow]:
        """Each row as detectors see it; meant for the few interesting ones."""
        return [self._view(row) for row in range(len(self))]

    def _view(self, row: int) -> Flow:
        flow = self.flows[row]
        place = int(flow["name"])
        start = read_start(flow, self.sides[row], self.names[place] if place != at.NOTHING else None)
        return Flow(
            start.flow_id,
            start.client,
            start.server,
            int(flow["ports"]) & 0xFF,
            start.first_ns,
            int(flow["last_ns"]),
            start.name,
            start.pool_named,
            at.NODE_NAMES[flow["node"]],
        )

    def to_arrow(self) -> "pa.RecordBatch":
        """The rows under `FLOW_SCHEMA`."""
        import pyarrow as pa

        columns = {**self._ends(), **self._counts(), **self._words()}
        columns["beats"] = self._beat_lists()
        schema = flow_schema()
        nothing = [field.name for field in schema if field.name not in columns]
        columns.update({name: pa.nulls(len(self), schema.field(name).type) for name in nothing})
        arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _ends(self) -> dict[str, Any]:
        import pyarrow as pa

        flows = self.flows
        swapped = flows["client"] == 1
        halves = np.stack([flows[f] for f in ("a_hi", "a_lo", "b_hi", "b_lo")], axis=1)
        halves = np.where(swapped[:, None], halves[:, [2, 3, 0, 1]], halves).astype(">u8")
        ports = np.stack([flows["ports"] >> np.uint64(32), flows["ports"] >> np.uint64(16)], axis=1)
        ports = np.where(swapped[:, None], ports[:, ::-1], ports).astype(np.uint16)

        def addresses(low: int) -> Any:
            data = np.ascontiguousarray(halves[:, low : low + 2])
            return pa.Array.from_buffers(pa.binary(16), len(self), [None, pa.py_buffer(data)])

        return {
            "client_ip": addresses(0),
            "server_ip": addresses(2),
            "client_port": np.ascontiguousarray(ports[:, 0]),
            "server_port": np.ascontiguousarray(ports[:, 1]),
            "proto": flows["ports"].astype(np.uint8),
        }

    def _counts(self) -> dict[str, Any]:
        flows = self.flows
        rows = np.arange(len(self))
        client = flows["client"].astype(np.int64)
        columns: dict[str, Any] = {name: flows[name] for name in ("part", "first_ns", "last_ns")}
        columns["flow_id"] = flow_ids(flows)
        counts = ("packets", "bytes", "payload_bytes", "payload_packets", "retransmissions")
        for count in (*counts, "out_of_order", "gap_bytes"):
            columns[f"client_{count}"] = self.sides[count][rows, client]
            columns[f"server_{count}"] = self.sides[count][rows, 1 - client]
        bits = flows["bits"]
        columns["handshake_seen"] = (bits & (at.SAW_SYN | at.SAW_SYNACK)) != 0
        columns["pool_named"] = (bits & at.POOL_NAMED) != 0
        columns["snapped"] = (bits & at.SNAPPED) != 0
        columns["held"] = flows["state"] == at.HELD
        columns["dismissed"] = flows["state"] == at.DISMISSED
        return columns

    def _words(self) -> dict[str, Any]:
        import pyarrow as pa

        flows, names = self.flows, self.names
        place = flows["name"]
        absent = place == at.NOTHING
        index = pa.array(np.where(absent, 0, place), mask=absent)

        def texts(field: str, size: str) -> Any:
            # NUL cannot stand in a name, so a fixed-width string ends where the name does
            width = names.dtype[field].shape[0]
            kept = np.where(np.arange(width) < names[size][:, None], names[field], 0).astype(np.uint8)
            column = pa.array(np.ascontiguousarray(kept).view(f"S{width}").ravel(), type=pa.binary())
            empty = pa.array(names[size] == 0)
            return pa.compute.if_else(empty, None, column.cast(pa.string())).take(index)

        import pyarrow.compute

        kinds = np.where(absent, 0, names["kind"][np.where(absent, 0, place)] if names.size else 0)
        cut = np.where(absent, 0, names["cut"][np.where(absent, 0, place)] if names.size else 0)
        return {
            "name": texts("text", "size"),
            "alpn": texts("alpn", "alpn_size"),
            "name_cut": cut != 0,
            "name_kind": _enumerated(kinds, at.NAMED_NAMES),
            "role_reason": _enumerated(flows["role"], at.ROLE_NAMES),
            "end_reason": _enumerated(flows["end"], at.END_NAMES),
            "mark": _enumerated(flows["mark"], at.KIND_NAMES),
            "node_kind": _enumerated(flows["node"], at.NODE_NAMES),
            "beats_dropped": _enumerated(flows["lost"], at.LOST_NAMES),
        }

    def _beat_lists(self) -> Any:
        import pyarrow as pa

        counts = self.flows["beats"]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        sign = np.repeat(np.where(self.flows["client"] == 0, 1, -1).astype(np.int32), counts)
        fields = [pa.field("ms", pa.int32()), pa.field("len", pa.int32())]
        values = pa.StructArray.from_arrays(
            [np.ascontiguousarray(self.beats[:, 0]), self.beats[:, 1] * sign], fields=fields
        )
        return pa.ListArray.from_arrays(offsets, values, mask=pa.array(self.flows["lost"] != at.LOST_NONE))


def _enumerated(codes: NDArray[Any], words: Sequence[str]) -> Any:
    """Codes as strings; the empty word is null."""
    import pyarrow as pa

    dictionary = pa.array([word or None for word in words], type=pa.string())
    return dictionary.take(pa.array(codes.astype(np.int32)))


def _joined(arrays: Sequence[Rows]) -> Rows:
    """Rows one after the other; as bytes, because numpy joins structured rows field by field."""
    first = arrays[0]
    whole = np.concatenate([array.reshape(-1).view(np.uint8) for array in arrays])
    return whole.view(first.dtype).reshape(-1, *first.shape[1:])


def join(pieces: Iterable[FlowBatch]) -> FlowBatch:
    """One batch out of several, in their order."""
    parts = list(pieces)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty()
    flows = _joined([part.flows for part in parts])
    shift = np.cumsum([0, *(part.names.size for part in parts[:-1])])
    moved = np.repeat(shift, [len(part) for part in parts])
    named = flows["name"] != at.NOTHING
    flows["name"][named] += moved[named].astype(np.int32)
    return FlowBatch(
        flows,
        _joined([part.sides for part in parts]),
        _joined([part.names for part in parts]),
        np.concatenate([part.beats for part in parts]),
    )


def empty() -> FlowBatch:
    """A batch without rows."""
    return FlowBatch(
        np.zeros(0, dtype=at.FLOW),
        np.zeros((0, 2), dtype=at.SIDE),
        np.zeros(0, dtype=at.NAME),
        np.zeros((0, 2), dtype=np.int32),
    )
