"""Errors ZG9xx: what the test of a link finds."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG900": Text(
        "this gateway has no line to `{name}`",
        "its neighbours are {known}",
        "本网关没有通往“{name}”的线路",
        "相邻站点有:{known}",
    ),
    # --- the line
    "ZG901": Text(
        "the line to `{peer}` has no port: there is no `{interface}` on this gateway",
        "see whether its card is in; `playbooks/provision.yml` names the ports",
        "通往“{peer}”的线路没有端口:本网关没有 `{interface}`",
        "请检查网卡是否在位;端口名称由 `playbooks/provision.yml` 设置",
    ),
    "ZG902": Text(
        "the line to `{peer}` is cut: the port `{interface}` has no carrier",
        "see whether the cable is in at both ends, then call the line's carrier; "
        "the link comes back by itself, seconds after the line",
        "通往“{peer}”的线路中断:端口 `{interface}` 无载波",
        "请检查两端线缆,再联系线路运营商;线路恢复后数秒内链路自行恢复",
    ),
    "ZG903": Text(
        "the port `{interface}` of the line to `{peer}` is switched off on this gateway",
        "find out who did so, then `ip link set {interface} up`",
        "通往“{peer}”的线路端口 `{interface}` 在本网关上被停用",
        "请查明何人停用,再运行 `ip link set {interface} up`",
    ),
    "ZG904": Text(
        "the port `{interface}` of the line to `{peer}` has not its address {address}",
        "see `networkctl status {interface}`; `playbooks/provision.yml` sets it up again",
        "通往“{peer}”的线路端口 `{interface}` 缺少地址 {address}",
        "请查看 `networkctl status {interface}`;`playbooks/provision.yml` 可重新设置",
    ),
    # --- the peer
    "ZG910": Text(
        "the gateway of `{peer}` is down, or cut off further on: the line has carrier here, "
        "and nobody answers at its other end ({state})",
        "ask at `{peer}` whether its gateway has power; if it runs, call the line's carrier",
        "“{peer}”的网关已停机,或线路在更远处中断:本端有载波,而对端无应答({state})",
        "请询问“{peer}”网关是否通电;如在运行,请联系线路运营商",
    ),
    "ZG911": Text(
        "the gateway of `{peer}` runs, and its strongSwan does not: "
        "its port for IKE is closed to everybody",
        "there: `systemctl start strongswan`, then `journalctl -u strongswan`",
        "“{peer}”的网关在运行,但其 strongSwan 未运行:IKE 端口无程序监听",
        "请在对端运行 `systemctl start strongswan`,再查看 `journalctl -u strongswan`",
    ),
    "ZG912": Text(
        "strongSwan at `{peer}` runs, and does not answer when a link is begun: "
        "too many are being begun there, or it hangs ({said})",
        "wait half a minute and test again; if it stays so, look there: `journalctl -u strongswan`",
        "“{peer}”的 strongSwan 在运行,但不答复建链请求:对端建链请求过多或程序挂起({said})",
        "请半分钟后重试;如仍如此,请在对端查看 `journalctl -u strongswan`",
    ),
    "ZG913": Text(
        "the link to `{peer}` stands on this side only: strongSwan there runs, and has "
        "not answered by it for {seconds} seconds",
        "wait half a minute and test again: the link is ended and begun anew by itself",
        "与“{peer}”的链路仅在本端存在:对端 strongSwan 在运行,但 {seconds} 秒内未经此链路应答",
        "请半分钟后重试:该链路会自行终止并重建",
    ),
    # --- the firewall
    "ZG920": Text(
        "the firewall of this gateway is closed, so nothing passes to `{peer}`: {reason_en}",
        "see `loushan agent status` for why, put that right, then `loushan agent prove`",
        "本网关防火墙已关闭,与“{peer}”不通:{reason_zh}",
        "请用 `loushan agent status` 查明原因并处理,再运行 `loushan agent prove`",
    ),
    "ZG921": Text(
        "the firewall of this gateway drops the packets of the link to `{peer}`: {reason}",
        "`loushan agent prove` says what nobody signed, and puts it right",
        "本网关防火墙丢弃与“{peer}”链路的报文:{reason}",
        "`loushan agent prove` 可指出未经签署的内容并恢复",
    ),
    "ZG922": Text(
        "the firewall of `{peer}` drops our packets: its gateway runs, and for IKE nobody answers, "
        "so it is closed or its policy does not know this line",
        "there: `loushan agent status` says whether it is closed and which revision it has; "
        "here it is revision {revision}",
        "“{peer}”的防火墙丢弃我方报文:对端网关在运行而 IKE 无应答;对端已关闭,或其策略不含此线路",
        "请在对端运行 `loushan agent status` 查看是否关闭及其修订号;本端为修订 {revision}",
    ),
    # --- strongSwan on this gateway
    "ZG930": Text(
        "strongSwan does not run on this gateway: {error}",
        "`systemctl start strongswan`, then `journalctl -u strongswan`; "
        "the agent puts the links back within half a minute",
        "本网关的 strongSwan 未运行:{error}",
        "请运行 `systemctl start strongswan`,再查看 `journalctl -u strongswan`;"
        "代理将在半分钟内恢复链路",
    ),
    "ZG931": Text(
        "strongSwan on this gateway was not given the link to `{peer}`, which the policy has",
        "`loushan agent prove` finds that, and gives it back",
        "策略含有与“{peer}”的链路,而本网关的 strongSwan 未装载",
        "`loushan agent prove` 会发现并恢复",
    ),
    # --- the peer's policy
    "ZG940": Text(
        "the gateway of `{peer}` follows another policy: it knows no such link, "
        "or asks for other algorithms ({said})",
        "compare `loushan agent status` on both, here it is revision {revision}; "
        "`ansible-playbook playbooks/enforce.yml` brings the newest everywhere",
        "“{peer}”的网关执行的是另一策略:不含此链路,或算法不同({said})",
        "请比较两端的 `loushan agent status`,本端为修订 {revision};"
        "`ansible-playbook playbooks/enforce.yml` 可将最新策略下发各处",
    ),
    "ZG941": Text(
        "the gateway of `{peer}` follows another policy: "
        "the link would carry other addresses there ({said})",
        "compare `loushan agent status` on both, here it is revision {revision}; "
        "`ansible-playbook playbooks/enforce.yml` brings the newest everywhere",
        "“{peer}”的网关执行的是另一策略:其链路承载的地址不同({said})",
        "请比较两端的 `loushan agent status`,本端为修订 {revision};"
        "`ansible-playbook playbooks/enforce.yml` 可将最新策略下发各处",
    ),
    "ZG942": Text(
        "the link to `{peer}` stands, and carries less than this gateway's policy says, "
        "so the gateway there follows another policy",
        "compare `loushan agent status` on both, here it is revision {revision}; "
        "`ansible-playbook playbooks/enforce.yml` brings the newest everywhere",
        "与“{peer}”的链路已建立,但承载的地址少于本网关策略所定,故对端执行的是另一策略",
        "请比较两端的 `loushan agent status`,本端为修订 {revision};"
        "`ansible-playbook playbooks/enforce.yml` 可将最新策略下发各处",
    ),
    # --- certificates
    "ZG950": Text(
        "this gateway has no {what_en} for its own name `{identity}`",
        "`loushan link refresh` takes up what lies in /etc/swanctl; "
        "if nothing does: `ansible-playbook playbooks/provision.yml --limit {host}`",
        "本网关缺少其自身名称“{identity}”的{what_zh}",
        "`loushan link refresh` 可装载 /etc/swanctl 中的内容;"
        "如其中没有,请运行 `ansible-playbook playbooks/provision.yml --limit {host}`",
    ),
    "ZG951": Text(
        "this gateway's certificate has ended: it held until {until}, "
        "and the clock here says {now}",
        "have it renewed: `ansible-playbook playbooks/provision.yml --limit {host}`; "
        "if the clock is wrong, set it",
        "本网关证书已到期:有效期至 {until},而本机时钟为 {now}",
        "请续期:`ansible-playbook playbooks/provision.yml --limit {host}`;如时钟有误,请校时",
    ),
    "ZG952": Text(
        "this gateway's certificate was revoked at {since}",
        "ask who revoked it and why before anything else; see the runbook EmergencyRevocation",
        "本网关证书已于 {since} 吊销",
        "请先查明何人因何吊销;见处置手册 EmergencyRevocation",
    ),
    "ZG953": Text(
        "this gateway has no list of revocations of `{authority}`, so it lets nobody in",
        "deliver it: `ansible-playbook playbooks/revoke.yml`",
        "本网关没有“{authority}”的吊销列表,因此不接受任何对端",
        "请分发:`ansible-playbook playbooks/revoke.yml`",
    ),
    "ZG954": Text(
        "the list of revocations of `{authority}` has run out: "
        "it held until {until}, and the clock here says {now}",
        "make and deliver a new one: `loushan pki crl DIR`, then "
        "`ansible-playbook playbooks/revoke.yml`; see the runbook CrlStale",
        "“{authority}”的吊销列表已过期:有效期至 {until},而本机时钟为 {now}",
        "请签发并分发新列表:`loushan pki crl DIR`,再运行 "
        "`ansible-playbook playbooks/revoke.yml`;见处置手册 CrlStale",
    ),
    "ZG955": Text(
        "the certificate of `{peer}` was revoked at {since}, so this gateway refuses it",
        "ask who revoked it and why before anything else; see the runbook EmergencyRevocation",
        "“{peer}”的证书已于 {since} 吊销,本网关拒绝其接入",
        "请先查明何人因何吊销;见处置手册 EmergencyRevocation",
    ),
    "ZG956": Text(
        "the certificate of `{peer}` is not in its time: it holds from {since} to {until}, "
        "and the clock here says {now}",
        "if the clock here is right, have it renewed: "
        "`ansible-playbook playbooks/provision.yml --limit {host}`",
        "“{peer}”的证书不在有效期内:有效期 {since} 至 {until},而本机时钟为 {now}",
        "如本机时钟无误,请为其续期:`ansible-playbook playbooks/provision.yml --limit {host}`",
    ),
    "ZG957": Text(
        "the gateway of `{peer}` refuses this one's certificate, "
        "which is in order as far as can be seen here ({said})",
        "there: `loushan link test {own}` says why; "
        "the first things to look at are its clock and its list of revocations",
        "“{peer}”的网关拒绝本网关的证书,而就本端所见该证书无误({said})",
        "请在对端运行 `loushan link test {own}` 查明原因;先看其时钟与吊销列表",
    ),
    "ZG958": Text(
        "this gateway does not trust the certificate of `{peer}`: {said}",
        "if nobody changed anything there, somebody may be playing its gateway: "
        "leave the line as it is and call the information centre",
        "本网关不信任“{peer}”的证书:{said}",
        "如对端未作更改,可能有人冒充其网关:请保持线路原状并联系信息中心",
    ),
    "ZG959": Text(
        "who is at the other end of the line to `{peer}` names another gateway "
        "than this one's policy has there ({said})",
        "see whether a cable is in the wrong port: each port's name says where it leads",
        "通往“{peer}”的线路对端报出的网关名称与本网关策略不符({said})",
        "请检查线缆是否插错端口:端口名称即其去向",
    ),
    # --- the clock
    "ZG960": Text(
        "the clock of this gateway is behind: it says {now}, "
        "and this gateway's certificate begins at {since}",
        "set it: `timedatectl`; then `loushan agent prove` begins the link",
        "本网关时钟偏慢:为 {now},而本网关证书自 {since} 起有效",
        "请用 `timedatectl` 校时,再运行 `loushan agent prove` 重建链路",
    ),
    "ZG961": Text(
        "the clock of this gateway is behind: it says {now}, "
        "and the list of revocations of `{authority}` begins at {since}",
        "set it: `timedatectl`; then `loushan agent prove` begins the link",
        "本网关时钟偏慢:为 {now},而“{authority}”的吊销列表自 {since} 起有效",
        "请用 `timedatectl` 校时,再运行 `loushan agent prove` 重建链路",
    ),
    # --- what has no name yet
    "ZG970": Text(
        "the link to `{peer}` does not come about, and nobody has said why ({said})",
        "see `journalctl -u strongswan` on both gateways, and report this: the test should know it",
        "与“{peer}”的链路未能建立,两端均未说明原因({said})",
        "请查看两端的 `journalctl -u strongswan` 并上报:该情形应能识别",
    ),
}
