"""What the kernel says of BPF links while they are made; it cannot be brought to say it at will."""

import ctypes
import errno
import struct
from typing import Final

import pytest

from gateway.verify import bpf

#: uapi/linux/bpf.h, enum bpf_cmd.
GET_FD: Final = 30
GET_NEXT: Final = 31


class Kernel:
    """Lists one link, which answers so many times that it is still being made."""

    def __init__(self, unmade: int) -> None:
        """Begin."""
        self.unmade = unmade

    def __call__(self, command: int, attributes: "ctypes.Array[ctypes.c_char]") -> int:
        """Answer as bpf(2) does."""
        number = struct.unpack_from("=I", attributes)[0]
        if command == GET_NEXT and number == 0:
            struct.pack_into("=I", attributes, 4, 7)
            return 0
        if command == GET_FD and self.unmade:
            self.unmade -= 1
            raise BlockingIOError(errno.EAGAIN, "still being made")
        raise FileNotFoundError(number)


def test_a_link_that_is_being_made_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel lists it before it can be opened."""
    kernel = Kernel(unmade=3)
    monkeypatch.setattr(bpf, "_bpf", kernel)

    assert bpf.attached_here() == []
    assert kernel.unmade == 0


def test_a_link_that_stays_half_made_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be looked at is not proven: the asking ends, and not in silence."""
    monkeypatch.setattr(bpf, "_bpf", Kernel(unmade=10**6))
    monkeypatch.setattr(bpf, "_MAKING_SECONDS", 0.01)

    with pytest.raises(BlockingIOError):
        bpf.attached_here()
