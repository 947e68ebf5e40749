"""Errors ZG3xx: what was signed about a plan, by whom, and whether it may follow."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

_NOT_EDITED = "the file is written by `loushan policy sign` only; sign again"
_NOT_EDITED_ZH = "该文件只由 `loushan policy sign` 写入;请重新签名"
_ISSUE_AGAIN = "have the signer authority issue the right certificate"
_ISSUE_AGAIN_ZH = "请由签名人签发机构签发正确的证书"
_REVIEW_AGAIN = "put the signed content back, or have the new content reviewed and signed"
_REVIEW_AGAIN_ZH = "请恢复已签名的内容,或将新内容重新送审并签名"
_NEW_LIST = "bring a new list from the signer authority: `loushan pki renew-crl`"
_NEW_LIST_ZH = "请从签名人签发机构取得新的吊销列表:`loushan pki renew-crl`"

TEXTS: Mapping[str, Text] = {
    "ZG301": Text(
        "the plan is not signed: there is no release",
        "have it signed by the author and the Secrecy Bureau: `loushan policy sign`",
        "规划尚未签名:没有发布文件",
        "请由编制人和保密局分别签名:`loushan policy sign`",
    ),
    "ZG302": Text(
        "not the JSON of a release: {error}",
        _NOT_EDITED,
        "不是发布文件的 JSON:{error}",
        _NOT_EDITED_ZH,
    ),
    "ZG303": Text(
        "the key `{key}` stands here a second time",
        _NOT_EDITED,
        "键“{key}”重复出现",
        _NOT_EDITED_ZH,
    ),
    "ZG304": Text(
        "{part} does not have exactly the fields {fields}",
        _NOT_EDITED,
        "{part} 的字段必须恰好是:{fields}",
        _NOT_EDITED_ZH,
    ),
    "ZG305": Text(
        "`{field}` does not have the right form: {wanted}",
        _NOT_EDITED,
        "“{field}”形式不符,应为:{wanted}",
        _NOT_EDITED_ZH,
    ),
    "ZG306": Text(
        "says a thing in another form than it was written in",
        _NOT_EDITED,
        "内容与写入时的规范形式不一致",
        _NOT_EDITED_ZH,
    ),
    "ZG307": Text(
        "the release has format {found}, this version reads {known}",
        "use the version of Loushan that signed it, or sign again with this one",
        "发布文件的格式为 {found},本版本只能读取 {known}",
        "请使用签名时的版本,或用本版本重新签名",
    ),
    "ZG310": Text(
        "the release is of plan `{found}`, the documents are of plan `{plan}`",
        "copy a plan together with its own release folder",
        "发布文件属于规划“{found}”,而文档属于规划“{plan}”",
        "规划须与其自身的发布文件夹一起复制",
    ),
    "ZG311": Text(
        "`{path}` was altered after it was signed",
        _REVIEW_AGAIN,
        "“{path}”在签名后被改动",
        _REVIEW_AGAIN_ZH,
    ),
    "ZG312": Text(
        "`{path}` was added after the plan was signed",
        _REVIEW_AGAIN,
        "“{path}”是签名后增加的",
        _REVIEW_AGAIN_ZH,
    ),
    "ZG313": Text(
        "`{path}` was signed and is missing",
        _REVIEW_AGAIN,
        "已签名的“{path}”不见了",
        _REVIEW_AGAIN_ZH,
    ),
    "ZG314": Text(
        "the difference is not the one that was reviewed and signed",
        _REVIEW_AGAIN,
        "访问权限差异与审阅、签名时的不一致",
        _REVIEW_AGAIN_ZH,
    ),
    "ZG315": Text(
        "the reviewed difference is missing",
        "copy a plan together with its whole release folder",
        "缺少经审阅的访问权限差异",
        "规划须与完整的发布文件夹一起复制",
    ),
    "ZG316": Text(
        "not yet valid: signed for {begin} to {end}, and it is {now}",
        "wait, or compare the clock of this machine with another",
        "尚未生效:签名的有效期为 {begin} 至 {end},现在是 {now}",
        "请等到生效时间,或核对本机时钟",
    ),
    "ZG317": Text(
        "expired: signed for {begin} to {end}, and it is {now}",
        "have a new revision reviewed and signed; the one in force stays in force",
        "已过期:签名的有效期为 {begin} 至 {end},现在是 {now}",
        "请将新修订送审并签名;现行策略继续有效",
    ),
    "ZG318": Text(
        "the validity ends before it begins: {begin} to {end}",
        "exchange the two times",
        "有效期的结束早于开始:{begin} 至 {end}",
        "请对调两个时间",
    ),
    "ZG319": Text(
        "valid for longer than {limit} days: {begin} to {end}",
        "choose an earlier end; a plan is reviewed every year",
        "有效期超过 {limit} 天:{begin} 至 {end}",
        "请选择更早的结束时间;规划应每年复审",
    ),
    "ZG320": Text(
        "revision {revision} was compared with {base}, which is not an earlier one",
        "give the new revision a higher number",
        "修订 {revision} 的比较对象是 {base},并非更早的修订",
        "请为新修订取更大的编号",
    ),
    "ZG321": Text(
        "{path} is not plain text in NFC",
        "rename it; what a reader cannot see is not signed",
        "{path} 不是 NFC 规范的可见文本",
        "请改名;读者看不见的内容不予签名",
    ),
    "ZG330": Text(
        "there is no signature in the role `{role}`",
        "two people sign: the author of the information centre and the Secrecy Bureau",
        "缺少“{role}”的签名",
        "须由两人签名:信息中心编制人(author)和保密局(bureau)",
    ),
    "ZG331": Text(
        "there is more than one signature in the role `{role}`",
        _NOT_EDITED,
        "“{role}”有不止一个签名",
        _NOT_EDITED_ZH,
    ),
    "ZG332": Text(
        "`{name}` may be the same person as the other signer: name, number or key is shared",
        "have somebody else sign; nobody approves their own plan",
        "“{name}”与另一签名人可能是同一人:姓名、编号或密钥相同",
        "请由另一人签名;任何人不得审批自己编制的规划",
    ),
    "ZG333": Text(
        "the signature of `{name}` is not of this release",
        "something signed was altered, or the signature belongs elsewhere; sign again",
        "“{name}”的签名与本发布文件不符",
        "签名内容被改动,或签名来自别处;请重新签名",
    ),
    "ZG334": Text(
        "the signature algorithm `{algorithm}` is not known",
        "the algorithms are {known}",
        "不认识签名算法“{algorithm}”",
        "可用的算法有:{known}",
    ),
    "ZG335": Text(
        "the algorithm `{algorithm}` does not fit the key of `{name}`",
        "sign again; the kind of key decides the algorithm",
        "算法“{algorithm}”与“{name}”的密钥不匹配",
        "请重新签名;算法由密钥种类决定",
    ),
    "ZG336": Text(
        "`{name}` signed at {at}, which is in the future",
        "compare the clocks of this machine and of the signer's",
        "“{name}”的签名时间 {at} 在未来",
        "请核对本机与签名人机器的时钟",
    ),
    "ZG337": Text(
        "`{name}` signed at {at}, after the release had expired",
        "prepare a new revision and sign it",
        "“{name}”的签名时间 {at} 晚于发布文件的有效期",
        "请编制新修订并签名",
    ),
    "ZG338": Text(
        "not one readable X.509 certificate in PEM form: {error}",
        _ISSUE_AGAIN,
        "不是单个可读取的 PEM 格式 X.509 证书:{error}",
        _ISSUE_AGAIN_ZH,
    ),
    "ZG340": Text(
        "the certificate of `{name}` was not issued by the signer authority",
        "only who is trusted here counts; look at who signed, and at authority.pem",
        "“{name}”的证书不是由签名人签发机构直接签发的",
        "只承认此处信任的机构;请核对签名人和 authority.pem",
    ),
    "ZG341": Text(
        "the certificate of `{name}` is valid from {begin} to {end}, not at {at}",
        _ISSUE_AGAIN,
        "“{name}”的证书有效期为 {begin} 至 {end},在 {at} 无效",
        _ISSUE_AGAIN_ZH,
    ),
    "ZG343": Text(
        "`{name}` may sign as `{found}`, not as `{role}`",
        "have the person sign whose role it is",
        "“{name}”只能以“{found}”身份签名,不能以“{role}”身份签名",
        "请由担任该角色的人签名",
    ),
    "ZG344": Text(
        "the certificate of `{name}` does not state exactly one signer's role",
        _ISSUE_AGAIN,
        "“{name}”的证书没有恰好写明一个签名角色",
        _ISSUE_AGAIN_ZH,
    ),
    "ZG345": Text(
        "the certificate of `{name}` is not for signatures alone",
        "an authority's certificate, or one for another purpose, signs no plan",
        "“{name}”的证书不是专用于签名的证书",
        "签发机构证书或其他用途的证书不能签署规划",
    ),
    "ZG346": Text(
        "the certificate of `{name}` has a condition that is not understood: {extension}",
        _ISSUE_AGAIN,
        "“{name}”的证书含有无法理解的关键扩展:{extension}",
        _ISSUE_AGAIN_ZH,
    ),
    "ZG347": Text(
        "the certificate's subject does not have one common name and one serialNumber",
        _ISSUE_AGAIN,
        "证书主体没有恰好一个通用名(CN)和一个编号(serialNumber)",
        _ISSUE_AGAIN_ZH,
    ),
    "ZG348": Text(
        "the certificate of `{name}` is revoked: serial {serial}",
        "have the release signed by somebody whose certificate is good",
        "“{name}”的证书已被吊销:序列号 {serial}",
        "请由证书有效的人重新签名",
    ),
    "ZG349": Text(
        "the certificate of `{name}` has a kind of key that is not taken",
        "the kinds are Ed25519, and ECDSA on P-256 or P-384",
        "“{name}”的证书所用密钥种类不受支持",
        "可用的有 Ed25519,以及 P-256 或 P-384 上的 ECDSA",
    ),
    "ZG350": Text(
        "there is no certificate of a signer authority here",
        "bring authority.pem from the signer authority by hand, and compare its digest",
        "此处没有签名人签发机构的证书",
        "请从签发机构当面取得 authority.pem,并核对摘要",
    ),
    "ZG351": Text(
        "what stands here as the signer authority may not issue certificates and revocations",
        "bring authority.pem from the signer authority by hand, and compare its digest",
        "此处所列的签发机构无权签发证书和吊销列表",
        "请从签发机构当面取得 authority.pem,并核对摘要",
    ),
    "ZG352": Text(
        "the signer authority's certificate is valid from {begin} to {end} only",
        "bring the new authority.pem by hand, and have the plan signed again",
        "签发机构证书的有效期仅为 {begin} 至 {end}",
        "请当面取得新的 authority.pem,并重新签署规划",
    ),
    "ZG353": Text(
        "there is no list of revocations of the signer authority",
        _NEW_LIST,
        "没有签名人签发机构的吊销列表",
        _NEW_LIST_ZH,
    ),
    "ZG354": Text(
        "the list of revocations is not signed by the signer authority",
        _NEW_LIST,
        "吊销列表不是由签名人签发机构签名的",
        _NEW_LIST_ZH,
    ),
    "ZG355": Text(
        "the list of revocations was good until {end}",
        _NEW_LIST,
        "吊销列表有效至 {end}",
        _NEW_LIST_ZH,
    ),
    "ZG356": Text(
        "the list of revocations is good only from {begin} on",
        "compare the clock of this machine with the signer authority's",
        "吊销列表自 {begin} 起才有效",
        "请核对本机与签发机构的时钟",
    ),
    "ZG357": Text(
        "the list of revocations is partial, or has a condition that is not understood",
        _NEW_LIST,
        "吊销列表不完整,或含有无法理解的条件",
        _NEW_LIST_ZH,
    ),
    "ZG358": Text(
        "not a readable list of revocations", _NEW_LIST, "不是可读取的吊销列表", _NEW_LIST_ZH
    ),
    "ZG362": Text(
        "the difference was reviewed against revision {base}, but {accepted} was accepted since, "
        "or with other content",
        "compare with the accepted revision, and have that difference reviewed and signed",
        "差异是与修订 {base} 比较后审阅的,但此后已接受修订 {accepted},或其内容不同",
        "请与已接受的修订比较,并将该差异送审、签名",
    ),
    "ZG363": Text(
        "this host follows plan `{accepted}`, the release is of plan `{plan}`",
        "send each host the release of its own plan",
        "本机执行规划“{accepted}”,而发布文件属于规划“{plan}”",
        "请向每台主机发送其所属规划的发布文件",
    ),
    "ZG370": Text(
        "the key is not that of the certificate of `{name}`",
        "give the key and the certificate of one person",
        "密钥与“{name}”的证书不配对",
        "请给出同一人的密钥和证书",
    ),
    "ZG371": Text(
        "not a private key in PEM form, or the passphrase is wrong or missing",
        "look at the file, then at the passphrase",
        "不是 PEM 格式的私钥,或口令有误、缺失",
        "请先检查文件,再检查口令",
    ),
    "ZG372": Text(
        "others than the owner may read this private key",
        "think whether it is still secret; then: chmod 600",
        "属主以外的人可以读取该私钥",
        "请先判断私钥是否已泄露,再执行:chmod 600",
    ),
    "ZG373": Text(
        "the role `{role}` has signed this release already",
        "to sign anew, prepare the release again; the other signature then falls away too",
        "“{role}”已经签过本发布文件",
        "如需重签,请重新准备发布文件;另一签名也随之作废",
    ),
    "ZG380": Text(
        "the stored difference is not the one between the two plans",
        "compare again with `loushan policy diff`; have what is really there reviewed and signed",
        "所存的访问权限差异与两份规划之间的实际差异不一致",
        "请用 `loushan policy diff` 重新比较,并将实际差异送审、签名",
    ),
    "ZG381": Text(
        "the author compared with another release than the one given here",
        "give the author's own `--base`, or have the author sign anew",
        "编制人所比较的发布文件与此处给出的不同",
        "请用 `--base` 给出编制人所比较的规划,或请编制人重新签名",
    ),
    "ZG382": Text(
        "nobody is there to agree: this is no terminal",
        "run it in a terminal, or say `--yes` after the difference was read",
        "不在终端中,无人确认",
        "请在终端中运行;或在阅读差异之后使用 `--yes`",
    ),
    "ZG383": Text(
        "the revision number was not typed: nothing was signed",
        "read the difference once more, then type the number shown",
        "未输入修订号:没有签署",
        "请再次阅读差异,然后输入所示的修订号",
    ),
}
