"""Work whose imports and leftovers a process that runs for months shall not keep."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from hub.embedded import forkserver


def run_apart(work: Callable[[], int]) -> None:
    """Do it in a fork of this process that ends with it. SystemExit with the code that `work`
    returns when that is not 0; what went wrong is told by `work` itself.

    Must be called while this process has one thread and nothing open that talks. Where a system
    is not made for forks, it is done here.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork() if forkserver.is_possible() else None
    if pid is None:
        code = work()
    elif pid:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    else:
        _end_with(work)
    if code:
        raise SystemExit(code)


def _end_with(work: Callable[[], int]) -> None:
    code = 1
    try:
        code = work()
    except Exception:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
