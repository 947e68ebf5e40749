"""The closed list of verdicts and of reasons for them."""

from enum import StrEnum


class Verdict(StrEnum):
    """What happens to a packet or a request."""

    ACCEPT = "ACCEPT"
    DROP = "DROP"


class Reason(StrEnum):
    """Why; each refusal is recorded with one of these."""

    CONDUIT = "conduit"
    ESTABLISHED = "established"
    NEIGHBOUR = "neighbour"
    LINK = "link"
    HEARTBEAT = "heartbeat"
    LOOPBACK = "loopback"
    NO_POLICY = "no_policy"
    INVALID_STATE = "invalid_state"
    UNTRACKED = "untracked"
    UNEXPECTED_SOURCE = "unexpected_source"
    NO_CONDUIT = "no_conduit"
    WRONG_EXIT = "wrong_exit"
    UNKNOWN_SOURCE = "unknown_source"
    UNKNOWN_DESTINATION = "unknown_destination"
    SAME_ZONE = "same_zone"


#: The refusals that a gateway can record; the rest are answers about a plan.
GATEWAY_REFUSALS = (
    Reason.NO_POLICY,
    Reason.INVALID_STATE,
    Reason.UNTRACKED,
    Reason.UNEXPECTED_SOURCE,
    Reason.NO_CONDUIT,
    Reason.WRONG_EXIT,
)

#: The words that a person reads.
REASON_WORDS = {
    Reason.CONDUIT: ("carried by a conduit", "由管道承载"),
    Reason.ESTABLISHED: ("belongs to an accepted flow", "属于已准许的流"),
    Reason.NEIGHBOUR: ("neighbour discovery on the link", "链路邻居发现"),
    Reason.LINK: ("sets up or carries a link, on its line", "在线路上建立或承载链路"),
    Reason.HEARTBEAT: (
        "the heartbeat between the two gateways of a pair",
        "双机两台网关之间的心跳",
    ),
    Reason.LOOPBACK: ("inside the host", "主机内部"),
    Reason.NO_POLICY: ("no policy is in force", "没有生效的策略"),
    Reason.INVALID_STATE: ("belongs to no flow that can be followed", "不属于任何可跟踪的流"),
    Reason.UNTRACKED: ("is not tracked", "未被跟踪"),
    Reason.UNEXPECTED_SOURCE: (
        "no zone may send from this address on this interface",
        "该接口上不应出现此源地址",
    ),
    Reason.NO_CONDUIT: ("no conduit carries it", "没有管道承载"),
    Reason.WRONG_EXIT: ("would leave by the wrong interface", "出接口不符"),
    Reason.UNKNOWN_SOURCE: ("the source is in no zone", "源地址不属于任何安全域"),
    Reason.UNKNOWN_DESTINATION: ("the destination is in no zone", "目的地址不属于任何安全域"),
    Reason.SAME_ZONE: ("stays inside one zone", "同一安全域内部"),
}
