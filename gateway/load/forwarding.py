"""Whether the host forwards packets, in the network namespace of the calling thread."""

from pathlib import Path

from gateway.errors import Refused, problem

#: One for each family; the kernel shows each thread those of its own namespace.
SWITCHES = (
    Path("/proc/sys/net/ipv4/ip_forward"),
    Path("/proc/sys/net/ipv6/conf/all/forwarding"),
)

_ON, _OFF = "1", "0"


def is_on() -> bool:
    """Tell whether the host forwards packets of any family.

    Raises:
        Refused: ZG511, the switches cannot be read.
    """
    try:
        return any(switch.read_text().strip() != _OFF for switch in SWITCHES)
    except OSError as fault:
        raise _unswitchable(fault) from fault


def switched_off() -> tuple[str, ...]:
    """Give the settings by which packets of a family are not forwarded.

    Raises:
        Refused: ZG511, the switches cannot be read.
    """
    try:
        off = [each for each in SWITCHES if each.read_text().strip() != _ON]
    except OSError as fault:
        raise _unswitchable(fault) from fault
    return tuple(".".join(each.parts[3:]) for each in off)


def switch(*, on: bool) -> None:
    """Make the host forward packets of both families, or none; touches nothing that is right.

    Raises:
        Refused: ZG511, a switch cannot be read or written.
    """
    wanted = _ON if on else _OFF
    try:
        for each in SWITCHES:
            # Writing resets what hangs on it, even when it changes nothing.
            if each.read_text().strip() != wanted:
                each.write_text(wanted)
    except OSError as fault:
        raise _unswitchable(fault) from fault


def _unswitchable(fault: OSError) -> Refused:
    return Refused(problem("ZG511", error=fault))
