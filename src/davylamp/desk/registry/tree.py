"""Organisations below an organisation (隶属)."""

from collections import defaultdict


def subtree(code: str) -> list[str]:
    """The code and those of all organisations below it, in order; loops in the data end."""
    from davylamp.desk.registry.models import Organisation

    below: dict[str, list[str]] = defaultdict(list)
    for own, parent in Organisation.objects.exclude(parent_code="").values_list("code", "parent_code"):
        below[parent].append(own)
    found, waiting = [], [code] if code else []
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.append(one)
            waiting += below[one]
    return sorted(found)
