"""The lake: sightings, sessions and flows as Parquet by day and sensor, with SQL over them.

::

    scan JSON ──▶ intake ─┐                                        ┌─▶ query   SQL, read-only
    flow tables ─▶ intake ┴▶ merge ─▶ store  KIND/day=.../sensor=… ┼─▶ retain  what is old goes, open cases stay
                                                                   └─▶ info

The lake stands above the stages and is written by one process at a time. What it holds depends only on which
records were ever added, not on their order, batches or repetitions; see ``docs/concepts/7-lake.md``.
"""
