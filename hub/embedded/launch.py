"""Starts a program that cannot outlive the process that asked for it.

Run by path, `python -I -S launch.py PARENT_PID PROGRAM ARGUMENT…`: it imports nothing but the
standard library, asks Linux to kill this process when its parent dies, and becomes the program.
On other systems a killed parent leaves the program running; the next start ends it.
"""

from __future__ import annotations

import os
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SIGKILL = 9


def die_with_parent(parent: int) -> bool:
    """Have the kernel kill this process when `parent` dies; False when it is dead already."""
    if sys.platform != "linux":
        return True
    _prctl(PR_SET_PDEATHSIG, SIGKILL)
    return os.getppid() == parent


def adopt_orphans() -> None:
    """Have the kernel make this process the parent of those whose own parent ended."""
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def main(arguments: list[str]) -> None:
    """Become the program."""
    parent, program = int(arguments[0]), arguments[1:]
    if not die_with_parent(parent):
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
