"""What people and programs read of a scan: terminal table, JSON, CSV, Parquet and the HTML report.

::

    Scan ──views──▶ table (terminal) · html (one file, charts)
         ──rows───▶ machine (JSON, JSON Lines, CSV, Parquet; ``scan.schema.json``)

Machines get the stages' sentences in English as they are; people get labels from ``words`` and the stages' sentences
through ``phrases`` (``phrases.csv``), where a new sentence of any stage needs a row.
"""
