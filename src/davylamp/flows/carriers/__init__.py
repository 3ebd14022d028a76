"""What carries mining messages inside a TCP stream, one file per carrier.

A carrier takes the bytes of one direction in order and emits messages on its `lane.Lane`. It never looks at
what a message means. When it has seen enough to know that something else follows (a tunnel after its
preamble, WebSocket frames after an upgrade), it hands over with a `lane.Turn`.
"""
