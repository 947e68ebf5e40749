"""The closed lists of reasons: why a request passes or does not, and why nothing was asked at all.

Whatever a gate refuses is recorded with one of these.
"""

from enum import StrEnum


class RequestReason(StrEnum):
    """Why a request passes, or does not."""

    GRANT = "grant"
    NO_POLICY = "no_policy"
    REVOKED = "revoked"
    NOT_CANONICAL = "not_canonical"
    UNKNOWN_HOST = "unknown_host"
    UNKNOWN_SUBJECT = "unknown_subject"
    WRONG_ZONE = "wrong_zone"
    UNKNOWN_RESOURCE = "unknown_resource"
    NO_GRANT = "no_grant"
    NOT_NOW = "not_now"
    OUTSIDE_HOURS = "outside_hours"


class UnaskedReason(StrEnum):
    """Why somebody was refused before there was a request that could be judged."""

    NO_CERTIFICATE = "no_certificate"
    UNTRUSTED_CERTIFICATE = "untrusted_certificate"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_EXPIRED = "certificate_expired"
    NO_TLS = "no_tls"
    INCOMPLETE = "incomplete"
    MALFORMED = "malformed"


#: The words that a person reads.
REQUEST_REASON_WORDS = {
    RequestReason.GRANT: ("permitted by a grant", "由授权准许"),
    RequestReason.NO_POLICY: ("no policy is in force", "没有生效的策略"),
    RequestReason.REVOKED: ("the certificate was revoked", "证书已被吊销"),
    RequestReason.NOT_CANONICAL: (
        "the address can be read in more than one way",
        "地址写法不规范,可有多种解读",
    ),
    RequestReason.UNKNOWN_HOST: ("nothing is served by this name here", "此处没有该名称的服务"),
    RequestReason.UNKNOWN_SUBJECT: ("the certificate is no subject's", "证书不属于任何主体"),
    RequestReason.WRONG_ZONE: (
        "the subject may not ask from where it is",
        "主体不得从所在安全域发起",
    ),
    RequestReason.UNKNOWN_RESOURCE: ("no resource has this path", "没有该路径的客体"),
    RequestReason.NO_GRANT: ("no grant permits it", "没有授权准许"),
    RequestReason.NOT_NOW: ("the grant has not begun, or has ended", "授权尚未开始或已到期"),
    RequestReason.OUTSIDE_HOURS: ("outside the hours of the grant", "不在授权的时段内"),
}

#: And those for who did not get as far as a request.
UNASKED_REASON_WORDS = {
    UnaskedReason.NO_CERTIFICATE: ("no certificate was shown", "未出示证书"),
    UnaskedReason.UNTRUSTED_CERTIFICATE: (
        "the certificate is of no authority that is trusted here",
        "证书并非由此处信任的机构签发",
    ),
    UnaskedReason.CERTIFICATE_NOT_YET_VALID: (
        "the certificate is not valid yet",
        "证书尚未生效",
    ),
    UnaskedReason.CERTIFICATE_EXPIRED: ("the certificate has expired", "证书已过期"),
    UnaskedReason.NO_TLS: (
        "no connection by TLS 1.3 to a name that is served here came about",
        "未能以 TLS 1.3 与此处的名称建立连接",
    ),
    UnaskedReason.INCOMPLETE: (
        "the request did not arrive whole in time",
        "请求未在时限内完整到达",
    ),
    UnaskedReason.MALFORMED: ("it is no request that can be read", "不是可以解读的请求"),
}
