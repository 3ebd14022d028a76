"""Room 3: a conversation's messages become a mining session. One file per dialect.

`davylamp.dialects.reading` runs the room; `davylamp.dialects.session` is all that a dialect file needs.
The rows of ``tables/dialects.csv`` register the files.
"""
