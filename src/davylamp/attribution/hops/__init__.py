"""The second hop: logs of other recorders, one file per source, each a pure parser of its lines.

A parser module has ``NAME``, ``looks(head)`` (do these first lines look like mine?) and ``read(lines, about)``.
What it says of a line has three outcomes: records, not mine (None), or `record.Damage` with the line.
"""
