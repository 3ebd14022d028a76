"""The desk: casework from a lead to its closing, on Django.

::

    sightings ─▶ leads ─▶ handover ─▶ cases ─▶ statistics
                  │           │          │          documents, api
    registry ─────┘   access and audit lie beneath all of them

The desk takes what the lamp saw; the lamp knows nothing of the desk. Everything that may be read goes through
`davylamp.desk.access.policy`, everything that changes through `davylamp.desk.audit`.
"""
