"""Conversations of programs that use the words of mining, or its forms, and do not mine.

Each is a list of (from the client?, JSON value or bytes). Shapes follow the programs' own documentation.
"""

H32, H20 = "ab" * 32, "cd" * 20
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
TEMPLATE = {
    "version": 536870912,
    "previousblockhash": "00000000000000000002" + "4f" * 22,
    "height": 840_001,
    "bits": "17034219",
    "target": "0000000000000000000342190000000000000000000000000000000000000000",
    "transactions": [],
    "coinbasevalue": 312_500_000,
}
BLOCK = "00000020" + "5a" * 76 + "01" * 200


def ask(method, params=None, number=1, **beside):
    body = {"jsonrpc": "2.0", "id": number, "method": method, **beside}
    return (True, body if params is None else {**body, "params": params})


def told(result, number=1, **beside):
    return (False, {"jsonrpc": "2.0", "id": number, "result": result, **beside})


def refused(message, number=1, code=-32601):
    return (False, {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}})


LINES = {
    "chat bot": [
        ask("login", {"login": "alice", "pass": "secret", "agent": "ChatBot/2.1"}),
        told({"status": "OK", "token": "9f3c"}),
        ask("submit", {"room": "general", "text": "hello"}, 2),
        told({"status": "OK"}, 2),
        (False, {"method": "job", "params": {"job_id": "17", "state": "running"}}),
    ],
    "chat bot that is refused": [
        ask("login", {"login": "alice", "pass": "wrong"}),
        refused("Invalid credentials", code=-1),
    ],
    "service with an api key": [
        (True, {"method": "login", "id": "1", "api_key": "k-2931"}),
        (False, {"method": "result", "id": "1", "code": 0, "description": "welcome"}),
        (False, {"method": "job", "id": "5", "input": "report.csv", "difficulty": 3}),
        (True, {"method": "solution", "id": "5", "output": "report.pdf"}),
    ],
    "service whose answers repeat the method": [
        ask("login", {"login": "bob", "pass": "x"}),
        (False, {"id": 1, "method": "login", "result": "ok", "error": None}),
        ask("status", number=2),
        (False, {"id": 2, "method": "status", "result": {"queue": 4}, "error": None}),
    ],
    "automation server": [
        ask("getjobtemplate", {"name": "deploy"}),
        told({"name": "deploy", "playbook": "site.yml"}),
        ask("submit", {"template": "deploy", "job_id": 12}, 2),
        told({"job_id": 12, "status": "pending"}, 2),
        (False, {"method": "job", "params": {"job_id": 12, "status": "successful"}}),
    ],
    "automation server without parameters": [
        ask("getjobtemplate"),
        told([{"name": "deploy"}, {"name": "rollback"}]),
    ],
    "batch scheduler": [
        ask("submit", {"job_id": "a1", "script": "run.sh", "nonce": "00112233", "nodes": 4}),
        told({"job_id": "a1", "status": "queued"}),
        (False, {"method": "job", "params": {"job_id": "a1", "target": "gpu-0001", "blob": "deadbeef"}}),
        ask("getjob", {"job_id": "a1"}, 2),
        told({"job_id": "a1", "blob": H20, "target": "deadbeef"}, 2),
        told({"job": {"job_id": "a1", "blob": H32, "target": "00ff00ff"}, "status": "OK"}, 3),
    ],
    "worker pool": [
        ask("getwork", []),
        told({"task": "resize", "data": "s3://bucket/key"}),
        ask("submit", ["resize", "done"], 2),
        told(True, 2),
    ],
    "Gearman by text": [
        (True, b"status\n"),
        (False, b"resize\t3\t1\t2\n.\n"),
        (True, b"workers\n"),
        (False, b"31 10.0.0.4 - : resize job login submit\n.\n"),
    ],
    "print server": [(True, b"JOB,4711,duplex\n"), (False, b"OK,queued\n"), (True, b"JOB,4712,\n")],
    "Electrum": [
        ask("server.version", ["Electrum/4.5.4", "1.4"], 0),
        told(["ElectrumX 1.16.0", "1.4"], 0),
        ask("blockchain.headers.subscribe", [], 1),
        told({"height": 840_000, "hex": "00" * 80}, 1),
        ask("blockchain.scripthash.subscribe", [H32], 2),
        told(H32, 2),
        (
            False,
            {
                "jsonrpc": "2.0",
                "method": "blockchain.headers.subscribe",
                "params": [{"height": 840_001, "hex": "00" * 80}],
            },
        ),
        ask("blockchain.transaction.broadcast", ["01" * 250], 3),
        told(H32, 3),
    ],
    "core lightning": [
        ask("getinfo", {}, "cli:getinfo#1"),
        told({"id": "02" + H32, "alias": "SLEEPYDRAGON", "blockheight": 840_000}, "cli:getinfo#1"),
        ask("pay", {"bolt11": "lnbc1" + "q" * 100}, 2),
        told({"payment_hash": H32, "status": "complete"}, 2),
        ask("waitblockheight", [840_001], 3),
        told({"blockheight": 840_001}, 3),
    ],
    "Kodi": [
        ask("JSONRPC.Ping"),
        told("pong"),
        (
            False,
            {
                "jsonrpc": "2.0",
                "method": "Player.OnPlay",
                "params": {"data": {"item": {"id": 1}}, "sender": "xbmc"},
            },
        ),
    ],
    "Ethereum node over IPC forwarded": [
        ask("eth_subscribe", ["newHeads"]),
        told("0x9cef478923ff08bf67fde6c64013158d"),
        ask("eth_getLogs", [{"fromBlock": "0x1", "topics": ["0x" + H32]}], 2),
        told(["0x" + H32, "0x" + H32, "0x" + "00" * 8 + "ff" * 24], 2),
        ask("eth_getFilterChanges", ["0x16"], 3),
        told(["0x" + H32, "0x" + "00" * 4 + H32[8:], "0x" + "00" * 4 + H32[8:]], 3),
    ],
    "mining game": [
        (True, {"type": "mining", "action": "dig", "block": "stone"}),
        (False, {"type": "result", "job": "miner", "result": True}),
        (True, {"method": "mining.start", "params": ["pickaxe"], "id": 2}),
        (False, {"id": 2, "result": True, "error": None}),
    ],
    "log shipper with mining in its text": [
        (
            True,
            {"message": 'blocked {"method":"mining.subscribe","params":["cgminer/4.9"]}', "level": "warn"},
        ),
        (True, {"message": "eth_submitLogin seen in proxy log", "job": "squid"}),
        (True, {"rule": 'content:"mining.authorize"; sid:2', "result": "login", "job": "suricata"}),
    ],
    "intrusion alerts": [
        (
            True,
            {
                "event_type": "alert",
                "payload_printable": '{"id":1,"method":"login","params":{"login":"4'
                + "A" * 94
                + '","pass":"x"}}',
                "alert": {"signature": "ET COINMINER job"},
            },
        )
    ]
    * 6,
    "message queue": [
        (True, {"op": "login", "user": "svc", "pass": "x"}),
        (False, {"op": "result", "login": "ok"}),
        (True, {"op": "subscribe", "channel": "job"}),
        (
            False,
            {"op": "message", "channel": "job", "data": {"job_id": "7", "blob": "AAEC", "target": "all"}},
        ),
    ],
}

