"""Errors ZG7xx: how the product was called, and where it runs."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG701": Text(
        "the plan has no gateway of ours called `{name}`",
        "the gateways are {known}",
        "规划中没有名为“{name}”的我方网关",
        "网关有:{known}",
    ),
    "ZG702": Text(
        "cannot write `{file}`: {error}",
        "choose another place with --out",
        "无法写入“{file}”:{error}",
        "请用 --out 另选位置",
    ),
    "ZG703": Text(
        "this needs root: it changes or reads the kernel's packet filter",
        "run it again with sudo",
        "需要 root 权限:要读取或更改内核包过滤",
        "请用 sudo 重试",
    ),
    "ZG704": Text(
        "which gateway is this host",
        "name it with --gateway",
        "本机是哪个网关",
        "请用 --gateway 指明",
    ),
    "ZG710": Text(
        "nothing in the plan is called `{text}`",
        "name a zone (site.zone), a site or an address; did you mean {near}",
        "规划中没有“{text}”",
        "请给出安全域(站点.安全域)、站点或地址;是否为:{near}",
    ),
    "ZG711": Text(
        "the address {text} is in no zone of the plan",
        "what is in no zone reaches nothing and is reached by nothing",
        "地址 {text} 不属于规划中的任何安全域",
        "不属于任何安全域的地址不可达,也不可被达",
    ),
    "ZG712": Text(
        "the plan has no service called `{text}`",
        "name one of {known}, or a port such as 443/tcp",
        "规划中没有名为“{text}”的服务",
        "请给出 {known} 之一,或 443/tcp 这样的端口",
    ),
    "ZG713": Text(
        "{one} and {two} are not of one family",
        "give both as IPv4 or both as IPv6",
        "{one} 与 {two} 不是同一地址族",
        "请都用 IPv4 或都用 IPv6",
    ),
    "ZG720": Text(
        "there is no error code `{name}`",
        "run `loushan errors` for the list",
        "没有错误代码“{name}”",
        "运行 `loushan errors` 查看列表",
    ),
    "ZG715": Text(
        "no subject is called `{text}`",
        "the subjects are {known}",
        "没有名为“{text}”的主体",
        "主体有:{known}",
    ),
    "ZG716": Text(
        "`{text}` is no resource, and no address at a gate",
        "the resources are {known}",
        "“{text}”不是客体,也不是闸口的地址",
        "客体有:{known}",
    ),
}
