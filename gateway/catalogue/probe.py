"""Errors ZG66x: probe."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG660": Text(
        "no site is called `{name}`",
        "among the sites are {near}",
        "没有名为“{name}”的站点",
        "站点有 {near} 等",
    ),
    "ZG661": Text(
        "a rehearsal makes network namespaces, and only root may",
        "run it as root; it touches nothing outside the namespaces that it makes",
        "演练需要创建网络命名空间,只有 root 可以",
        "请以 root 运行;它不会改动自建命名空间以外的任何东西",
    ),
    "ZG663": Text(
        "`{command}` failed: {answer}",
        "",
        "“{command}”失败:{answer}",
        "",
    ),
}