EXPLORER = {"User-Agent": "node-fetch/1.0", "Authorization": "Basic ZXhwbG9yZXI6eA=="}
HTTP = {
    "explorer of Bitcoin": [
        ask("getblockchaininfo", []),
        told({"blocks": 840_000, "chain": "main"}),
        ask("getmempoolinfo", [], 2),
        told({"size": 40_000}, 2),
        ask("getblocktemplate", [{"rules": ["segwit"]}], 3),
        told(TEMPLATE, 3),
        ask("getrawmempool", [], 4),
        told([H32, H32], 4),
    ],
    "relay that hands blocks on": [
        ask("submitblock", [BLOCK]),
        told(None),
        ask("submitblock", [BLOCK], 2),
        told("duplicate", 2),
    ],
    "wallet of Bitcoin": [
        ask("getbalance", []),
        told(1.5),
        ask("sendtoaddress", [ADDRESS, 0.1], 2),
        told(H32, 2),
        ask("getmininginfo", [], 3),
        told({"blocks": 840_000, "difficulty": 8.6e13, "networkhashps": 6e20}, 3),
    ],
    "monitor of an Ethereum node": [
        ask("eth_blockNumber", []),
        told("0x124f80"),
        ask("eth_hashrate", [], 2),
        told("0x0", 2),
        ask("eth_getWork", [], 3),
        told(["0x" + H32, "0x" + H32, "0x" + "00" * 8 + "ff" * 24], 3),
        ask("net_peerCount", [], 4),
        told("0x19", 4),
        ask("eth_getWork", [], 5),
        told(["0x" + H32, "0x" + H32, "0x" + "00" * 8 + "ff" * 24], 5),
    ],
    "monitor of a node that does not mine": [
        ask("eth_syncing", []),
        told(False),
        ask("eth_getWork", [], 2),
        refused("the method eth_getWork does not exist/is not available", 2),
    ],
    "explorer of Monero": [
        ask("get_info", {}),
        told({"height": 3_100_000, "difficulty": 300_000_000_000}),
        ask("get_block_template", {"wallet_address": "4" + "A" * 94, "reserve_size": 8}, 2),
        told(
            {
                "blocktemplate_blob": "1010" + "ab" * 150,
                "difficulty": 3 * 10**11,
                "height": 3_100_000,
                "prev_hash": H32,
            },
            2,
        ),
        ask("get_last_block_header", {}, 3),
        told({"block_header": {"height": 3_099_999}}, 3),
        ask("get_block_header_by_height", {"height": 3_000_000}, 4),
        told({"block_header": {"height": 3_000_000}}, 4),
    ],
    "Odoo": [
        ask("call", {"service": "common", "method": "login", "args": ["db", "admin", "x"]}),
        told(2),
        ask(
            "call",
            {"service": "object", "method": "execute", "args": ["db", 2, "x", "queue.job", "submit"]},
            2,
        ),
        told([{"job": 7, "result": "done"}], 2),
    ],
    "aria2": [
        ask("aria2.addUri", ["token:x", ["https://mirror.example/pool/job.iso"]]),
        told("2089b05ecca3d829"),
    ],
    "Transmission": [
        (True, {"method": "torrent-get", "arguments": {"fields": ["id", "hashString"]}, "tag": 1}),
        (False, {"arguments": {"torrents": [{"id": 1, "hashString": H20}]}, "result": "success", "tag": 1}),
        (True, {"method": "job", "arguments": {"ids": [1]}, "tag": 2}),
        (False, {"arguments": {}, "result": "success", "tag": 2}),
    ],
    "Slurm": [
        (True, {"script": "#!/bin/bash", "job": {"name": "cfd", "nodes": 4, "environment": ["PATH=/bin"]}}),
        (False, {"result": {"job_id": 812, "step_id": "batch"}, "job_id": 812, "errors": []}),
    ],
    "Jenkins": [
        (True, {"parameter": {"name": "job", "value": "submit"}}),
        (False, {"job": "build", "result": "SUCCESS"}),
    ],
    "model context protocol": [
        ask(
            "initialize",
            {
                "protocolVersion": "2025-03-26",
                "capabilities": {},
                "clientInfo": {"name": "c", "version": "1"},
            },
        ),
        told(
            {
                "protocolVersion": "2025-03-26",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "s", "version": "1"},
            }
        ),
        ask("tools/call", {"name": "submit", "arguments": {"login": "a", "job": "b"}}, 2),
        told({"content": [{"type": "text", "text": '{"method":"mining.notify","params":[]}'}]}, 2),
    ],
    "Docker": [
        (True, {"Image": "xmrig/xmrig", "Cmd": ["-o", "pool.example:3333"]}),
        (False, {"Id": H32, "Warnings": []}),
    ],
    "CouchDB": [
        (True, {"selector": {"type": "job"}}),
        (False, {"results": [{"seq": 1, "id": "job", "changes": []}]}),
    ],
    "web form": [
        (True, {"login": "alice", "pass": "secret", "submit": "Log in"}),
        (False, {"status": "OK", "result": {"token": H32, "job": "engineer"}}),
    ],
    "web app by JSON-RPC": [
        ask("login", {"login": "alice@example.org", "pass": "secret", "agent": "Mozilla/5.0"}),
        told({"status": "OK", "session": H32}),
        ask("submit", {"form": 3, "nonce": "9f8e7d6c", "result": "yes"}, 2),
        told({"status": "OK"}, 2),
    ],
}

