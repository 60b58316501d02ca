"""A worker's process that makes a destination's deliveries and is killed at a named moment."""

from __future__ import annotations

from connectors._protocols import odata_write
from connectors.onec_odata import client as _onec  # noqa: F401  # imported once, for every process
from hub.flow import deliver, receipts
from hub.store.store import Store
from tests.support.doomed import Doom, killed_in
from tests.support.hub import Hub

#: Where it may stop: the buyer made, the document made (nobody knows yet), the answer being kept.
MOMENTS = ("buyer", "document", "kept")


def killed_at(hub: Hub, destination_id: int, moment: str) -> None:
    """Make deliveries in a process that is killed (-9) at this moment."""
    killed_in(hub, _deliver, destination_id, moment)


def _deliver(doom: Doom, store: Store, destination_id: int, moment: str) -> object:
    if moment == "kept":
        vars(deliver)["keep_receipt"] = doom.stopping(receipts.keep_receipt, 1, after=True)
    else:
        number = 1 if moment == "buyer" else 3  # the partner, the counterparty, the document
        vars(odata_write)["create"] = doom.stopping(odata_write.create, number, after=True)
    return deliver.deliver(store, destination_id)
