"""Errors ZG6xx up to ZG659: what the prover finds, first in nftables, then beside it."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

_TAMPERED = "load the signed policy again, then find out who changed it"
_TAMPERED_ZH = "请重新装载已签署的策略,并查明何人改动"

TEXTS: Mapping[str, Text] = {
    "ZG600": Text(
        "the kernel's ruleset cannot be read: {error}",
        "run as root, with nft installed",
        "无法读取内核规则集:{error}",
        "请以 root 运行,并确认已安装 nft",
    ),
    "ZG601": Text(
        "`{object}` is not understood: {part}",
        "nothing can be proven while it is there; delete it, or load the signed policy again",
        "无法理解“{object}”:{part}",
        "它存在时无法作出证明;请删除,或重新装载已签署的策略",
    ),
    "ZG602": Text(
        "table `{table}` is not the policy's; it holds {contents}",
        "delete it, or sign what it is for",
        "表“{table}”不属于策略,其中有 {contents}",
        "请删除,或将其用途纳入签署的策略",
    ),
    "ZG603": Text(
        "chain `{chain}` is not the hook that it must be: {found}",
        "each hook is one chain of its name: type filter, priority 0, policy drop",
        "链“{chain}”的挂接不符:{found}",
        "每个挂接点只应有一条同名链:类型 filter,优先级 0,默认 drop",
    ),
    "ZG604": Text(
        "no chain of the policy stands at hook {hook}; every packet passes there",
        _TAMPERED,
        "挂接点 {hook} 上没有策略的链,所有报文均可通过",
        _TAMPERED_ZH,
    ),
    "ZG605": Text(
        "`{object}` is not used by any hook",
        "delete it: what no packet meets, nobody signed",
        "“{object}”未被任何挂接点使用",
        "请删除:不起作用的内容不在签署范围内",
    ),
    "ZG606": Text(
        "flowtable `{flowtable}` carries packets past every rule (devices {devices})",
        "delete it",
        "流表“{flowtable}”使报文绕过所有规则(设备 {devices})",
        "请删除",
    ),
    "ZG607": Text(
        "map `{map}`: `{first}` and `{second}` overlap, and the kernel silently takes the first",
        _TAMPERED,
        "映射“{map}”:“{first}”与“{second}”重叠,内核只取先者",
        _TAMPERED_ZH,
    ),
    "ZG608": Text(
        "the policy's table has the flag `{flag}`",
        "a dormant table filters nothing; load the signed policy again",
        "策略的表带有标志“{flag}”",
        "休眠的表不过滤任何报文;请重新装载已签署的策略",
    ),
    "ZG609": Text(
        "`{object}` compares a port without saying of which protocol",
        _TAMPERED,
        "“{object}”比较端口而未限定协议",
        _TAMPERED_ZH,
    ),
    "ZG610": Text(
        "{source_en} {source} reaches {destination_en} {destination}, {service} ({way_en}, "
        "{state_en}), which the signed policy drops: {reason_en}; by {object}",
        _TAMPERED,
        "{source_zh} {source} 可达 {destination_zh} {destination},{service}({way_zh},{state_zh}),"
        "而签署的策略不允许:{reason_zh};由 {object} 所致",
        _TAMPERED_ZH,
    ),
    "ZG611": Text(
        "{source_en} {source} to {destination_en} {destination}, {service} ({way_en}, "
        "{state_en}) is dropped although the signed policy accepts it: {reason_en}; by {object}",
        _TAMPERED,
        "{source_zh} {source} 至 {destination_zh} {destination},{service}({way_zh},"
        "{state_zh})被丢弃,而签署的策略允许:{reason_zh};由 {object} 所致",
        _TAMPERED_ZH,
    ),
    "ZG612": Text(
        "{source_en} {source} to {destination_en} {destination}, {service} ({way_en}, "
        "{state_en}) is dropped but recorded as `{found}`, not as `{wanted}`; by {object}",
        _TAMPERED,
        "{source_zh} {source} 至 {destination_zh} {destination},{service}({way_zh},"
        "{state_zh})被丢弃,但记录为“{found}”,应为“{wanted}”;由 {object} 所致",
        _TAMPERED_ZH,
    ),
    "ZG613": Text(
        "{source_en} {source} to {destination_en} {destination}, {service} ({way_en}, "
        "{state_en}) is accepted but counted or logged as `{found}`, not as `{wanted}`; "
        "by {object}",
        _TAMPERED,
        "{source_zh} {source} 至 {destination_zh} {destination},{service}({way_zh},"
        "{state_zh})被准许,但计数或记录为“{found}”,应为“{wanted}”;由 {object} 所致",
        _TAMPERED_ZH,
    ),
    "ZG614": Text(
        "at hook {hook} more differs than is listed here",
        "mend what is listed, then prove again",
        "挂接点 {hook} 上还有其他差异未列出",
        "请先处理已列出的问题,再行证明",
    ),
    "ZG620": Text(
        "no policy is in force on this gateway: hook {hook} has no signed policy behind it",
        "load the signed policy",
        "本网关没有生效的策略:挂接点 {hook} 之后没有已签署的策略",
        "请装载已签署的策略",
    ),
    "ZG621": Text(
        "the hooks do not agree which policy is in force: {stamps}",
        _TAMPERED,
        "各挂接点标明的生效策略不一致:{stamps}",
        _TAMPERED_ZH,
    ),
    "ZG622": Text(
        "the policy in force says it is `{found}`, not `{wanted}`",
        "load the signed policy, or prove against the one that was loaded",
        "生效的策略标明为“{found}”,而非“{wanted}”",
        "请装载已签署的策略,或以已装载者为准重新证明",
    ),
    "ZG630": Text(
        "the old {what} has tables of its own: {tables}",
        "flush them and unload its modules; nftables alone filters here",
        "旧式 {what} 中存在表:{tables}",
        "请清空并卸载其模块;此处只由 nftables 过滤",
    ),
    "ZG631": Text(
        "interface `{interface}` has a traffic control hook or filter: {what}",
        "delete it: such a filter can answer, redirect or change packets before nftables",
        "接口“{interface}”上有流量控制挂接或过滤器:{what}",
        "请删除:它可在 nftables 之前应答、转向或修改报文",
    ),
    "ZG632": Text(
        "interface `{interface}` runs an XDP program: {what}",
        "take it off: it sees packets before every rule",
        "接口“{interface}”上运行 XDP 程序:{what}",
        "请卸下:它先于所有规则处理报文",
    ),
    "ZG633": Text(
        "a BPF program is attached where packets pass: {what}",
        "detach it, or find out which service needs it",
        "报文经过处挂有 BPF 程序:{what}",
        "请卸下,或查明由何服务所需",
    ),
    "ZG634": Text(
        "a routing rule is not one of the kernel's own: {rule}",
        "delete it: it sends packets by another table",
        "存在非内核默认的路由策略:{rule}",
        "请删除:它使报文按其他路由表转发",
    ),
    "ZG635": Text(
        "route `{route}` sends zone `{zone}` out by `{interface}`, not by `{wanted}`",
        "delete the route, or correct the plan",
        "路由“{route}”把安全域“{zone}”送出接口“{interface}”,而非“{wanted}”",
        "请删除该路由,或更正规划",
    ),
    "ZG636": Text(
        "interface `{interface}` is a port of `{master}`: packets may pass beside the rules",
        "take it out of the bridge or bond, so that they are routed",
        "接口“{interface}”从属于“{master}”,报文可绕过规则",
        "请将其移出网桥或聚合,使报文经路由转发",
    ),
    "ZG637": Text(
        "packets are forwarded ({setting} = 1) although no policy is in force",
        "switch forwarding off until a policy is loaded",
        "没有生效的策略,却已开启转发({setting} = 1)",
        "装载策略之前请关闭转发",
    ),
    "ZG638": Text(
        "the open connection {source} to {destination}, {service}, is one that the policy does "
        "not permit: {why_en}",
        "delete its conntrack entry; it passes as established until then",
        "现存连接 {source} 至 {destination},{service},不为策略所允许:{why_zh}",
        "请删除其连接跟踪条目;否则它会一直作为已建立连接通过",
    ),
    "ZG639": Text(
        "cannot be looked at: {what} ({error})",
        "nothing is proven about it; run as root, or install what is missing",
        "无法检查:{what}({error})",
        "对此未作任何证明;请以 root 运行,或安装所缺组件",
    ),
    "ZG640": Text(
        "{source} reaches {destination}: {flow}, which the signed policy does not permit; "
        "by gateways {gateways}",
        "prove each of these gateways by itself: it says which object causes it",
        "{source} 可达 {destination}:{flow},而签署的策略不允许;途经网关 {gateways}",
        "请逐个证明这些网关,以查明原因",
    ),
    "ZG641": Text(
        "conduit `{conduit}` is broken: {flow} from {source} to {destination} ends at gateway "
        "`{gateway}`",
        "prove that gateway by itself: it says which object causes it",
        "管道“{conduit}”中断:{source} 至 {destination} 的 {flow} 止于网关“{gateway}”",
        "请单独证明该网关,以查明原因",
    ),
    "ZG642": Text(
        "gateway `{gateway}` has not been read; nothing is proven of the paths through it",
        "read it with `loushan verify` on the gateway, then prove the plan again",
        "网关“{gateway}”尚未读取,经过它的路径均未证明",
        "请在该网关上执行 `loushan verify`,再证明整个规划",
    ),
    "ZG646": Text(
        "the kernel has an IPsec policy that is of no link of the signed policy: {policy}",
        "find out who made it and delete it, as with `ip xfrm policy delete`",
        "内核中有一条不属于所签署策略中任何链路的 IPsec 策略:{policy}",
        "请查明由何人建立并删除,如用 `ip xfrm policy delete`",
    ),
    "ZG647": Text(
        "the kernel has an IPsec state that is of no link that strongSwan has agreed: {state}",
        "find out who made it and delete it, as with `ip xfrm state delete`",
        "内核中有一条不属于 strongSwan 所协商链路的 IPsec 状态:{state}",
        "请查明由何人建立并删除,如用 `ip xfrm state delete`",
    ),
    "ZG648": Text(
        "link `{link}`: the kernel lacks {count} of the IPsec policies that were agreed, "
        "the first for direction `{direction}`",
        "restart strongswan.service, then find out who took them away",
        "链路“{link}”:内核缺少 {count} 条已协商的 IPsec 策略,其一方向为“{direction}”",
        "请重启 strongswan.service,再查明由何人删除",
    ),
    "ZG649": Text(
        "interface `{interface}` is `{found}`, and the link comes out of `{wanted}`",
        "delete it and run `networkctl reload`, then find out who made it",
        "接口“{interface}”为“{found}”,而链路应由“{wanted}”引出",
        "请删除并执行 `networkctl reload`,再查明由何人建立",
    ),
    "ZG650": Text(
        "the link `{link}` of the signed policy is not set up in strongSwan",
        "bring the signed policy into force again: `loushan agent enforce`",
        "签署的策略中的链路“{link}”未在 strongSwan 中设置",
        "请重新执行已签署的策略:`loushan agent enforce`",
    ),
    "ZG651": Text(
        "strongSwan has a connection `{link}` that is no link of the signed policy",
        "find out who loaded it; loading the signed policy again takes it away",
        "strongSwan 中有连接“{link}”,并非签署策略中的链路",
        "请查明由谁装载;重新装载已签署的策略可将其去除",
    ),
    "ZG652": Text(
        "strongSwan holds an association `{link}` with {peer} that is of no link",
        "it is ended when the signed policy is loaded again; find out who made it",
        "strongSwan 与 {peer} 之间有不属于任何链路的安全关联“{link}”",
        "重新装载已签署的策略可终止它;请查明由谁建立",
    ),
    "ZG653": Text(
        "link `{link}`: {what} is `{found}`, and must be `{wanted}`",
        "load the signed policy again, then find out who changed it",
        "链路“{link}”:{what} 为“{found}”,应为“{wanted}”",
        "请重新装载已签署的策略,再查明由谁更改",
    ),
    "ZG654": Text(
        "strongSwan trusts an authority that this gateway was not given: {fingerprint}…",
        "restart strongswan.service, then find out who loaded it",
        "strongSwan 信任了本网关未被授予的签发机构:{fingerprint}…",
        "请重启 strongswan.service,再查明由谁装载",
    ),
    "ZG655": Text(
        "strongSwan has not loaded an authority that this gateway was given: {fingerprint}…",
        "run `swanctl --load-creds` as root",
        "strongSwan 未装载本网关被授予的签发机构:{fingerprint}…",
        "请以 root 运行 `swanctl --load-creds`",
    ),
    "ZG656": Text(
        "strongSwan does not judge certificates by its plugin `{plugin}`",
        "run `playbooks/provision.yml` for this host, then find out who changed strongswan.conf",
        "strongSwan 未使用插件“{plugin}”审查证书",
        "请对本机运行 `playbooks/provision.yml`,再查明由谁更改了 strongswan.conf",
    ),
    "ZG682": Text(
        "what applications are told about `{token}` is missing, too much, or not this gateway's",
        "the agent makes it anew; find out who changed it at the proxy's control socket",
        "告知应用的“{token}”身份说明缺失、多余或并非本网关签发",
        "代理程序会重新签发;请查明由谁经代理控制套接字更改",
    ),
    "ZG687": Text(
        "the proxy shows the certificate {found} of {what}, and must show {wanted}",
        "restart loushan-proxy.service, then find out who exchanged it at its control socket",
        "代理对 {what} 出示的证书为 {found},应为 {wanted}",
        "请重新启动 loushan-proxy.service,再查明由谁经其控制套接字更换",
    ),
    "ZG688": Text(
        "`{what}` of the proxy is {found}, and must be {wanted}",
        "restart loushan-proxy.service, then find out who switched it off or limited it",
        "代理的“{what}”为 {found},应为 {wanted}",
        "请重新启动 loushan-proxy.service,再查明由谁停用或限制",
    ),
    "ZG689": Text(
        "the proxy would keep this policy in force until {found}, and may until {wanted} at most",
        "load the signed policy again, then find out who moved its end",
        "代理会使本策略一直生效至 {found},最迟只应至 {wanted}",
        "请重新装载已签署的策略,再查明由谁推后其终点",
    ),
    "ZG690": Text(
        "the proxy runs with a configuration called {found}, and the policy's is {wanted}",
        "load the signed policy again, then find out who started it otherwise",
        "代理所用配置为 {found},而策略的配置为 {wanted}",
        "请重新装载已签署的策略,再查明由谁以其他配置启动",
    ),
    "ZG691": Text(
        "the proxy has no policy in force and refuses every request",
        "load the signed policy again: `loushan agent enforce`",
        "代理没有生效的策略,拒绝一切请求",
        "请重新装载已签署的策略:`loushan agent enforce`",
    ),
    "ZG692": Text(
        "`{subject}` may do {method} to `{resource}` from `{zone}`, and nobody granted it",
        "load the signed policy again, then find out who put it there",
        "“{subject}”可从“{zone}”对“{resource}”执行 {method},而无人授予",
        "请重新装载已签署的策略,再查明由谁放入",
    ),
    "ZG693": Text(
        "the proxy's map `{map}` is missing, or is none of ours",
        "start loushan-proxy.service again; it has its maps from the signed policy",
        "代理的映射表“{map}”缺失,或并非我方所有",
        "请重新启动 loushan-proxy.service;其映射表来自已签署的策略",
    ),
    "ZG694": Text(
        "the proxy's map `{map}` says `{found}` of `{key}`, and must say `{wanted}`",
        "load the signed policy again, then find out who changed it",
        "代理的映射表“{map}”中“{key}”为“{found}”,应为“{wanted}”",
        "请重新装载已签署的策略,再查明由谁更改",
    ),
    "ZG695": Text(
        "the proxy's map `{map}` holds `{key}`, which is of no policy in force",
        "load the signed policy again; it takes away what is left over",
        "代理的映射表“{map}”中有“{key}”,不属于生效的策略",
        "请重新装载已签署的策略,可清除残留",
    ),
    "ZG696": Text(
        "the certificate {certificate} is on a list of revocations, and the proxy takes it",
        "run `loushan link refresh`, then find out who took it out",
        "证书 {certificate} 已列入吊销列表,而代理仍接受",
        "请运行 `loushan link refresh`,再查明由谁移除",
    ),
    "ZG697": Text(
        "the proxy refuses the certificate {certificate}, which is on no list of revocations",
        "run `loushan link refresh`, then find out who put it there",
        "代理拒绝证书 {certificate},而它不在任何吊销列表中",
        "请运行 `loushan link refresh`,再查明由谁放入",
    ),
    "ZG698": Text(
        "`{subject}` was granted {method} to `{resource}` from `{zone}`, and the proxy refuses it",
        "load the signed policy again, then find out who took it out",
        "“{subject}”获准从“{zone}”对“{resource}”执行 {method},而代理拒绝",
        "请重新装载已签署的策略,再查明由谁移除",
    ),
    "ZG699": Text(
        "the proxy judges by `{found}` at {what}, and must by `{wanted}`",
        "restart loushan-proxy.service, then find out who changed it at its control socket",
        "代理在 {what} 处按“{found}”处理,应按“{wanted}”处理",
        "请重新启动 loushan-proxy.service,再查明由谁经其控制套接字更改",
    ),
}
