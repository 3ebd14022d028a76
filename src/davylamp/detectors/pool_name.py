"""Pool name: does a host name in this flow belong to a known pool?

Reads     Flow.name            str    TLS server name or HTTP host
          Flow.pool_named      bool   whole labels of it stand in tables/pools.csv or the site's own list
Yields    Finding.strength     float  log10 likelihood ratio for a visit, VISIT
Abstains  on flows without such a name
Raises    nothing
Misses    pools that are not in the tables; encrypted client hellos; miners that use bare addresses
Misfires  none as a visit: a name shows a destination. It is never called mining: dashboards, research and
          block lists go there too
Source    tables/pools.csv; docs/evidence/pool_name.md
"""

from typing import Final

from davylamp.records import Abstain, Finding, Flow

VISIT: Final = 5.0  # judged: the name is there or it is not; lists age and domains change hands


def detect(flow: Flow) -> Finding | Abstain:
    """Judge one flow by the name it asked for."""
    if not flow.pool_named or not flow.name:
        return Abstain("no pool's host name was asked for")
    return Finding(
        detector="pool-name",
        family="name",
        verdict="visit",
        strength=VISIT,
        because=f"asked for {flow.name}, a host of a known pool; a destination is not yet mining",
        client=flow.client,
        server=flow.server,
        first_ns=flow.first_ns,
        last_ns=flow.last_ns,
        flow_id=flow.flow_id,
    )
