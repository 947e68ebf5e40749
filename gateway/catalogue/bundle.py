"""Errors ZG270 to ZG279: one file from which a site without any network is set up."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG270": Text(
        "this is no bundle: {error}",
        "look at the file, and whether all of it was copied; `loushan bundle make` makes one",
        "这不是离线包:{error}",
        "请检查文件及其是否完整复制;离线包由 `loushan bundle make` 生成",
    ),
    "ZG271": Text(
        "nobody who may has signed this bundle: {error}",
        "its signer must be `build:…`, whom {signers} names or certifies, and not be revoked; "
        "use nothing of it, and ask who made it",
        "该离线包没有有权者的签名:{error}",
        "签名者须为 {signers} 所列或所认证的 `build:…`,且未被吊销;请勿使用,并询问制作人",
    ),
    "ZG272": Text(
        "`{name}` is not as it was signed",
        "use nothing of it; copy the bundle anew, and if it is refused again ask who made it",
        "“{name}”与签名时不一致",
        "请勿使用;请重新复制离线包,若仍被拒绝,请询问制作人",
    ),
    "ZG273": Text(
        "`{name}` is missing",
        "copy the whole bundle anew; if the part was never in it, have one made that has it",
        "缺少“{name}”",
        "请重新完整复制离线包;若其中本无此部分,请制作含有它的离线包",
    ),
    "ZG274": Text(
        "`{name}` does not belong into a bundle, or stands there twice",
        "use nothing of it; only regular files that are signed may be there",
        "“{name}”不应在离线包中,或重复出现",
        "请勿使用;离线包中只能有已签名的普通文件",
    ),
    "ZG275": Text(
        "the bundle was made {made}; what is taken was made after {after}, and not in the future",
        "have a new one made; look at this machine's clock; `--days` takes an older one, "
        "but none that is older than the one that was used last",
        "离线包制作于 {made};仅接受 {after} 之后且不在将来制作的离线包",
        "请重新制作,并检查本机时钟;`--days` 可放宽期限,但不能早于上次使用的离线包",
    ),
    "ZG276": Text(
        "no commit has what lies here: {error}",
        "commit it first; with `--dirty` the bundle has what was committed, and nothing else",
        "此处内容尚未提交:{error}",
        "请先提交;使用 `--dirty` 时离线包只含已提交的内容",
    ),
    "ZG277": Text(
        "packages could not be fetched: {error}",
        "a bundle is made on a machine that reaches Debian's mirror and a package index; "
        "`--mirror` and `--security-mirror` name other mirrors",
        "无法获取软件包:{error}",
        "制作离线包的机器须能访问 Debian 镜像与软件包索引;"
        "可用 `--mirror`、`--security-mirror` 另行指定",
    ),
    "ZG278": Text(
        "what was gathered is not whole: {missing}",
        "a host could not be set up from it; look whether a role names a package that is not there",
        "所收集的内容不完整:{missing}",
        "无法据此部署主机;请检查角色所列软件包是否存在",
    ),
    "ZG279": Text(
        "it cannot be written or signed: {error}",
        "name a place that is free; the key is one of OpenSSH, or its certificate beside the key",
        "无法写入或签名:{error}",
        "请给出尚不存在的位置;密钥须为 OpenSSH 格式,或给出与密钥放在一起的证书",
    ),
}
