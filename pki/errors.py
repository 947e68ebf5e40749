"""What the authorities refuse, and what to do then, in both languages."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Words:
    """What is wrong and what to do; `{name}` is filled in."""

    en: str
    en_help: str
    zh: str
    zh_help: str


class Code(Enum):
    """Every refusal; its name is the code that a reader can search for."""

    ZP001 = Words(
        "`{file}` is there already",
        "name an empty folder; no key is ever overwritten",
        "“{file}”已存在",
        "请给出空文件夹;密钥绝不覆盖",
    )
    ZP002 = Words(
        "`{file}` cannot be read or written: {error}",
        "check the folder's owner and mode",
        "“{file}”无法读写:{error}",
        "请检查文件夹的属主和权限",
    )
    ZP003 = Words(
        "`{file}` is not readable as {wanted}, or the passphrase is wrong or missing",
        "name the folder that `loushan pki signers` made, and its passphrase file",
        "“{file}”不能作为 {wanted} 读取,或口令有误、缺失",
        "请给出 `loushan pki signers` 建立的文件夹及其口令文件",
    )
    ZP004 = Words(
        "no certificate here has the name or serial `{wanted}`",
        "the certificates are {known}",
        "此处没有名称或序列号为“{wanted}”的证书",
        "现有证书:{known}",
    )
    ZP005 = Words(
        "the certificate `{wanted}` is revoked already",
        "nothing to do; `loushan pki renew-crl` makes the list fresh",
        "证书“{wanted}”早已吊销",
        "无需操作;`loushan pki renew-crl` 可更新列表",
    )
    ZP006 = Words(
        "the passphrase in `{file}` is shorter than {shortest} characters",
        "write a longer one on the first line of that file",
        "“{file}”中的口令少于 {shortest} 个字符",
        "请在该文件首行写入更长的口令",
    )
    ZP007 = Words(
        "the clock says {now}, which cannot be",
        "set the clock; nothing was signed",
        "系统时钟为 {now},显然有误",
        "请校正时钟;未签发任何内容",
    )
    ZP008 = Words(
        "the clock says {now}, but something here was signed at {latest}",
        "set the clock; if it was ahead before, wait, or restore the folder from its copy",
        "系统时钟为 {now},但此处已有 {latest} 签署的内容",
        "请校正时钟;若先前时钟超前,请等待或用备份恢复该文件夹",
    )
    ZP009 = Words(
        "`{file}` is no regular file, or is larger than {limit} bytes",
        "put back the file that belongs there",
        "“{file}”不是普通文件,或超过 {limit} 字节",
        "请放回原有文件",
    )
    ZP010 = Words(
        "another operation holds `{file}`",
        "wait until it ends, then try again; who it is: `fuser {file}`",
        "另一操作正占用“{file}”",
        "请等其结束后重试;查看占用者:`fuser {file}`",
    )
    ZP011 = Words(
        "others may read or write the key `{file}`: its mode is {mode}",
        "if somebody may have read it, revoke what it certifies; then `chmod 600 {file}`",
        "他人可读写密钥“{file}”:权限为 {mode}",
        "若可能已被读取,先吊销其相关证书,再执行 `chmod 600 {file}`",
    )
    ZP012 = Words(
        "`{file}` is not the settings of a folder of authorities",
        "name the folder that `loushan pki init` made, or restore it from its copy",
        "“{file}”不是签发机构文件夹的设置",
        "请给出 `loushan pki init` 建立的文件夹,或用备份恢复",
    )
    ZP013 = Words(
        "`{file}` does not belong to the authority `{name}` of this folder",
        "put back its own file; a key or list of another authority is never used",
        "“{file}”不属于此文件夹的签发机构“{name}”",
        "请放回其自身的文件;绝不使用其他机构的密钥或列表",
    )
    ZP015 = Words(
        "`{file}` is not the certificate that its name says",
        "restore the file from the folder's copy",
        "“{file}”与其文件名所示证书不符",
        "请用备份恢复该文件",
    )
    ZP016 = Words(
        "the authority `{name}` ends on {end}, before what it would sign",
        "make a new authority in a ceremony: `loushan pki ceremony`",
        "签发机构“{name}”于 {end} 到期,早于其将签发的内容",
        "请通过仪式建立新的签发机构:`loushan pki ceremony`",
    )
    ZP017 = Words(
        "the root's key lies in `{file}`, on a machine that answers the network",
        "move it to the offline medium, then start again",
        "根密钥位于“{file}”,而本机面向网络提供服务",
        "请将其移至离线介质后再启动",
    )
    ZP020 = Words(
        "{where}: a profile of this kind has no word `{word}`",
        "its words are {known}",
        "{where}:此类配置文件没有“{word}”一词",
        "可用的词:{known}",
    )
    ZP021 = Words(
        "{where}: the word `{word}` is missing",
        "every word of a profile is said; see pki/profiles",
        "{where}:缺少“{word}”",
        "配置文件的每个词均须写明;参见 pki/profiles",
    )
    ZP022 = Words(
        "{where}: `{word}` does not have a value that it can have",
        "it can be: {wanted}",
        "{where}:“{word}”的取值无效",
        "可取:{wanted}",
    )
    ZP023 = Words(
        "{where}: not YAML with one mapping: {error}",
        "write it as the profiles in pki/profiles are",
        "{where}:不是单一映射的 YAML:{error}",
        "请按 pki/profiles 中的格式书写",
    )
    ZP024 = Words(
        "no profile of this kind is called `{name}`",
        "they are {known}",
        "没有名为“{name}”的此类配置",
        "现有:{known}",
    )
    ZP025 = Words(
        "{where}: the word `{word}` stands here a second time",
        "keep one of the two",
        "{where}:“{word}”重复出现",
        "请保留其一",
    )
    ZP026 = Words(
        "`{folder}` does not have exactly one profile of the kind `{kind}`",
        "name a folder with all profiles, as pki/profiles",
        "“{folder}”中“{kind}”类配置不是恰好一个",
        "请给出包含全部配置的文件夹,如 pki/profiles",
    )
    ZP027 = Words(
        "`{name}` stands for more than one thing: {profiles}",
        "say which: `--profile`, or the serial from `loushan pki status`",
        "“{name}”对应多个对象:{profiles}",
        "请指明:使用 `--profile`,或 `loushan pki status` 中的序列号",
    )
    ZP030 = Words(
        "this is no request for a certificate (PKCS #10)",
        "make it on the host: `openssl req -new -key KEY -subj /CN=NAME`",
        "这不是证书请求(PKCS #10)",
        "请在主机上生成:`openssl req -new -key KEY -subj /CN=NAME`",
    )
    ZP031 = Words(
        "the request is not signed by its own key",
        "make it anew on the host that has the key",
        "证书请求未由其自身密钥签名",
        "请在持有密钥的主机上重新生成",
    )
    ZP032 = Words(
        "the request has a key of the kind {found}",
        "this profile takes {known}",
        "证书请求的密钥类型为 {found}",
        "此配置接受:{known}",
    )
    ZP033 = Words(
        "the request asks for {asked}, but `{name}` is what is authorised",
        "make it for that name alone",
        "证书请求的名称为 {asked},但获准的是“{name}”",
        "请仅为该名称生成请求",
    )
    ZP034 = Words(
        "the request asks for the extension {extension}",
        "ask for a name alone; the profile says everything else",
        "证书请求包含扩展 {extension}",
        "请只申请名称;其余内容由配置决定",
    )
    ZP035 = Words(
        "`{name}` cannot be a name here",
        "a host or plan is one word of small letters, digits and hyphens; a post has "
        "64 characters at most, each of which a reader sees",
        "“{name}”不能用作名称",
        "主机与规划名为一个由小写字母、数字、连字符组成的词;岗位名不得含隐藏字符,最长 64 字符",
    )
    ZP036 = Words(
        "`{name}` has a certificate in force: {serials}",
        "`loushan pki renew` gives it another; `loushan pki revoke` ends it",
        "“{name}”已有有效证书:{serials}",
        "续期请用 `loushan pki renew`,终止请用 `loushan pki revoke`",
    )
    ZP037 = Words(
        "the key in the request was certified for `{name}` ({serial}) and then revoked",
        "make a new key on the host; a revoked key never comes back",
        "请求中的密钥曾为“{name}”({serial})签发,后被吊销",
        "请在主机上生成新密钥;已吊销的密钥绝不再用",
    )
    ZP038 = Words(
        "`{name}` has {most} certificates in force, which is the most",
        "find out why it renews so often; a timer of its host may be wrong",
        "“{name}”已有 {most} 张有效证书,达到上限",
        "请查明其频繁续期的原因;主机上的定时器可能有误",
    )
    ZP039 = Words(
        "`{name}` has no certificate that could be renewed",
        "`loushan pki issue` gives the first one",
        "“{name}”没有可续期的证书",
        "首张证书请用 `loushan pki issue`",
    )
    ZP040 = Words(
        "no enrolment code of `{name}` is the one that was shown",
        "make one: `loushan pki enrol DIR NAME`; a new one ends those before it",
        "出示的并非“{name}”的接入码",
        "请生成接入码:`loushan pki enrol DIR NAME`;新码使旧码失效",
    )
    ZP041 = Words(
        "the enrolment code of `{name}` ended at {end}",
        "make a new one: `loushan pki enrol DIR NAME`",
        "“{name}”的接入码已于 {end} 失效",
        "请重新生成:`loushan pki enrol DIR NAME`",
    )
    ZP042 = Words(
        "the enrolment code of `{name}` was used for another key",
        "if that was not you, revoke `{name}`; then make a new code",
        "“{name}”的接入码已用于另一密钥",
        "若非本人操作,请吊销“{name}”后重新生成接入码",
    )
    ZP045 = Words(
        "the certificate {serial} of `{name}` is revoked",
        "it never comes back; make a new key, and admit the host anew: `loushan pki enrol`",
        "“{name}”的证书 {serial} 已被吊销",
        "不可恢复;请生成新密钥并重新接纳该主机:`loushan pki enrol`",
    )
    ZP046 = Words(
        "no certificate was shown that was issued here",
        "renew with the certificate in force and its key, by TLS",
        "未出示由此处签发的证书",
        "请通过 TLS 以现行证书及其密钥续期",
    )
    ZP047 = Words(
        "the certificate of `{name}` is of a kind that does not renew itself",
        "a person renews it: `loushan pki renew`",
        "“{name}”的证书种类不可自行续期",
        "请由人员执行 `loushan pki renew`",
    )
    ZP048 = Words(
        "the certificate of `{name}` ended, and its grace too, on {end}",
        "admit it anew: `loushan pki enrol`",
        "“{name}”的证书及其宽限期已于 {end} 结束",
        "请重新接纳:`loushan pki enrol`",
    )
    ZP049 = Words(
        "cannot listen on `{listen}`: {error}",
        "give HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443, that nobody else has",
        "无法监听“{listen}”:{error}",
        "请给出未被占用的 HOST:PORT,如 127.0.0.1:8443 或 [::1]:8443",
    )
    ZP051 = Words(
        "`{file}` and its key do not make a server: {error}",
        "give the certificate from `loushan pki issue --profile service`, and its key",
        "“{file}”及其密钥不能用于服务器:{error}",
        "请给出 `loushan pki issue --profile service` 签发的证书及其密钥",
    )
    ZP052 = Words(
        "the root's key is never written in the clear",
        "give `--passphrase-file FILE`, or `--pkcs11 MODULE --token LABEL --pin-file FILE`",
        "根密钥绝不以明文写入",
        "请给出 `--passphrase-file FILE`,或 `--pkcs11 MODULE --token LABEL --pin-file FILE`",
    )
    ZP053 = Words(
        "a certificate of the profile `{profile}` is made from {wanted}",
        "see `loushan pki issue --help`",
        "“{profile}”类证书须由 {wanted} 生成",
        "参见 `loushan pki issue --help`",
    )
    ZP054 = Words(
        "the library for PKCS #11 tokens is not installed",
        "install the list `token` of pyproject.toml: `.venv/bin/pip install python-pkcs11`",
        "未安装 PKCS #11 令牌所需的库",
        "请安装 pyproject.toml 中的 `token` 列表:`.venv/bin/pip install python-pkcs11`",
    )
    ZP055 = Words(
        "the token `{token}` does not do it: {error}",
        "plug it in; check its label, its PIN and `--pkcs11`; too many wrong PINs lock it",
        "令牌“{token}”未能执行:{error}",
        "请插入令牌,核对标签、PIN 与 `--pkcs11`;PIN 多次错误会锁定令牌",
    )
    ZP056 = Words(
        "the list is written, but reached no gateway of `{inventory}`: {error}",
        "run `ansible-playbook playbooks/revoke.yml -i INVENTORY`, and read what it says",
        "列表已写入,但未送达清单“{inventory}”中的任何网关:{error}",
        "请运行 `ansible-playbook playbooks/revoke.yml -i 清单` 并查看其输出",
    )
    ZP060 = Words(
        "this is no public key of SSH",
        "give the host's or administrator's `.pub` file, one line",
        "这不是 SSH 公钥",
        "请给出主机或管理员的 `.pub` 文件(一行)",
    )
    ZP061 = Words(
        "no duty is called `{duty}`",
        "an administrator's principal is `duty:account`; the duties are {known}",
        "没有名为“{duty}”的职责",
        "管理员的 principal 写作“职责:账号”;职责有:{known}",
    )
    ZP062 = Words(
        "`{name}` would have more than one duty: {duties}",
        "system, security and audit are of different people (GB/T 22239-2019, 8.1.5); "
        "wait until the other certificate has ended, or revoke it",
        "“{name}”将同时具有多项职责:{duties}",
        "系统、安全、审计管理员须由不同人员担任(GB/T 22239-2019 8.1.5);请等待原证书到期,或将其吊销",
    )
    ZP070 = Words(
        "this is no certificate of an authority that is valid today",
        "ask the other organ for the certificate of its authority of links, in PEM",
        "这不是当前有效的签发机构证书",
        "请向对方机关索取其链路签发机构的 PEM 证书",
    )
    ZP071 = Words(
        "the certificate has the fingerprint {found}, which is not the one that was compared",
        "compare it again with the other organ, by telephone or in person",
        "该证书指纹为 {found},与核对的指纹不符",
        "请通过电话或当面与对方机关重新核对",
    )
    ZP072 = Words(
        "`{name}` is not a name of another organ",
        "an authority that is recognised has its own organ and its own domain, not ours",
        "“{name}”不是其他机关的名称",
        "被承认的签发机构须使用其自身的机关名与域名,而非本机关的",
    )


class PkiRefused(Exception):  # noqa: N818 - the word the users know
    """An authority refused; carries the code and what fills its words."""

    def __init__(self, code: Code, **params: object) -> None:
        """Carry one refusal."""
        super().__init__(code, params)
        self.code = code
        self._params = params

    def render(self, language: str) -> str:
        """Give the lines that a person reads in a terminal; `zh` or else English."""
        words = self.code.value
        chinese = language == "zh"
        text, advice = (words.zh, words.zh_help) if chinese else (words.en, words.en_help)
        mark = "办法" if chinese else "help"
        filled = text.format_map(self._params), advice.format_map(self._params)
        return f"{self.code.name} {filled[0]}\n  {mark}: {filled[1]}"