WEBSOCKET = {
    "MQTT bridge": [
        (True, {"cmd": "subscribe", "topic": "factory/job", "id": 1}),
        (False, {"topic": "factory/job", "payload": {"job_id": "7", "target": "00ff00ff", "blob": "00ff"}}),
        (False, {"topic": "factory/result", "payload": {"result": "ok"}}),
    ],
    "model context protocol over WebSocket": HTTP["model context protocol"],
    "chat over WebSocket": LINES["chat bot"],
    "exchange": [
        ask("login", {"login": "trader", "pass": "x", "algo": ["ed25519"]}),
        told({"status": "OK"}),
        ask("submit", {"order": "buy", "nonce": "1717200000", "id": "a"}, 2),
        told({"status": "OK", "order_id": 77}, 2),
        (False, {"method": "ticker", "params": ["BTC-USD", 68_000.5]}),
    ],
    "Kubernetes watch": [
        (False, {"type": "ADDED", "object": {"kind": "Job", "metadata": {"name": "submit", "uid": H20}}}),
        (False, {"type": "MODIFIED", "object": {"kind": "Job", "status": {"succeeded": 1}}}),
    ],
    "Ethereum wallet": LINES["Ethereum node over IPC forwarded"],
}

EDITOR = [
    ask("initialize", {"processId": 1, "rootUri": None, "capabilities": {}}, 0),
    told({"capabilities": {"hoverProvider": True}}, 0),
    (
        True,
        {
            "jsonrpc": "2.0",
            "method": "textDocument/didOpen",
            "params": {"text": '"mining.submit" "login" "job"'},
        },
    ),
    (False, {"jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": {"diagnostics": []}}),
]
