"""Attaches BPF programs that do nothing, so that a test can see whether they are seen."""

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Iterator

PROGRAM_LOAD, LINK_CREATE = 5, 28
XDP, NETFILTER = 6, 32
ATTACH_XDP, ATTACH_NETFILTER = 37, 45
ACCEPT = {XDP: 2, NETFILTER: 1}

_SYSTEM_CALL = {"x86_64": 321, "aarch64": 280}
_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(144, b"\0"), 144)
    result = _libc.syscall(_SYSTEM_CALL[platform.machine()], command, buffer, 144)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


def _load(kind: int, attach: int) -> int:
    """Load a program of two instructions: let everything pass."""
    code = struct.pack("=BBhi", 0xB7, 0, 0, ACCEPT[kind]) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    instructions, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "=IIQQ", kind, 2, ctypes.addressof(instructions), ctypes.addressof(licence)
    )
    return _bpf(PROGRAM_LOAD, attributes.ljust(68, b"\0") + struct.pack("=I", attach))


@contextlib.contextmanager
def attached(kind: int, attach: int, target: int, rest: bytes = b"") -> Iterator[None]:
    """Keep a program attached: to the interface of this index, or to no interface."""
    program = _load(kind, attach)
    try:
        link = _bpf(LINK_CREATE, struct.pack("=IIII", program, target, attach, 0) + rest)
        try:
            yield
        finally:
            os.close(link)
    finally:
        os.close(program)


@contextlib.contextmanager
def xdp(interface: int) -> Iterator[None]:
    """Keep a program attached to an interface, before every rule."""
    with attached(XDP, ATTACH_XDP, interface):
        yield


@contextlib.contextmanager
def netfilter_forward() -> Iterator[None]:
    """Keep a program attached to IPv4's forward hook, before ours."""
    ipv4, forward, priority = 2, 2, -500
    with attached(NETFILTER, ATTACH_NETFILTER, 0, struct.pack("=IIiI", ipv4, forward, priority, 0)):
        yield
