"""Errors ZG8xx: the agent of a gateway."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG801": Text(
        "the release that this host accepted ({stamp}) is not on its disk as it was",
        "deliver it again: loushan agent enforce; until then nothing can be proven",
        "本机磁盘上没有原样的已接受策略({stamp})",
        "请重新交付:loushan agent enforce;在此之前无法证明",
    ),
    "ZG803": Text(
        "nobody confirmed {stamp} within {seconds} seconds",
        "whoever could not reach this host any more has to be let in by the policy",
        "{seconds} 秒内无人确认 {stamp}",
        "若新策略使运维人员无法连接本机,请在策略中准许其连接",
    ),
    "ZG804": Text(
        "{stamp} was to be taken back before it was confirmed",
        "",
        "{stamp} 在确认前被要求撤回",
        "",
    ),
    "ZG805": Text(
        "the agent went away while {stamp} waited for a confirmation",
        "see why the agent ended, then deliver the policy again",
        "{stamp} 等待确认期间代理退出",
        "请查明代理退出的原因,再重新交付策略",
    ),
    "ZG806": Text(
        "the request is not understood: {error}",
        "ask by the command `loushan agent`, of the same version as the agent",
        "请求无法识读:{error}",
        "请使用与代理同一版本的命令 `loushan agent`",
    ),
    "ZG807": Text(
        "user {user} may not ask the loader",
        "only the agent and root may; ask by `loushan agent`",
        "用户 {user} 无权使用装载服务",
        "仅代理与 root 可用;请使用 `loushan agent`",
    ),
    "ZG808": Text(
        "the agent cannot be asked: {error}",
        "see `systemctl status loushan-agent`; asking needs root or the group loushan",
        "无法询问代理:{error}",
        "请查看 `systemctl status loushan-agent`;询问需要 root 或 loushan 组",
    ),
    "ZG809": Text(
        "{stamp} is on probation",
        "confirm it or roll it back first: loushan agent confirm, loushan agent rollback",
        "{stamp} 正在试行",
        "请先确认或撤回:loushan agent confirm、loushan agent rollback",
    ),
    "ZG810": Text(
        "no policy is on probation",
        "see `loushan agent status`; the time may be over, or another confirmation came first",
        "没有试行中的策略",
        "请查看 `loushan agent status`;可能已到期或已被确认",
    ),
    "ZG811": Text(
        "revision {found} is on probation, not {wanted}",
        "see `loushan agent status`",
        "试行的是修订 {found},不是 {wanted}",
        "请查看 `loushan agent status`",
    ),
    "ZG812": Text(
        "the loader ended without an answer: {error}",
        "the agent restores the accepted policy; see `journalctl -u loushan-loader`",
        "装载服务未作答即结束:{error}",
        "代理将恢复已接受的策略;请查看 `journalctl -u loushan-loader`",
    ),
    "ZG813": Text(
        "the agent's settings cannot be understood: {error}",
        "it takes gateway, on_drift, prove_every_seconds and confirm_within_seconds",
        "代理设置无法识读:{error}",
        "可用设置为 gateway、on_drift、prove_every_seconds、confirm_within_seconds",
    ),
    "ZG814": Text(
        "the kernel holds {stamp}, which this host never accepted",
        "the agent closes the host; deliver a signed policy",
        "内核中的 {stamp} 从未被本机接受",
        "代理将关闭本机;请交付已签署的策略",
    ),
    "ZG816": Text(
        "the release cannot be kept on this host: {error}",
        "see whether the disk is full or read-only; nothing was changed",
        "策略无法存入本机:{error}",
        "请检查磁盘是否已满或只读;未作任何更改",
    ),
    "ZG817": Text(
        "{stamp} was on probation when its loader was killed",
        "the agent puts the accepted policy back",
        "{stamp} 试行期间装载进程被终止",
        "代理将恢复已接受的策略",
    ),
    "ZG819": Text(
        "the agent's status cannot be read: {error}",
        "see `systemctl status loushan-agent`",
        "无法读取代理状态:{error}",
        "请查看 `systemctl status loushan-agent`",
    ),
    "ZG820": Text(
        "the agent has not been heard of for {seconds} seconds",
        "see `systemctl status loushan-agent`",
        "已有 {seconds} 秒没有代理的消息",
        "请查看 `systemctl status loushan-agent`",
    ),
    "ZG821": Text(
        "nothing is forwarded by `{setting}`, so what the policy permits does not pass",
        "the agent switches it on again; see what switched it off, such as a file of sysctl.d",
        "`{setting}` 已关闭转发,策略准许的流量无法通过",
        "代理将重新开启;请查明关闭的原因,例如 sysctl.d 中的文件",
    ),
}
