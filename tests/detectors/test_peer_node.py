"""Nodes: a greeting names them, a hash that is right proves a discovery packet, size alone is weak."""

import random

from Crypto.Hash import keccak

from davylamp.detectors.peer_node import STRONG, WEAK, detect, is_discovery
from davylamp.records import Abstain, Endpoint, Flow


def flow(node):
    return Flow(1, Endpoint("10.0.0.1", 1), Endpoint("198.51.100.1", 8333), 6, 0, 60, node=node)


def test_a_greeting_is_strong_and_an_encrypted_hello_weak():
    assert (detect(flow("bitcoin")).strength, detect(flow("devp2p")).strength) == (STRONG, WEAK)
    assert detect(flow("bitcoin")).verdict == "node"


def test_a_flow_without_a_greeting_is_abstained_from():
    assert isinstance(detect(flow("")), Abstain)


def test_a_discovery_packet_opens_with_the_hash_of_its_rest():
    body = random.Random(1).randbytes(65) + b"\x01" + b"\xc0" * 40
    digest = keccak.new(digest_bits=256, data=body).digest()
    assert is_discovery(digest + body)
    assert not is_discovery(digest + body[:-1] + b"\0")
    assert not is_discovery(digest + body[:20])
