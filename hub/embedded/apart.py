"""Work beside this process whose imports and leftovers one that runs for months shall not keep."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from hub.embedded import forkserver, launch

#: Does its work and returns an exit code; what went wrong it has told itself.
Work = Callable[[], int]


class Apart:
    """Work in a fork of this process, which ends with it; where forks are not made for that, here.

    Begun while this process has one thread and nothing open that talks.
    """

    def __init__(self, work: Work) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        ours = os.getpid()
        self._pid = os.fork() if forkserver.is_possible() else None
        if self._pid == 0:
            _end_with(work, ours)
        self._code = work() if self._pid is None else None

    def finish(self) -> None:
        """Wait for its end. SystemExit with the exit code that is not 0."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid or 0, 0)[1])
        if self._code:
            raise SystemExit(self._code)


def _end_with(work: Work, parent: int) -> None:
    code = 1
    try:
        # One that outlived its parent would keep the port and the home from the next.
        if launch.die_with_parent(parent):
            code = work()
    except Exception:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
