"""Errors ZG2xx: what the law, the lattice, the matrix or the plan itself forbids."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG201": Text(
        "conduit `{conduit}` joins the portal and the office network ({source} to {destination})",
        "there is no connection between them in either direction "
        "(保密法 (2024) article 31; 遵府办发〔2009〕72号); "
        "publish by one-way transfer after review",
        "管道“{conduit}”连接了门户与办公业务资源网({source} → {destination})",
        "两者之间任何方向均不得连接(《保密法》(2024)第三十一条;遵府办发〔2009〕72号);"
        "公开信息须经审查后单向导出",
    ),
    "ZG202": Text(
        "conduit `{conduit}` joins one county with another "
        "({source} to {destination}; {count} such pairs)",
        "counties meet only through the city centre (遵府办发〔2009〕72号, 两横两纵)",
        "管道“{conduit}”连接了不同的县({source} → {destination};共 {count} 对)",
        "县与县只能经由市中心(遵府办发〔2009〕72号“两横两纵”)",
    ),
    "ZG203": Text(
        "conduit `{conduit}` joins the province with a site that is not the city centre "
        "({source} to {destination}; {count} such pairs)",
        "data goes to and from the province only through the city centre (遵府办发〔2009〕72号)",
        "管道“{conduit}”让非市中心站点与省直接相连({source} → {destination};共 {count} 对)",
        "与省的数据交换只能经由市中心(遵府办发〔2009〕72号)",
    ),
    "ZG204": Text(
        "conduit `{conduit}` joins departments that are not counterparts "
        "({source} to {destination}; {count} such pairs)",
        "a department meets its centre and its counterpart only (遵府办发〔2009〕72号, 两横两纵)",
        "管道“{conduit}”连接了非对口的部门({source} → {destination};共 {count} 对)",
        "部门只与所属中心及对口部门相连(遵府办发〔2009〕72号“两横两纵”)",
    ),
    "ZG205": Text(
        "conduit `{conduit}` joins sites that the matrix does not join "
        "({source} to {destination}; {count} such pairs)",
        "see `loushan policy matrix --rules` for what may be joined (遵府办发〔2009〕72号)",
        "管道“{conduit}”连接了矩阵未允许的站点({source} → {destination};共 {count} 对)",
        "可连接的关系见 `loushan policy matrix --rules`(遵府办发〔2009〕72号)",
    ),
    "ZG210": Text(
        "the plan's ceiling is {ceiling}, and it carries no commissioning approval",
        "a network that is not accredited may not store or process state secrets "
        "(保密法 (2024) article 31); set it to 内部 or lower",
        "规划的密级上限为“{ceiling}”,但没有投入使用的批准文号",
        "未经审查合格的网络不得存储、处理国家秘密(《保密法》(2024)第三十一条);请设为“内部”或以下",
    ),
    "ZG211": Text(
        "zone `{zone}`: its ceiling {ceiling} is above the plan's, {limit}",
        "a system's level is that of its highest information (保密法实施条例 article 32); "
        "lower the zone's ceiling",
        "安全域“{zone}”的上限“{ceiling}”高于规划的上限“{limit}”",
        "系统密级由其最高信息密级确定(《保密法实施条例》第三十二条);请降低该域的上限",
    ),
    "ZG212": Text(
        "conduit `{conduit}` carries {label} into zone `{zone}`, whose ceiling is {ceiling}",
        "what is carried must be dominated by the ceiling it arrives under "
        "(保密法 (2024) article 31); lower the label or choose another zone",
        "管道“{conduit}”把“{label}”信息送入上限为“{ceiling}”的安全域“{zone}”",
        "到达域的上限须支配所承载的标记(《保密法》(2024)第三十一条);请降低标记或改选安全域",
    ),
    "ZG213": Text(
        "conduit `{conduit}` carries {label} out of zone `{zone}`, whose ceiling is {ceiling}",
        "a zone cannot send what it may not hold (保密法 (2024) article 31)",
        "管道“{conduit}”从上限为“{ceiling}”的安全域“{zone}”送出“{label}”信息",
        "安全域不能送出其不得持有的信息(《保密法》(2024)第三十一条)",
    ),
    "ZG214": Text(
        "subject `{subject}`: its clearance {clearance} is above the plan's ceiling, {limit}",
        "lower the clearance; this network carries nothing above its ceiling",
        "主体“{subject}”的知悉等级“{clearance}”高于规划上限“{limit}”",
        "请降低知悉等级;本网络不承载高于上限的信息",
    ),
    "ZG215": Text(
        "`{name}` is labelled 绝密",
        "a city organ may not originate 绝密 (保密法 (2024) article 17)",
        "“{name}”标为“绝密”",
        "设区的市级机关无绝密级定密权(《保密法》(2024)第十七条)",
    ),
    "ZG216": Text(
        "grant `{grant}`: the clearance {clearance} of `{subject}` does not dominate "
        "the label {label} of `{resource}`",
        "have the clearance raised by who may decide that, or take the grant away",
        "授权“{grant}”:主体“{subject}”的知悉等级“{clearance}”不支配客体“{resource}”的标记“{label}”",
        "请由有权者调整知悉范围,或撤销授权",
    ),
    "ZG217": Text(
        "grant `{grant}`: no conduit leads from a zone of `{subject}` to `{zone}` "
        "by the service of `{resource}`",
        "a grant without a way cannot be used; add the conduit or take the grant away",
        "授权“{grant}”:主体“{subject}”所在安全域没有以客体“{resource}”的服务到达“{zone}”的管道",
        "没有通路的授权无法使用;请增加管道或撤销授权",
    ),
    "ZG218": Text(
        "resource `{resource}` is {label}, and zone `{zone}` may hold {ceiling} at most",
        "move the resource, or lower its label by decision of who may",
        "客体“{resource}”为“{label}”,而安全域“{zone}”上限为“{ceiling}”",
        "请迁移客体,或由有权者降低其标记",
    ),
    "ZG219": Text(
        "grant `{grant}` of `{subject}` to `{resource}` ended on {until}",
        "take it away, or have its end moved by who may decide",
        "授权“{grant}”({subject} → {resource})已于 {until} 到期",
        "请撤销,或由有权者延期",
    ),
    "ZG220": Text(
        "conduit `{conduit}` is redundant: from `{source}` to `{destination}` "
        "{others} carry all that it carries",
        "take it away, or narrow the other; what is said twice is changed once",
        "管道“{conduit}”多余:从“{source}”到“{destination}”的内容已由 {others} 全部承载",
        "请删除,或缩小另一条;写两遍的内容改时易漏",
    ),
    "ZG221": Text(
        "expectation `{expectation}` fails: `{source}` must reach `{destination}` by {ports}, "
        "and no conduit carries it",
        "add a conduit, or change what is expected",
        "期望“{expectation}”不成立:“{source}”应能以 {ports} 到达“{destination}”,但没有管道承载",
        "请增加管道,或修改期望",
    ),
    "ZG222": Text(
        "expectations `{one}` and `{two}` ({place}) disagree: one forbids what the other wants",
        "decide which of them is meant",
        "期望“{one}”与“{two}”({place})矛盾:一个禁止,一个要求",
        "请确定以哪个为准",
    ),
    "ZG223": Text(
        "waiver `{waiver}` of {check} for `{of}` ended on {until}",
        "mend what it excused, or have the waiver renewed",
        "豁免“{waiver}”({check},{of})已于 {until} 到期",
        "请改正所豁免的问题,或重新办理豁免",
    ),
    "ZG224": Text(
        "waiver `{waiver}` excuses nothing: {check} does not complain of `{of}`",
        "delete it",
        "豁免“{waiver}”没有对象:{check} 并未涉及“{of}”",
        "请删除",
    ),
    "ZG225": Text(
        "waiver `{waiver}`: {check} cannot be waived",
        "only {waivable} can; the others state the law",
        "豁免“{waiver}”:{check} 不可豁免",
        "可豁免的仅有 {waivable};其余为法律规定",
    ),
    "ZG226": Text(
        "conduit `{conduit}`: no links join `{source}` and `{destination}`",
        "give one of the sites a hub, or take the conduit away",
        "管道“{conduit}”:没有链路连接“{source}”与“{destination}”",
        "请为站点指定接入站点,或删除管道",
    ),
    "ZG227": Text(
        "expectation `{expectation}` fails: `{source}` must not reach `{destination}`, "
        "and a conduit carries {ports}",
        "take the conduit away, or change what is expected",
        "期望“{expectation}”不成立:“{source}”不得到达“{destination}”,但有管道承载 {ports}",
        "请删除管道,或修改期望",
    ),
    "ZG228": Text(
        "resource `{resource}`: its service `{service}` is {ports}; requests come by one tcp port",
        "give it a service of one tcp port",
        "客体“{resource}”的服务“{service}”为 {ports},而请求只经一个 tcp 端口",
        "请改用只有一个 tcp 端口的服务",
    ),
    "ZG229": Text(
        "subjects `{subject}` and `{other}` are known by one certificate, `{certificate}`",
        "give each its own: who asks must be one of them",
        "主体“{subject}”与“{other}”使用同一证书“{certificate}”",
        "请各用各的证书:发起者只能是其中之一",
    ),
    "ZG230": Text(
        "grants `{one}` and `{two}` both let `{subject}` do {method} to `{resource}` from `{zone}`",
        "keep one of them, or narrow them, so that it is clear by which a request passes",
        "授权“{one}”与“{two}”都准许“{subject}”从“{zone}”对“{resource}”执行 {method}",
        "请保留其一或分别缩小,使每个请求只凭一项授权",
    ),
    "ZG231": Text(
        "resource `{resource}`: its application does {one} and {two} both by {methods}",
        "by its request the one could not be told from the other; divide the resource by paths, "
        "or name other methods",
        "客体“{resource}”的 {one} 与 {two} 都用 {methods}",
        "凭请求无法区分两者;请按路径拆分客体,或改用不同的方法",
    ),
    "ZG232": Text(
        "resources `{resource}` and `{other}` have one path, {path}",
        "name each path once for a zone and service",
        "客体“{resource}”与“{other}”的路径同为 {path}",
        "同一安全域、同一服务的每个路径只写一次",
    ),
    "ZG233": Text(
        "the services of `{one}` and `{two}` would both be asked for as {host}",
        "call one of the zones otherwise",
        "“{one}”与“{two}”的服务都会被称为 {host}",
        "请更改其中一个安全域的名称",
    ),
    "ZG234": Text(
        "what `{zone}` serves would be asked for as {label}, of more than {longest} letters",
        "give the zone or its site a shorter name; no host's name has so long a part",
        "“{zone}”所提供的服务会被称为 {label},超过 {longest} 个字符",
        "请缩短安全域或站点的名称;主机名的每一段不得如此之长",
    ),
    "ZG235": Text(
        "resource `{resource}` is a stream, and `{other}` is reached by the same port, {port}",
        "give the stream a service with a port of its own: who connects is asked for nothing more",
        "客体“{resource}”为数据流,而“{other}”使用同一端口 {port}",
        "请为数据流另设使用独立端口的服务:连接之后不再逐次判定",
    ),
    "ZG238": Text(
        "requests to `{service}` of `{zone}` are judged at the gateway, and conduit `{conduit}`"
        " leads to another service of it on {port}",
        "give one of the two services another port",
        "对“{zone}”服务“{service}”的请求在网关判定,"
        "而管道“{conduit}”通往网关同一端口 {port} 的另一服务",
        "请为其中一个服务改用其他端口",
    ),
    "ZG239": Text(
        "waiver `{waiver}` holds until {until}, more than {limit} days from now",
        "give it an earlier end; what is still needed then is approved again, "
        "as the yearly assessment is (信息安全等级保护管理办法 article 14)",
        "豁免“{waiver}”至 {until},距今超过 {limit} 天",
        "请提前截止日期;届时仍有需要的,与年度测评一样重新审批(《信息安全等级保护管理办法》第十四条)",
    ),
    "ZG240": Text(
        "waiver `{waiver}` excuses nothing: no host of ours has `{setting}` at the sites it names",
        "delete it, or name other sites",
        "豁免“{waiver}”没有对象:所列站点没有我方主机适用设置“{setting}”",
        "请删除,或改列其他站点",
    ),
    "ZG241": Text(
        "waiver `{waiver}` of setting `{setting}` ended on {until}",
        "delete it, and provision its hosts, which then have the setting; or have it renewed",
        "主机设置“{setting}”的豁免“{waiver}”已于 {until} 到期",
        "请删除并重新部署相关主机,使设置生效;或重新办理豁免",
    ),
}
