"""Errors ZG1xx: names, references and addresses of a plan."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG100": Text(
        "{name} cannot be a name",
        "use lower-case letters, digits, - and _, or Chinese characters; at most 60 bytes",
        "{name} 不能作为名称",
        "请使用小写字母、数字、- 和 _,或汉字;不超过 60 字节",
    ),
    "ZG101": Text(
        "the name `{name}` looks like `{other}` ({first})",
        "choose a name that cannot be mistaken for another",
        "名称“{name}”与“{other}”({first})易混淆",
        "请改用不易混淆的名称",
    ),
    "ZG102": Text(
        "`{owner}`: no zone is called `{name}`",
        "write it as site.zone; did you mean {near}",
        "“{owner}”:没有名为“{name}”的安全域",
        "请写成 站点.安全域;是否为:{near}",
    ),
    "ZG103": Text(
        "`{owner}`: no site is called `{name}`",
        "did you mean {near}",
        "“{owner}”:没有名为“{name}”的站点",
        "是否为:{near}",
    ),
    "ZG104": Text(
        "`{owner}`: no kind of site is called `{name}`",
        "the kinds are {near}",
        "“{owner}”:没有名为“{name}”的站点类型",
        "站点类型有:{near}",
    ),
    "ZG105": Text(
        "`{owner}`: no service is called `{name}`",
        "the services are {near}",
        "“{owner}”:没有名为“{name}”的服务",
        "服务有:{near}",
    ),
    "ZG106": Text(
        "grant `{owner}`: no subject is called `{name}`",
        "the subjects are {near}",
        "授权“{owner}”:没有名为“{name}”的主体",
        "主体有:{near}",
    ),
    "ZG107": Text(
        "`{name}` is defined here in one way and in another at {first}",
        "the two disagree; delete the one that is wrong",
        "“{name}”在此处与 {first} 处的定义不一致",
        "两处矛盾;请删除错误的一处",
    ),
    "ZG108": Text(
        "`{name}` stands here again; it is already at {first}",
        "delete one of the two",
        "“{name}”重复;已在 {first} 处出现",
        "请删除其中之一",
    ),
    "ZG109": Text(
        "`{owner}` chooses no zone at all",
        "no site has a zone of that name, or no site of that kind has one",
        "“{owner}”没有选中任何安全域",
        "没有站点(或该类站点)拥有此名称的安全域",
    ),
    "ZG110": Text(
        "`{text}` is not a range of addresses: {error}",
        "write the network address and the length, such as 10.32.0.0/16",
        "“{text}”不是地址段:{error}",
        "请写网络地址和前缀长度,例如 10.32.0.0/16",
    ),
    "ZG111": Text(
        "zone `{zone}` ({range}) shares addresses with `{other}` ({other_range}, {first})",
        "an address belongs to one zone; give one of them another range or part",
        "安全域“{zone}”({range})与“{other}”({other_range},{first})地址重叠",
        "一个地址只属于一个安全域;请为其中之一另选地址段",
    ),
    "ZG112": Text(
        "zone `{zone}`: `{prefix}` has no part {part}; it has {parts}",
        "choose a lower part, or give the site a larger prefix",
        "安全域“{zone}”:{prefix} 没有第 {part} 份,只有 {parts} 份",
        "请选较小的份号,或为站点分配更大的地址段",
    ),
    "ZG113": Text(
        "zone `{zone}` has no addresses of {missing}",
        "IPv4 and IPv6 are treated alike: give the site both prefixes, or write the ranges out",
        "安全域“{zone}”缺少 {missing} 地址",
        "IPv4 与 IPv6 同等对待:请为站点写明两个地址段,或直接写出范围",
    ),
    "ZG114": Text(
        "site `{site}` is linked through itself, by way of its hubs",
        "one of the hubs in the circle must have another hub",
        "站点“{site}”的接入关系成环",
        "请为环中的某个站点另选接入站点",
    ),
    "ZG116": Text(
        "`{owner}` joins no two zones",
        "no pair stands to each other as `where` says, or both ends are the same zone",
        "“{owner}”没有连接任何两个安全域",
        "没有符合 `where` 关系的站点,或两端是同一安全域",
    ),
    "ZG117": Text(
        "gateway `{site}`: `{one}` and `{two}` would both be interface `{interface}`",
        "rename the zone or the site",
        "网关“{site}”:“{one}”与“{two}”会占用同一接口 {interface}",
        "请更改安全域或站点的名称",
    ),
    "ZG118": Text(
        "`{text}` is not a range of ports",
        "a port is 1 to 65535; a range is written low-high",
        "“{text}”不是端口范围",
        "端口为 1 至 65535;范围写作 低-高",
    ),
    "ZG119": Text(
        "service `{service}`: {one} and {two} overlap",
        "name each port once",
        "服务“{service}”:{one} 与 {two} 重叠",
        "每个端口只写一次",
    ),
    "ZG120": Text(
        "site `{site}` has more than one zone of gateway addresses",
        "a site has one gateway; keep `gateway: true` on one zone",
        "站点“{site}”有不止一个网关地址域",
        "一个站点只有一个网关;请只保留一处 `gateway: true`",
    ),
    "ZG121": Text(
        "a second `document: plan`; the first is at {first}",
        "a plan has one; delete the other",
        "出现第二个 `document: plan`;第一个在 {first}",
        "一个规划只有一份;请删除另一份",
    ),
    "ZG122": Text(
        "`{text}` is not a range that hosts can live in",
        "loopback, multicast and link-local ranges, and the whole of IPv4 or IPv6, are not",
        "“{text}”不能用作主机地址段",
        "不可使用环回、组播、链路本地地址段,也不可使用全部地址",
    ),
    "ZG123": Text(
        "no `document: plan` is here",
        "every plan says its name, title and ceiling in one; this may be half a plan",
        "缺少 `document: plan`",
        "每个规划须有一份,写明名称、称谓和密级上限;此处可能只有半个规划",
    ),
    "ZG124": Text(
        "grant `{owner}`: no resource is called `{name}`",
        "the resources are {near}",
        "授权“{owner}”:没有名为“{name}”的客体",
        "客体有:{near}",
    ),
    "ZG125": Text(
        "`{text}` is not a day: {error}",
        "write it as 2027-12-31",
        "“{text}”不是日期:{error}",
        "请写成 2027-12-31 的形式",
    ),
    "ZG130": Text(
        "county `{county}` has room for {room} more townships, not for {share}",
        "townships live in the upper half of a county's prefixes; give the county larger ones",
        "“{county}”的地址段还可容纳 {room} 个乡镇,不足 {share} 个",
        "乡镇使用本县地址段的后半段;请为该县分配更大的地址段",
    ),
    "ZG131": Text(
        "townships need a county centre and a kind of site of tier township; one is missing",
        "add the county to the sites, and the kind to kinds.yml",
        "布置乡镇须有县中心和层级为 township 的站点类型,现缺其一",
        "请在站点中加入县,在 kinds.yml 中加入该类型",
    ),
    "ZG132": Text(
        "the plan has {present} townships already, more than {count}",
        "a township is taken away by hand, never by this command; or name a larger number",
        "规划中已有 {present} 个乡镇,多于 {count}",
        "本命令从不删除乡镇,请手工删除;或给出更大的数目",
    ),
    "ZG133": Text(
        "nothing can be added to this document as it is laid out",
        "write its entries one field a line, as the command does, and `sites` last",
        "该文档的写法使新条目无法追加",
        "请按本命令的写法每行一个字段,并把 `sites` 放在最后",
    ),
    "ZG134": Text(
        "cannot write `{file}`: {error}",
        "leave out --write to see it without writing",
        "无法写入“{file}”:{error}",
        "不带 --write 即只输出而不写入",
    ),
}
