"""Every subcommand: its words, and the module that does it.

A module has `add_arguments(parser)` and `run(arguments)`, which gives the exit
status.  It is imported only when its command is called, so that `--help` and
short questions answer at once; `lab` and `pki` are known here by name alone.
"""

from dataclasses import dataclass

from gateway.errors import Language


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand."""

    words: tuple[str, ...]
    module: str
    en: str
    zh: str

    def summary(self, language: Language) -> str:
        """Say in one line what it does."""
        return self.zh if language is Language.ZH else self.en


#: `pki` reads its own words: the gateway and the authority meet through files only.
DELEGATED = ("pki",)

COMMANDS = (
    Command(
        ("demo",),
        "lab.demo",
        "see the lab city at work on this machine: loaded, proven, probed",
        "在本机演示样例城市:装载、证明、探测",
    ),
    Command(
        ("policy", "check"),
        "gateway.cli.check",
        "check a plan: every problem, with its line and what to do",
        "检查规划:列出全部问题、位置与办法",
    ),
    Command(
        ("policy", "explain"),
        "gateway.cli.explain",
        "say whether FROM may reach TO by SERVICE, why, and by which gateways",
        "说明从甲到乙能否以某服务通达、理由与途经网关",
    ),
    Command(
        ("policy", "request"),
        "gateway.cli.request",
        "say whether SUBJECT may do METHOD to RESOURCE, why, and by which grant",
        "说明某主体能否对某客体执行某方法、理由与所凭授权",
    ),
    Command(
        ("policy", "reach"),
        "gateway.cli.reach",
        "list what a zone or address may reach and who may reach it",
        "列出某安全域或地址可达何处、何处可达它",
    ),
    Command(
        ("policy", "matrix"),
        "gateway.cli.matrix",
        "print the zone by zone table; --html or --json for a page or a machine",
        "输出安全域矩阵;--html 生成网页,--json 供程序读取",
    ),
    Command(
        ("policy", "diff"),
        "gateway.cli.diff",
        "say what becomes reachable and unreachable between two plans",
        "说明两个规划之间新增可达与不再可达的内容",
    ),
    Command(
        ("policy", "sign"),
        "gateway.cli.sign",
        "sign a checked plan as its author or as the Secrecy Bureau",
        "以编制人或保密局身份签署规划",
    ),
    Command(
        ("policy", "townships"),
        "gateway.cli.townships",
        "give every county its townships, with the next free prefixes",
        "为各县生成乡镇站点并分配地址段",
    ),
    Command(
        ("site", "add"),
        "gateway.cli.site_add",
        "add a county, township or department to a plan, with the next free prefixes",
        "在规划中新增县、乡镇或部门,自动分配地址段",
    ),
    Command(
        ("site", "remove"),
        "gateway.cli.site_remove",
        "take a site out of a plan, when nothing hangs on it",
        "从规划中移除站点,前提是无所依附",
    ),
    Command(
        ("compile",),
        "gateway.cli.compile",
        "check a plan and compile the ruleset of one gateway or of all",
        "检查规划并编译一个或全部网关的规则集",
    ),
    Command(
        ("load",),
        "gateway.cli.load",
        "load a signed plan into this host's kernel, prove it, or go back",
        "将已签署的规划装入本机内核并证明,失败则自动还原",
    ),
    Command(
        ("verify",),
        "gateway.cli.verify",
        "prove that this host's kernel holds the signed plan, or show a counterexample",
        "证明本机内核与签署的规划一致,否则给出反例",
    ),
    Command(
        ("agent", "enforce"),
        "gateway.cli.agent_enforce",
        "hand a signed plan to this gateway's agent, which brings it into force and proves it",
        "将已签署的规划交给本网关代理装载并证明",
    ),
    Command(
        ("agent", "confirm"),
        "gateway.cli.agent_confirm",
        "confirm the policy on probation, from a connection opened since",
        "从新建立的连接确认试行中的策略",
    ),
    Command(
        ("agent", "rollback"),
        "gateway.cli.agent_rollback",
        "take back the policy on probation now",
        "立即撤回试行中的策略",
    ),
    Command(
        ("agent", "prove"),
        "gateway.cli.agent_prove",
        "have this gateway proven now",
        "立即证明本网关",
    ),
    Command(
        ("agent", "status"),
        "gateway.cli.agent_status",
        "say what is in force on this gateway and whether it is proven",
        "说明本网关现行策略及是否已证明",
    ),
    Command(
        ("agent", "run"),
        "gateway.cli.agent_run",
        "be the agent; started by systemd",
        "代理服务主程序,由 systemd 启动",
    ),
    Command(
        ("agent", "watch"),
        "gateway.cli.agent_watch",
        "look at the gates every second, between the proofs; started by systemd",
        "每秒查看一次闸口,补两次证明之间的空档,由 systemd 启动",
    ),
    Command(
        ("agent", "loader"),
        "gateway.cli.agent_loader",
        "be the loader, one process for each request; started by systemd",
        "装载服务主程序,每个请求由单独进程处理,由 systemd 启动",
    ),
    Command(
        ("agent", "programs"),
        "gateway.cli.agent_programs",
        "list the BPF programs that meet packets, for the loader; started by systemd",
        "为装载服务列出处理报文的 BPF 程序,由 systemd 启动",
    ),
    Command(
        ("link", "status"),
        "gateway.cli.link_status",
        "say which of this gateway's links stand",
        "列出本网关各链路的状态",
    ),
    Command(
        ("link", "test"),
        "gateway.cli.link_test",
        "say why a link is down: line, firewall, certificate, clock, policy or peer",
        "查明链路为何不通:线路、防火墙、证书、时钟、策略或对端",
    ),
    Command(
        ("link", "refresh"),
        "gateway.cli.link_refresh",
        "take up new lists of revocations on this gateway, and end the links of who is on them",
        "在本网关装载新的吊销列表,并终止被吊销者的链路",
    ),
    Command(
        ("link", "renew"),
        "gateway.cli.link_renew",
        "fetch the lists of revocations, and renew this gateway's certificate where it is due",
        "取回吊销列表,并在到期前续期本网关证书",
    ),
    Command(
        ("link", "follow"),
        "gateway.cli.link_follow",
        "be the follower that takes up revocations when they are signed; started by systemd",
        "吊销列表一经签发即予装载的服务主程序,由 systemd 启动",
    ),
    Command(
        ("link", "begin"),
        "gateway.cli.link_begin",
        "make every link of this gateway anew, as when it has become the active one of a pair",
        "由本网关重新建立全部链路,例如刚接替为双机的主用网关时",
    ),
    Command(
        ("decision",),
        "gateway.cli.decision",
        "say what was decided: who asked for what, the verdict and its reason, by the id",
        "按判定编号查询:谁请求何事、裁决与理由",
    ),
    Command(
        ("log", "verify"),
        "gateway.cli.log_verify",
        "prove that a decision log is as it was written, or say what is wrong and where",
        "证明判定日志与写入时一致,否则指出何处有误",
    ),
    Command(
        ("log", "follow"),
        "gateway.cli.log_follow",
        "be the follower that records the proxy's decisions; started by systemd",
        "记录代理判定的服务主程序,由 systemd 启动",
    ),
    Command(
        ("alarm", "notify"),
        "gateway.cli.alarm_notify",
        "tell people on this host of each alert; started by systemd",
        "向本机人员通报每条告警;由 systemd 启动",
    ),
    Command(
        ("alarm", "watchdog"),
        "gateway.cli.alarm_watchdog",
        "raise the alarm when the monitoring host is silent; started by systemd",
        "监控主机失声时报警;由 systemd 启动",
    ),
    Command(
        ("lists", "fetch"),
        "gateway.cli.lists_fetch",
        "fetch lists of revocations for the monitoring host; started by systemd",
        "为监控主机下载吊销列表;由 systemd 启动",
    ),
    Command(
        ("metrics", "show"),
        "gateway.cli.metrics_show",
        "print this gateway's metrics as they are now",
        "输出本网关当前的监控指标",
    ),
    Command(
        ("metrics", "knock"),
        "gateway.cli.metrics_knock",
        "prove that who shows no certificate is refused where metrics are asked for",
        "证明未出示证书者无法读取监控指标",
    ),
    Command(
        ("metrics", "serve"),
        "gateway.cli.metrics_serve",
        "be the service that Prometheus reads from; started by systemd",
        "供 Prometheus 读取指标的服务主程序,由 systemd 启动",
    ),
    Command(
        ("metrics", "gather"),
        "gateway.cli.metrics_gather",
        "ask the kernel and strongSwan, for who serves the metrics; started by systemd",
        "为指标服务询问内核与 strongSwan,由 systemd 启动",
    ),
    Command(
        ("metrics", "watch"),
        "gateway.cli.metrics_watch",
        "ask Prometheus how the city is, for the monitoring page; started by systemd",
        "为监控页面询问 Prometheus 全城状况,由 systemd 启动",
    ),
    Command(
        ("status",),
        "gateway.cli.status",
        "show the whole city on one screen, as the monitoring host knows it now",
        "一屏显示全城状况,以监控主机所知为准",
    ),
    Command(
        ("evidence",),
        "gateway.cli.evidence",
        "ask every host what shows that it meets GB/T 22239-2019; as a table, JSON or a PDF",
        "向各主机取证,说明其符合 GB/T 22239-2019 的情况;输出表格、JSON 或 PDF",
    ),
    Command(
        ("rehearse",),
        "lab.rehearse",
        "build a plan's city in network namespaces, load, prove and probe it",
        "在网络命名空间中搭建规划的城市,装载、证明并用真实报文探测",
    ),
    Command(
        ("lab", "up"),
        "lab.hosts.up",
        "boot a plan's city of real Debian hosts on this machine",
        "在本机启动规划中的城市,每台主机均为真实 Debian",
    ),
    Command(
        ("lab", "status"),
        "lab.hosts.status",
        "say which hosts run, and what each gateway says of its policy",
        "列出主机运行状态与各网关的现行策略",
    ),
    Command(
        ("lab", "shell"),
        "lab.hosts.enter",
        "open a shell on a host, as at its console",
        "在主机控制台打开 shell",
    ),
    Command(
        ("lab", "exec"),
        "lab.hosts.enter",
        "run a command on a host",
        "在主机上运行命令",
    ),
    Command(
        ("lab", "logs"),
        "lab.hosts.logs",
        "show a host's journal",
        "查看主机日志",
    ),
    Command(
        ("lab", "reboot"),
        "lab.hosts.power",
        "boot a host again, or cut its power",
        "重启主机,或直接断电再加电",
    ),
    Command(
        ("lab", "ask"),
        "lab.hosts.ask",
        "ask at a gate as somebody at a desk",
        "以某人身份在闸口请求",
    ),
    Command(
        ("lab", "cut"),
        "lab.hosts.cut",
        "pull the cable between two hosts",
        "拔掉两台主机之间的线缆",
    ),
    Command(
        ("lab", "join"),
        "lab.hosts.join",
        "push it in again",
        "重新接上线缆",
    ),
    Command(
        ("lab", "open"),
        "lab.hosts.open",
        "let a browser on this machine reach a host's own page, and print its address",
        "让本机浏览器打开主机上的页面,并输出其网址",
    ),
    Command(
        ("lab", "follow"),
        "lab.hosts.follow",
        "take a changed plan into the running lab: boot what has come, end what has gone",
        "让运行中的城市跟随变更后的规划:启动新增主机,移除多余主机",
    ),
    Command(
        ("lab", "down"),
        "lab.hosts.down",
        "take the lab away; nothing of it is left",
        "清除实验城市,不留任何痕迹",
    ),
    Command(
        DELEGATED,
        "pki.__main__",
        "the authorities: certify gateways, services, people and signers, and revoke them",
        "签发机构:签发、续期、吊销网关、服务、人员与签署人证书",
    ),
    Command(
        ("bundle", "make"),
        "gateway.cli.bundle_make",
        "make one file with packages, wheels and this tree, to set up a site without a network",
        "制作离线包:含软件包、wheel 与本代码树,供无网络的站点部署",
    ),
    Command(
        ("bundle", "verify"),
        "gateway.cli.bundle_verify",
        "judge a bundle: who signed it, when, and whether every file is as it was",
        "核验离线包:签名者、制作时间、各文件是否完好",
    ),
    Command(
        ("bundle", "unpack"),
        "gateway.cli.bundle_unpack",
        "judge a bundle, and unpack it into a new folder",
        "核验离线包并解开到新文件夹",
    ),
    Command(
        ("errors",),
        "gateway.cli.errors",
        "explain an error code, or list them all",
        "解释错误代码,或列出全部",
    ),
)

GROUPS = {
    "alarm": ("people are told that something is wrong", "向人员通报异常"),
    "bundle": ("one file for a site without any network", "供无网络站点使用的离线包"),
    "agent": ("keep this gateway on its signed policy", "使本网关始终执行已签署的策略"),
    "link": ("this gateway's links with its neighbours", "本网关与相邻站点的链路"),
    "lists": ("lists of revocations of a host", "主机的吊销列表"),
    "log": ("the decision log of a gateway", "网关的判定日志"),
    "lab": ("a city of real hosts on this machine", "在本机运行由真实主机组成的城市"),
    "metrics": ("how this gateway is, for Prometheus", "供 Prometheus 采集的本网关状况"),
    "policy": ("write, ask, compare and sign a plan", "编写、查询、比较、签署规划"),
    "site": ("add a site to a plan, or take one out", "在规划中增减站点"),
}
