"""Room 4: a session or a flow becomes a `Finding` or an `Abstain`; `fusion` makes sightings of them.

One file per detector, registered by its row in ``tables/detectors.csv``. Detectors do not know each other.
"""
