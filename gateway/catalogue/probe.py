"""Errors ZG66x: rehearsing a plan with real packets."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG660": Text(
        "no site is called `{name}`",
        "the plan's first sites are {near}",
        "没有名为“{name}”的站点",
        "规划中前几个站点是 {near}",
    ),
    "ZG661": Text(
        "only root may make network namespaces, and a rehearsal needs them",
        "run it as root; it touches nothing outside the namespaces that it makes",
        "只有 root 能创建演练所需的网络命名空间",
        "请以 root 运行;除自建的命名空间外不改动任何东西",
    ),
    "ZG662": Text(
        "`{command}` failed: {answer}",
        "",
        "“{command}”执行失败:{answer}",
        "",
    ),
    "ZG663": Text(
        "{probe} arrived, and must be refused",
        "the ruleset of gateway `{gateway}` lets it through; reason for refusal: {reason}",
        "{probe} 已到达,而按策略应被拒绝",
        "网关“{gateway}”的规则集放行了它;应拒绝的理由:{reason}",
    ),
    "ZG664": Text(
        "{probe} did not arrive, and must pass",
        "recorded on the way: {recorded}",
        "{probe} 未到达,而按策略应放行",
        "途中记录:{recorded}",
    ),
    "ZG665": Text(
        "{probe} arrived, and its answer did not come back",
        "recorded on the way: {recorded}",
        "{probe} 已到达,但应答未返回",
        "途中记录:{recorded}",
    ),
    "ZG666": Text(
        "{probe} was stopped, and is not recorded as gateway `{gateway}` must: {reason}",
        "recorded on the way: {recorded}",
        "{probe} 被阻止,但网关“{gateway}”未按应有理由记录:{reason}",
        "途中记录:{recorded}",
    ),
    "ZG667": Text(
        "{probe} is decided otherwise for the whole way than by the gateways on it",
        "this is a fault of the reference decision itself; report it",
        "{probe} 的整体判定与沿途各网关的判定不一致",
        "这是参考判定自身的缺陷,请上报",
    ),
    "ZG668": Text(
        "the city has {wires} wires, and this machine's table of neighbours has room for {room}",
        "name some sites with --sites, or prove every gateway without packets: --no-probe",
        "该城市有 {wires} 条线路,而本机邻居表只能容纳 {room} 条",
        "用 --sites 指定部分站点,或用 --no-probe 不发报文逐个证明",
    ),
    "ZG669": Text(
        "the packet log of gateway `{gateway}` cannot be heard: {error}",
        "nothing else may read log group 5 in its namespace",
        "无法读取网关“{gateway}”的报文日志:{error}",
        "其命名空间内不得有其他程序读取日志组 5",
    ),
}
