"""Peer node: does this flow belong to a coin's peer-to-peer network?

Reads     Flow.mark            str    what triage recognized in the first payloads
          Flow.proto, .server         transport and port
Yields    Finding.strength     float  log10 likelihood ratio for a node, WEAK or STRONG
Abstains  on flows without a node's mark
Raises    nothing
Misses    encrypted peer protocols (Bitcoin BIP 324, libp2p) and nodes joined in mid-stream without a command
Misfires  block explorers' crawlers and wallets, which speak the same protocol without keeping a chain
Source    Bitcoin wire protocol, Monero Levin portable storage, Ethereum discovery v4; docs/evidence/peer_node.md
"""

from typing import Final

from davylamp.records import Abstain, Finding, Flow

STRONG: Final = 8.0  # judged: network magic and command, or a packet whose own hash is right
WEAK: Final = 4.3  # judged: size and port fit an encrypted hello
ENCRYPTED_HELLOS: Final = frozenset({"devp2p"})
HASH_BYTES: Final = 32
SIGNED_BYTES: Final = 98  # hash, 65-byte signature, packet type


def detect(flow: Flow) -> Finding | Abstain:
    """Judge one flow by its mark."""
    if not flow.node:
        return Abstain("no peer-to-peer greeting in its first payloads")
    weak = flow.node in ENCRYPTED_HELLOS
    why = "the size of an encrypted hello on its usual port" if weak else "its greeting"
    return Finding(
        detector="peer-node",
        family="payload",
        verdict="node",
        strength=WEAK if weak else STRONG,
        because=f"speaks the {flow.node} peer-to-peer protocol, by {why}; a node relays blocks and need not mine",
        client=flow.client,
        server=flow.server,
        first_ns=flow.first_ns,
        last_ns=flow.last_ns,
        flow_id=flow.flow_id,
    )


def is_discovery(payload: bytes) -> bool:
    """Whether a UDP payload is an Ethereum discovery v4 packet: it opens with the Keccak-256 of its rest."""
    if len(payload) < SIGNED_BYTES:
        return False
    from Crypto.Hash import keccak

    return keccak.new(digest_bits=256, data=payload[HASH_BYTES:]).digest() == payload[:HASH_BYTES]
