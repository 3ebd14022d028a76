"""A ledger as its source's statement: what the command line and the desk both ask the registry to take in."""

from davylamp.attribution.imports import Ledger
from davylamp.attribution.registry_diff import Statement
from davylamp.attribution.registry_records import Origin
from davylamp.errors import BadUse


def statement_of(
    ledger: Ledger,
    origin: Origin,
    effective_ns: int,
    *,
    is_complete: bool = True,
    is_correction: bool = False,
) -> Statement:
    """What a ledger says, as a source's statement.

    Raises:
        BadUse: E-USE-032 without a source, E-USE-033 for a person's layer without the person.
    """
    if not origin.source.strip():
        raise BadUse("E-USE-032", "a ledger without a source", "name whose ledger it is with --source")
    if origin.layer != "imported" and not origin.by.strip():
        hint = "name who answers for it with --by"
        raise BadUse("E-USE-033", f"a {origin.layer} ledger without a person", hint)
    told = Origin(origin.layer, origin.source.strip(), origin.by.strip(), origin.basis)
    kinds = frozenset(ledger.kinds)
    return Statement(told, tuple(ledger.facts), kinds, effective_ns, is_complete, is_correction)
