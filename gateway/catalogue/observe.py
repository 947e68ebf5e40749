"""Errors ZG971 to ZG97x, ZG98x and ZG99x: the city's picture, the decision log, the metrics."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG971": Text(
        "the sites of the city cannot be read: {error}",
        "name the folder of a plan by --plan, or the file that the role monitoring_page made of it",
        "城市的站点无法读取:{error}",
        "请用 --plan 指定规划文件夹,或由角色 monitoring_page 生成的文件",
    ),
    "ZG972": Text(
        "`{url}` is no address of a service: it must be http://HOST:PORT or https://HOST:PORT",
        "on the monitoring host, leave it out: Prometheus is asked at http://127.0.0.1:9090",
        "“{url}”不是服务地址:应为 http://主机:端口 或 https://主机:端口",
        "在监控主机上可省略:默认询问 http://127.0.0.1:9090",
    ),
    "ZG973": Text(
        "nothing is known of the city: Prometheus at {url} cannot be asked: {why}",
        "ask on the monitoring host; there, see `systemctl status prometheus`; elsewhere, say "
        "where it is by --prometheus, as `loushan lab open` prints it",
        "无法询问 {url} 的 Prometheus,全城状况不明:{why}",
        "请在监控主机上运行并查看 `systemctl status prometheus`;在别处请用 --prometheus 指明地址,"
        "如 `loushan lab open` 所示",
    ),
    "ZG974": Text(
        "the settings of the monitoring page cannot be understood: {error}",
        "they are shows, readers and hosts; the role monitoring_page writes them",
        "监控页面的设置无法识读:{error}",
        "可用设置为 shows、readers、hosts;由角色 monitoring_page 写入",
    ),
    "ZG980": Text(
        "the settings of the decision log cannot be understood: {error}",
        "it takes origin, raw, folder, key, status, reserve_bytes, behind_bytes, free_bytes, "
        "await_seconds and checkpoint_seconds",
        "判定日志的设置无法识读:{error}",
        "可用设置为 origin、raw、folder、key、status、reserve_bytes、behind_bytes、free_bytes、"
        "await_seconds、checkpoint_seconds",
    ),
    "ZG981": Text(
        "the decision log cannot be read or written: {error}",
        "see whether it is the right folder and who may read it; one follower writes, and nobody "
        "else",
        "无法读取或写入判定日志:{error}",
        "请检查文件夹与读取权限;仅一个记录进程可写入",
    ),
    "ZG982": Text(
        "records {first} to {last} are missing: record {found} stands in their place",
        "somebody took them away; see the runbook DecisionLogDamaged",
        "缺少记录 {first} 至 {last}:该处为记录 {found}",
        "记录被删除;请查看手册 DecisionLogDamaged",
    ),
    "ZG983": Text(
        "record {found} is out of place: record {wanted} belongs there",
        "somebody added one, or changed their order; see the runbook DecisionLogDamaged",
        "记录 {found} 不在其位:此处应为记录 {wanted}",
        "记录被添加或调换次序;请查看手册 DecisionLogDamaged",
    ),
    "ZG984": Text(
        "record {number} is not as it was written: {error}",
        "somebody altered it; see the runbook DecisionLogDamaged",
        "记录 {number} 与写入时不符:{error}",
        "记录被篡改;请查看手册 DecisionLogDamaged",
    ),
    "ZG985": Text(
        "the checkpoint is not one that the log's key signed: {error}",
        "see that --key is this gateway's; then somebody forged it: runbook DecisionLogDamaged",
        "该检查点不是由日志密钥签署:{error}",
        "请确认 --key 属于本网关;若属实则为伪造,请查看手册 DecisionLogDamaged",
    ),
    "ZG986": Text(
        "the log ends after {have} records, and a checkpoint was signed for {size}",
        "its end was cut off; see the runbook DecisionLogDamaged",
        "日志仅有 {have} 条记录,而检查点签署了 {size} 条",
        "日志尾部被截断;请查看手册 DecisionLogDamaged",
    ),
    "ZG987": Text(
        "decisions {first} to {last} of the process {process} were made and never recorded",
        "see the runbook DecisionLogDamaged; who has seen to it keeps a newer checkpoint and "
        "names it by --from",
        "进程 {process} 的判定 {first} 至 {last} 已作出但未记录",
        "请查看手册 DecisionLogDamaged;处理后请留存较新的检查点并以 --from 指定",
    ),
    "ZG988": Text(
        "the key of the decision log cannot be used: {error}",
        "a log keeps its key for ever; put the key back, or begin a log in an empty folder",
        "判定日志的密钥无法使用:{error}",
        "日志密钥不得更换;请放回原密钥,或在空文件夹中另建日志",
    ),
    "ZG989": Text(
        "no decision is found by `{text}`: {why_en}",
        "an id is the gateway, the start of its proxy and a number, such as city-gw.1764081000.17",
        "找不到判定“{text}”:{why_zh}",
        "编号由网关、代理启动时间与序号组成,例如 city-gw.1764081000.17",
    ),
    "ZG990": Text(
        "the settings of the metrics cannot be understood: {error}",
        "they are readers and hub; the role gateway_metrics writes them",
        "指标服务的设置无法识读:{error}",
        "可用设置为 readers、hub;由角色 gateway_metrics 写入",
    ),
    "ZG991": Text(
        "the certificate or the authority of the metrics cannot be used: {error}",
        "run playbooks/provision.yml for this gateway",
        "指标服务的证书或签发机构文件无法使用:{error}",
        "请对本网关运行 playbooks/provision.yml",
    ),
}
