"""Errors ZG5xx: load."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG501": Text(
        "the kernel refuses the ruleset, and nothing of it was taken:\n  {error}",
        "the policy in force stays in force; report this, for a checked plan should always load",
        "内核拒绝该规则集,未采用其中任何内容:\n  {error}",
        "原策略继续生效;通过检查的规划理应总能加载,请上报此问题",
    ),
    "ZG502": Text(
        "python3-nftables is not on this host",
        "install the packages nftables and python3-nftables",
        "本机没有 python3-nftables",
        "请安装软件包 nftables 与 python3-nftables",
    ),
    "ZG503": Text(
        "nobody can say which policy is in force: "
        "the hooks of table `{table}` do not agree: {said}",
        "somebody else changed the table; load the policy again, which refuses everything until "
        "it is done",
        "无法判断生效的是哪一策略:表“{table}”的各挂载点不一致:{said}",
        "该表被他人改动;请重新加载策略,加载完成前拒绝一切流量",
    ),
    "ZG504": Text(
        "another load is under way on this host (process {process})",
        "wait until it has ended",
        "本机正在进行另一次加载(进程 {process})",
        "请等待其结束",
    ),
    "ZG505": Text(
        "{given} is older than {highest}, which this host has accepted",
        "an older policy is never loaded again; "
        "to go back, sign its content under a higher revision",
        "{given} 早于本机已接受的 {highest}",
        "旧策略不得再次加载;如需恢复其内容,请以更高的修订号重新签发",
    ),
    "ZG506": Text(
        "{given} has the revision of {highest}, which this host has accepted, and other content",
        "every change of content needs a higher revision",
        "{given} 与本机已接受的 {highest} 修订号相同而内容不同",
        "内容每次变更都须提高修订号",
    ),
    "ZG507": Text(
        "the record of accepted policies cannot be understood: {error}",
        "nothing is loaded without it; find out who changed it, then restore it from a backup",
        "已接受策略的记录无法识读:{error}",
        "缺少该记录不予加载;请查明何人改动,再由备份恢复",
    ),
    "ZG508": Text(
        "the record of accepted policies cannot be written: {error}",
        "see whether the disk is full or read-only",
        "已接受策略的记录无法写入:{error}",
        "请检查磁盘是否已满或只读",
    ),
    "ZG509": Text(
        "the table of live connections cannot be read or changed: {error}",
        "loading needs root and the kernel's connection tracking (nf_conntrack_netlink)",
        "连接跟踪表无法读取或修改:{error}",
        "加载需要 root 权限与内核连接跟踪(nf_conntrack_netlink)",
    ),
    "ZG510": Text(
        "going back to the policy before failed too; table `{table}` may still enforce {stamp}",
        "see what is in force, then load a policy again",
        "恢复原策略也未成功;表“{table}”可能仍在执行 {stamp}",
        "请查看当前生效的策略,再重新加载",
    ),
    "ZG511": Text(
        "forwarding cannot be switched: {error}",
        "/proc/sys must be writable; in a container it often is not",
        "无法切换转发:{error}",
        "/proc/sys 须可写;容器中往往不可写",
    ),
    "ZG512": Text(
        "the new policy was taken back; {stamp} is in force",
        "",
        "新策略已撤回;当前生效的是 {stamp}",
        "",
    ),
    "ZG513": Text(
        "the kernel's listing of `{what}` cannot be understood",
        "this version of nftables may be newer than the product knows",
        "内核列出的“{what}”无法识读",
        "本机 nftables 的版本可能新于本产品所支持的版本",
    ),
    "ZG514": Text(
        "the lock `{file}` cannot be had: {error}",
        "loading needs root",
        "无法取得锁“{file}”:{error}",
        "加载需要 root 权限",
    ),
    "ZG515": Text(
        "the new policy was taken back; no policy is in force and nothing passes",
        "",
        "新策略已撤回;当前没有生效的策略,一切流量均被拒绝",
        "",
    ),
    "ZG516": Text(
        "the links cannot be set up: {error}",
        "see `journalctl -u strongswan`; until it works, nothing passes between sites",
        "链路无法设置:{error}",
        "请查看 `journalctl -u strongswan`;在此之前站点之间不通",
    ),
    "ZG517": Text(
        "this list of revocations is not in order: {error}",
        "deliver it again, with `playbooks/revoke.yml`; the lists in force stay",
        "该吊销列表有误:{error}",
        "请用 `playbooks/revoke.yml` 重新分发;现行列表保持不变",
    ),
    "ZG518": Text(
        "this list of revocations is number {found}, and number {known} is in force",
        "deliver the newest one, with `playbooks/revoke.yml`; the lists in force stay",
        "该吊销列表编号为 {found},而现行的是 {known}",
        "请用 `playbooks/revoke.yml` 分发最新列表;现行列表保持不变",
    ),
    "ZG519": Text(
        "another renewal is at work on this host: {file}",
        "wait for it; one round takes seconds",
        "本机另一次续期正在进行:{file}",
        "请等待其完成;一轮只需数秒",
    ),
    "ZG520": Text(
        "the enrolment server {server} cannot be asked: {error}",
        "see that `loushan pki serve` runs there, and that the link stands (`loushan link test`)",
        "无法访问续期服务 {server}:{error}",
        "请检查该处 `loushan pki serve` 是否运行、到该处的链路是否畅通(`loushan link test`)",
    ),
    "ZG521": Text(
        "this gateway's certificate or key is missing, damaged, or does not fit the other: {error}",
        "run `playbooks/provision.yml` for this host: it is certified anew",
        "本网关的证书或密钥缺失、损坏或互不匹配:{error}",
        "请对本机运行 `playbooks/provision.yml`,重新签发证书",
    ),
    "ZG522": Text(
        "{server} did not renew this gateway's certificate: {error}",
        "`loushan pki status` says how the certificate stands; the one in use stays",
        "{server} 未续期本网关证书:{error}",
        "用 `loushan pki status` 查看证书状态;现用证书保持不变",
    ),
    "ZG523": Text(
        "this host's clock is {seconds} s before the authority's, and {most} s is the most",
        "set the clock; nothing was taken, since certificates and lists would be judged by it",
        "本机时钟比签发机构快 {seconds} 秒,最多允许相差 {most} 秒",
        "请校正时钟;未作任何更新,因为证书和列表的有效期都以时钟为准",
    ),
    "ZG524": Text(
        "no enrolment server is named in /etc/loushan/agent.toml",
        "name it in the inventory (`enrolment`), and run `playbooks/provision.yml`",
        "/etc/loushan/agent.toml 中未指定续期服务",
        "请在清单中指定(`enrolment`)并运行 `playbooks/provision.yml`",
    ),
    "ZG530": Text(
        "the proxy cannot be asked, or does not take it: {error}",
        "see `journalctl -u loushan-proxy`; a proof says which policy is in force",
        "代理无法询问,或不接受:{error}",
        "请查看 `journalctl -u loushan-proxy`;生效的策略以证明为准",
    ),
    "ZG531": Text(
        "the proxy does not take its configuration: {error}",
        "see `journalctl -u loushan-proxy`; it runs with the one before; a certificate may be"
        " missing: `ansible-playbook playbooks/provision.yml`",
        "代理不接受其配置:{error}",
        "请查看 `journalctl -u loushan-proxy`;它仍以此前配置运行;可能缺少证书:"
        "`ansible-playbook playbooks/provision.yml`",
    ),
    "ZG532": Text(
        "the proxy does not run with what was signed",
        "see `systemctl status loushan-proxy` and its journal",
        "代理未以所签署的内容运行",
        "请查看 `systemctl status loushan-proxy` 及其日志",
    ),
    "ZG533": Text(
        "decisions are not being recorded, so no request passes at the gates",
        "see `cat /run/loushan-log/status.json` and `df /var/lib/loushan-log`; then"
        " `systemctl restart loushan-log`; they open by themselves",
        "判定未在记录,因此闸口不放行任何请求",
        "请查看 `cat /run/loushan-log/status.json` 与 `df /var/lib/loushan-log`,再运行"
        " `systemctl restart loushan-log`;闸口将自行开放",
    ),
    "ZG534": Text(
        "the authority of {authority} was revoked, so nobody it certified passes",
        "make a new one in a ceremony: `loushan pki ceremony`",
        "“{authority}”签发机构已被吊销,其所签发者一律不通过",
        "请通过仪式建立新的签发机构:`loushan pki ceremony`",
    ),
    "ZG535": Text(
        "the key that says who asks cannot be read or made: {error}",
        "see whether the disk is full and `/var/lib/loushan` is the loader's",
        "用于说明请求者身份的密钥无法读取或建立:{error}",
        "请检查磁盘空间,以及 `/var/lib/loushan` 是否归加载器所有",
    ),
    "ZG536": Text(
        "the lists of revocations ran out, their grace too, at {until}: no request passes",
        "make and deliver new ones: `loushan pki crl DIR`, then `playbooks/revoke.yml`",
        "吊销列表及其宽限期已于 {until} 届满:不放行任何请求",
        "请签发并分发新列表:`loushan pki crl DIR`,再运行 `playbooks/revoke.yml`",
    ),
}
