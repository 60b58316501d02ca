"""The first words of a batch's transaction: the lease proved, the events held, what they need read.

On PostgreSQL all of it is one round trip, or two where records are there already: a batch of one
event has hardly more to wait for than its trips.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.flow import resolve
from hub.flow.prepare import Prepared
from hub.store import bulk, connections, event_rows, leases
from hub.store.connections import Configured
from hub.store.working_set import WorkingSet


def hold(
    ws: WorkingSet,
    configured: Configured,
    prepared: Sequence[Prepared],
    lease: leases.Lease,
    proof: bulk.Question,
) -> Sequence[Prepared]:
    """Those that nobody has done, and no replay opened again, since they were read; held until the
    commit. The working set knows what their records continue.

    `proof` is what `leases.proof` wants asked. LeaseLostError, and ChangedError when the connection
    is not the one they were prepared for any more.
    """
    items = [
        (record, one.stamp, one.stored.key)
        for one in prepared
        if one.error is None
        for record in one.records
    ]
    ids = [one.stored.id for one in prepared]
    first = [proof, *event_rows.hold(ws.connection, configured.id, ids)]
    proven, *answers = ws.preload(*resolve.lookups(items), before=first)
    leases.judge(lease, proven)
    still, revision = event_rows.held(*answers)
    if revision != configured.revision:
        raise connections.ChangedError(configured.name)
    read = ((one, (one.stored.generation, one.stored.attempts)) for one in prepared)
    return [one for one, state in read if still.get(one.stored.id) == state]
