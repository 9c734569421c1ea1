"""Process rights and ties: a child that ends with its parent, and a server that may not run as root."""

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_IS_LINUX: Final = sys.platform == "linux"

# linux/prctl.h, linux/securebits.h, linux/capability.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECUREBITS: Final = 28
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_SECBIT_NO_SETUID_FIXUP: Final = 1 << 2
_CAPABILITY_VERSION_3: Final = 0x20080522
MAY_OVERRIDE: Final = 1 << 1  # CAP_DAC_OVERRIDE
MAY_SEARCH: Final = 1 << 2  # CAP_DAC_READ_SEARCH

NOBODY: Final = 65534


def end_with_parent(signum: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Make a `preexec_fn` after which the kernel sends `signum` to the child when its parent dies, even by kill -9.

    Where the kernel has no such tie (only Linux has it), the function made does nothing.
    """
    return lambda: _tie_to_parent(signum)


def server_rights() -> Callable[[], None]:
    """Make a `preexec_fn` for a server that refuses to run as root: ends with its parent, and is never uid 0."""
    if os.geteuid() == 0:
        return _become_nobody
    return end_with_parent(signal.SIGINT)


def server_owner() -> int:
    """Tell the uid that owns what such a server writes."""
    return NOBODY if os.geteuid() == 0 else os.geteuid()


def _become_nobody() -> None:
    """Drop to uid 65534, but keep the one right to pass through folders that only root may enter.

    A checkout below root's 0700 home would otherwise hide the server's own binaries and data from it; copying 40 MB of
    binaries or opening the home to everyone are the alternatives.
    """
    keeps_rights = _IS_LINUX and _try_prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    if keeps_rights:
        _keep_only(_passing_capability())
    _tie_to_parent(signal.SIGINT)


def _tie_to_parent(signum: signal.Signals) -> None:
    if _IS_LINUX:
        _try_prctl(_PR_SET_PDEATHSIG, signum)


def _passing_capability() -> int:
    """Choose the weaker of the two capabilities that this root still has, as a mask (containers often drop the first)."""
    with open("/proc/self/status", encoding="ascii") as status:
        permitted = next(int(line.split()[1], 16) for line in status if line.startswith("CapPrm:"))
    return permitted & MAY_SEARCH or permitted & MAY_OVERRIDE


def _keep_only(mask: int) -> None:
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    if _LIBC.capset(header, struct.pack("6I", mask, mask, mask, 0, 0, 0)):
        raise OSError(ctypes.get_errno(), "capset")
    if mask:
        _try_prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, mask.bit_length() - 1)


def _try_prctl(option: int, *arguments: int) -> bool:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    status: int = _LIBC.prctl(option, *padded)
    return status == 0
