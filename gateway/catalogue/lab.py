"""Errors ZG67x: booting a plan's city on one machine."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG657": Text(
        "`{subject}` was revoked, and is still answered with {found} on a connection that stands",
        "see `loushan agent status` on the gateway, and `journalctl -u loushan-proxy`",
        "“{subject}”已被吊销,而在既有连接上仍得到 {found}",
        "请查看该网关的 `loushan agent status` 与 `journalctl -u loushan-proxy`",
    ),
    "ZG658": Text(
        "`{subject}` in `{zone}` asked for `{resource}` and got {found}; the policy says {wanted}",
        "see `loushan decision` on the gateway with the decision's id",
        "“{zone}”的“{subject}”请求“{resource}”得到 {found},而策略为 {wanted}",
        "请在网关上用判定编号运行 `loushan decision`",
    ),
    "ZG659": Text(
        "who sits at a host of the lab cannot ask: {error}",
        "see whether a conduit leads there (`loushan policy explain`), and whether the gates are"
        " open: `loushan lab exec city-gw loushan agent status`",
        "实验城市主机上的人员无法发起请求:{error}",
        "请查看是否有管道通往该处(`loushan policy explain`)、闸口是否开放:"
        "`loushan lab exec city-gw loushan agent status`",
    ),
    "ZG670": Text(
        "`{name}` cannot be the name of a lab",
        "set {variable} to small letters, digits and `-`, or do not set it",
        "“{name}”不能作为实验城市的名称",
        "请将 {variable} 设为小写字母、数字和“-”,或不设置",
    ),
    "ZG671": Text(
        "no lab is up",
        "put one up: `loushan lab up`",
        "实验城市尚未启动",
        "请先运行 `loushan lab up`",
    ),
    "ZG672": Text(
        "the guest `{name}` has no place in `{zone}`",
        "name a zone of the city that has a gateway's interface and a free address",
        "来宾主机“{name}”无法接入“{zone}”",
        "请给出城市中有网关接口且有空闲地址的安全域",
    ),
    "ZG673": Text(
        "the host `{host}` is not running",
        "`loushan lab status` says which are; `loushan lab logs` what it said",
        "主机“{host}”未在运行",
        "`loushan lab status` 列出运行状态,`loushan lab logs` 查看其输出",
    ),
    "ZG674": Text(
        "the hosts' image could not be built",
        "the whole story is in {log}",
        "主机映像构建失败",
        "详情见 {log}",
    ),
    "ZG675": Text(
        "this machine does not say where it gets Debian from",
        "run `apt-get update`; the hosts' image and a bundle are made of the same source",
        "无法得知本机的 Debian 软件源",
        "请运行 `apt-get update`;主机映像与离线包取自同一来源",
    ),
    "ZG676": Text(
        "`loushan {command}` failed: {answer}",
        "the lab's plan must be one that can be signed; check it with `loushan policy check`",
        "`loushan {command}` 失败:{answer}",
        "实验城市的规划必须可以签署;请用 `loushan policy check` 检查",
    ),
    "ZG677": Text(
        "no host of the lab is called `{host}`",
        "the hosts are {known}",
        "实验城市中没有名为“{host}”的主机",
        "主机有:{known}",
    ),
    "ZG678": Text(
        "a lab is up already: {run}",
        "use it, or take it down: `loushan lab down`",
        "实验城市已在运行:{run}",
        "可直接使用,或先 `loushan lab down`",
    ),
    "ZG679": Text(
        "the lab did not come up",
        "what its keeper said is in {log}",
        "实验城市未能启动",
        "守护进程的输出在 {log}",
    ),
    "ZG680": Text(
        "the cable between `{one}` and `{two}` cannot be found",
        "name two hosts that a link joins, or one host of a zone",
        "找不到“{one}”与“{two}”之间的线缆",
        "请给出由链路相连的两台主机,或某安全域的一台主机",
    ),
    "ZG681": Text(
        "`{word}` is not NAME@ZONE",
        "as in `attacker@tax.office`",
        "“{word}”不是 名称@安全域 的形式",
        "例如 `attacker@tax.office`",
    ),
    "ZG683": Text(
        "the playbook `{playbook}` failed: {said}",
        "all that it said is in {log}",
        "剧本“{playbook}”执行失败:{said}",
        "完整输出在 {log}",
    ),
    "ZG684": Text(
        "`{word}` is no process that a lab could be for",
        "set {variable} to the number of a process, or do not set it",
        "“{word}”不是实验城市可依附的进程",
        "请将 {variable} 设为进程号,或不设置",
    ),
    "ZG685": Text(
        "the lab's enrolment server does not answer; its words are in {log}",
        "read that log, then put the lab up again",
        "实验城市的续期服务没有应答,其输出见 {log}",
        "请查看该日志,再重新启动实验城市",
    ),
    "ZG686": Text(
        "after {gateway} was revoked and admitted again: {what} is {found}, and must be {wanted}",
        "look at `loushan link status` and the journal of strongswan.service at both ends",
        "吊销并重新接入 {gateway} 后:{what} 为 {found},应为 {wanted}",
        "请在两端查看 `loushan link status` 和 strongswan.service 的日志",
    ),
    "ZG975": Text(
        "nothing listens on {host} at {port}, or it does not answer: {error}",
        "see `loushan lab exec {host} ss --listening --tcp --numeric`; the page is put there by "
        "the role monitoring_page",
        "{host} 的端口 {port} 无人监听或没有应答:{error}",
        "请查看 `loushan lab exec {host} ss --listening --tcp --numeric`;监控页面由角色 "
        "monitoring_page 部署",
    ),
}
