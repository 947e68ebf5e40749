"""BPF programs that are attached where packets pass, asked from the kernel itself.

The kernel lists links only for the whole machine: one of another network
namespace may be among them.  Programs of control groups judge the sockets of
this host alone, and those attached without a link are not listed at all.

The list needs CAP_SYS_ADMIN.  A prover that does not have it asks a process
that has it, takes no input and does nothing else (loushan-programs.socket).
"""

import ctypes
import json
import os
import platform
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from struct import Struct, unpack_from
from typing import Final

#: uapi/linux/bpf.h, enum bpf_cmd.
_GET_INFO: Final = 15
_GET_FD: Final = 30
_GET_NEXT: Final = 31

#: uapi/linux/bpf.h, enum bpf_link_type: those that meet packets.
_NETNS: Final = 5
_NETFILTER: Final = 10
_TCX: Final = 11

_SYSTEM_CALL = {"x86_64": 321, "aarch64": 280}
_ATTRIBUTES_BYTES: Final = 128
_INFO_BYTES: Final = 128
_INFO_REQUEST = Struct("IIQ")

_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")


#: Where those ask who may not ask the kernel.
ASKED_FOR_OTHERS = Path("/run/loushan/programs.sock")
_ASKING_SECONDS: Final = 30

#: How long a link may be half made, and how often that is looked at.
_MAKING_SECONDS: Final = 2
_LOOKING_SECONDS: Final = 0.001


@dataclass(frozen=True, slots=True)
class Attached:
    """One program; `interface` is the index of the one it is on, or 0 for none."""

    what: str
    interface: int


def attached() -> list[Attached]:
    """Give the programs that meet packets by a link.

    Raises:
        OSError: the kernel has no BPF, or does not say.
    """
    try:
        return attached_here()
    except PermissionError:
        if not ASKED_FOR_OTHERS.exists():
            raise
    return _asked_for()


def attached_here() -> list[Attached]:
    """Give the same, asked of the kernel by this process.

    Raises:
        OSError: the kernel has no BPF, or this process may not ask.
    """
    found: list[Attached] = []
    number = 0
    while (number := _next_link(number)) != 0:
        link = _link(number)
        if link is not None:
            found.append(link)
    return found


def _asked_for() -> list[Attached]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ASKING_SECONDS)
        connection.connect(str(ASKED_FOR_OTHERS))
        with connection.makefile("rb") as answer:
            text = answer.read()
    try:
        return [Attached(str(what), int(number)) for what, number in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise OSError(text[:200]) from error


def _next_link(number: int) -> int:
    """Give the number of the next link, 0 after the last."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
    _INFO_REQUEST.pack_into(attributes, 0, number, 0, 0)
    try:
        _bpf(_GET_NEXT, attributes)
    except FileNotFoundError:
        return 0
    return int(unpack_from("I", attributes, 4)[0])


def _link(number: int) -> Attached | None:
    attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
    _INFO_REQUEST.pack_into(attributes, 0, number, 0, 0)
    try:
        descriptor = _when_made(attributes)
    except FileNotFoundError:
        return None  # gone since it was listed
    try:
        info = ctypes.create_string_buffer(_INFO_BYTES)
        attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
        _INFO_REQUEST.pack_into(attributes, 0, descriptor, _INFO_BYTES, ctypes.addressof(info))
        _bpf(_GET_INFO, attributes)
    finally:
        os.close(descriptor)
    kind, _, program, _, first, second, priority = unpack_from("6Ii", info)
    if kind == _NETFILTER:
        hook = _HOOKS[second] if second < len(_HOOKS) else str(second)
        return Attached(f"netfilter {hook} priority {priority}, program {program}", 0)
    if kind == _TCX:
        return Attached(f"tcx, program {program}", first)
    if kind == _NETNS and first == Path("/proc/thread-self/ns/net").stat().st_ino:
        return Attached(f"network namespace, program {program}", 0)
    return None


def _when_made(attributes: "ctypes.Array[ctypes.c_char]") -> int:
    """Open a link; the kernel lists one that is still being made, and refuses it until it is."""
    end = time.monotonic() + _MAKING_SECONDS
    while True:
        try:
            return _bpf(_GET_FD, attributes)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
        time.sleep(_LOOKING_SECONDS)


def _bpf(command: int, attributes: "ctypes.Array[ctypes.c_char]") -> int:
    if platform.machine() not in _SYSTEM_CALL:
        raise OSError(platform.machine())
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(_SYSTEM_CALL[platform.machine()], command, attributes, len(attributes))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
