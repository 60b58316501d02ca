"""A worker's process that makes a destination's deliveries and stops for ever at a named moment.

`python -m tests.support.doomed_delivery DESTINATION_ID MOMENT`: at the first MOMENT it prints
«here» and waits to be killed. The hub's settings come from the environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing

from connectors._protocols import odata_write
from hub import settings
from hub.flow import deliver, receipts
from hub.store.store import Store
from tests.support.doomed_sync import stopping
from tests.support.hub import Hub

#: Where it may stop: the buyer made, the document made (nobody knows yet), the answer being kept.
MOMENTS = ("buyer", "document", "kept")


def killed_at(hub: Hub, destination_id: int, moment: str) -> None:
    """Make deliveries in a process that is killed (-9) at this moment."""
    given = hub.store.settings
    environment = {
        **os.environ,
        "HUB_HOME": str(given.home),
        "DATABASE_URL": given.database_url,
        "REDIS_URL": given.redis_url,
        "HUB_SECRET_KEY": given.secret_key,
    }
    arguments = [sys.executable, "-m", __name__, str(destination_id), moment]
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with closing(process.stdout):
        said = process.stdout.readline().strip()
        process.kill()
        process.wait(timeout=30)
    assert said == "here", f"the deliveries ended before {moment}: {said}"


def main() -> None:
    """Make the deliveries up to the moment."""
    destination_id, moment = int(sys.argv[1]), sys.argv[2]
    if moment == "kept":
        vars(deliver)["keep_receipt"] = stopping(receipts.keep_receipt, 1, after=True)
    else:
        number = 1 if moment == "buyer" else 3  # the partner, the counterparty, the document
        vars(odata_write)["create"] = stopping(odata_write.create, number, after=True)
    deliver.deliver(Store.open(settings.load()), destination_id)


if __name__ == "__main__":
    main()
