"""A whole desk into a folder and back: database, files by hash, checkpoints, templates and, sealed, its keys.

::

    DIR
    ├── manifest.json     what there is, with SHA-256; the end of the audit; signed by the desk
    ├── database.sqlite3  or database.pgdump
    ├── files/            as in the desk's folder
    ├── checkpoints/      those of rows that the database here holds
    ├── templates/
    └── keys.sealed       where a passphrase was given

A backup is there whole or not at all: it grows under another name and is renamed last.
"""
