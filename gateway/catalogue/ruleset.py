"""Errors ZG4xx: what cannot become a ruleset."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG401": Text(
        "conduit `{conduit}` from `{source}` to `{destination}` would be an entry of gateway "
        "`{gateway}` that can never match",
        "other conduits carry all of it, or the two zones have no address family in common",
        "管道“{conduit}”({source} → {destination})在网关“{gateway}”上的条目永远不会命中",
        "其内容已全部由其他管道承载,或两个安全域没有相同的地址族",
    ),
}
