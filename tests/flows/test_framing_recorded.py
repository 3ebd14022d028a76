"""Recorded mining conversations; counts read from the captures with tshark and the data's own truth table."""

import json

import pytest

from flows.wire_talk import converse

from support import shared_data

pytestmark = pytest.mark.shared


def test_two_logins_on_one_connection_and_their_jobs() -> None:
    path = shared_data() / "mining" / "zeek-cryptomining" / "coinhive-stratum.pcap"
    conversation, messages = converse(path, ("10.0.2.15", 46080), ("192.110.160.114", 3333))
    said = [(m.from_client, json.loads(m.data).get("method")) for m in messages]
    assert said == [(True, "login")] * 2 + [(False, None)] * 2 + [(False, "job")] * 2
    assert [m.ts_ns for m in messages] == sorted(m.ts_ns for m in messages)
    assert (conversation.delivered_bytes_client, conversation.delivered_bytes_server) == (324, 1382)


def test_tls_joined_midway_beside_it_is_given_up() -> None:
    path = shared_data() / "mining" / "zeek-cryptomining" / "coinhive-stratum.pcap"
    conversation, messages = converse(path, ("10.0.2.15", 33548), ("208.93.230.189", 8081))
    assert messages == []
    assert conversation.state == "opaque"


def test_submits_over_several_segments_with_a_retransmission_and_a_keep_alive() -> None:
    path = shared_data() / "mining" / "nesfit" / "zec-eu1.nanopool.org.pcapng"
    conversation, messages = converse(path, ("147.229.13.222", 55565), ("185.71.66.20", 6666))
    methods = [json.loads(m.data).get("method") for m in messages]
    assert methods.count("mining.submit") == 6
    assert methods.count("mining.notify") == 5
    assert sum(m.from_client for m in messages) == 9
    assert len(messages) == 23
    client, server = conversation.streams
    assert (client.delivered_bytes, server.delivered_bytes) == (17387, 1926)
    assert client.keepalives == 1
    assert server.duplicate_bytes == 297
    assert (client.lost_bytes, server.lost_bytes) == (0, 0)


def test_the_pools_own_daemon_calls_are_http_bodies_of_json() -> None:
    path = shared_data() / "mining" / "coiniumserv" / "litecoin-testnet-mini.pcapng"
    conversation, messages = converse(path, ("10.0.0.13", 36754), ("10.0.0.40", 9333))
    ask, answer = messages
    assert json.loads(ask.data)["method"] == "getblocktemplate"
    assert len(answer.data) == 4524
    assert json.loads(answer.data)["result"]["version"] == 2
    assert ask.http is not None
    assert answer.http is not None
    assert (ask.http.method, ask.http.status, answer.http.status) == ("POST", 0, 200)
    assert ask.http.headers["authorization"] == "Basic dXNlcjo="  # "user:", the password is left out
    assert conversation.names == ["10.0.0.40:9333"]


def test_a_stratum_session_joined_midway_is_whole() -> None:
    path = shared_data() / "mining" / "zeek-cryptomining" / "bitcoin-mining-in-progress.pcap"
    conversation, messages = converse(path, ("10.0.2.15", 53266), ("74.84.128.158", 3333))
    methods = [json.loads(m.data).get("method") for m in messages]
    assert methods.count("mining.notify") == 3
    assert (conversation.delivered_bytes_client, conversation.delivered_bytes_server) == (246, 4077)
    assert not conversation.damage
