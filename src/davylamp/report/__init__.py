"""What people and programs read of a scan: terminal table, JSON, CSV, Parquet and the HTML report.

::

    Scan ──views──▶ table (terminal) · html (one file, charts)
         ──rows───▶ machine (JSON, JSON Lines, CSV, Parquet; ``scan.schema.json``)
"""
