"""The part of every gateway's ruleset that no policy changes.

It drops everything and says why.  It is put up before the network is, and its
hooks are never registered anew: a hook that is taken down and put up again
lets packets pass or fall in between.
"""

from gateway.artefacts import LOG_GROUP, TABLE
from gateway.policy.reasons import GATEWAY_REFUSALS, Reason
from gateway.policy.topology import Hook

HOOKS = tuple(hook.value for hook in Hook)

_STATES = (
    "ct state vmap { established : accept, related : accept, "
    f"invalid : goto refuse_{Reason.INVALID_STATE}, untracked : goto refuse_{Reason.UNTRACKED} }}"
)

# Neighbour discovery is what ARP is to IPv4; without it no IPv6 packet moves.
# It is not tracked, so it comes before the state.
_NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept"

_FIXED_RULES = {
    Hook.FORWARD: (_STATES,),
    Hook.INPUT: ('iifname "lo" accept', _NEIGHBOURS, _STATES),
    Hook.OUTPUT: ('oifname "lo" accept', _NEIGHBOURS, _STATES),
}


def scaffold() -> str:
    """Give the table, its hooks and its refusals; nothing passes a hook yet."""
    lines = [f"table inet {TABLE} {{"]
    for reason in GATEWAY_REFUSALS:
        lines += [f"\tcounter refused_{reason} {{ }}"]
    for reason in GATEWAY_REFUSALS:
        lines += [f"\tchain refuse_{reason} {{", f"\t\t{_refusal(reason)}", "\t}"]
    for hook in Hook:
        lines += [
            f"\tchain {hook} {{",
            f"\t\ttype filter hook {hook} priority filter; policy drop;",
            *(f"\t\t{rule}" for rule in _FIXED_RULES[hook]),
            "\t}",
        ]
    return "\n".join([*lines, "}", ""])


def _refusal(reason: Reason) -> str:
    return f'counter name refused_{reason} log prefix "loushan:{reason}" group {LOG_GROUP} drop'
