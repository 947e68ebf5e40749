"""Errors ZG91x: evidence for the standard."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG914": Text(
        "no host was asked: {said}",
        "see that --inventory is right, and that --limit names hosts of it",
        "未询问任何主机:{said}",
        "请检查 --inventory 与 --limit",
    ),
    "ZG915": Text(
        "evidence is asked for where the playbooks are: there is none at {place}",
        "run it on the administrator's machine, from the checkout",
        "取证须在存有 playbook 的管理机上进行:{place} 处没有",
        "请在管理机的源码目录运行",
    ),
    "ZG916": Text(
        "the PDF cannot be made: {error}",
        "it needs Debian's libpangoft2-1.0-0 and fonts-noto-cjk; run ./loushan evidence --pdf as "
        "root once",
        "无法生成 PDF:{error}",
        "需要 Debian 软件包 libpangoft2-1.0-0 与 fonts-noto-cjk;请以 root 运行一次 "
        "./loushan evidence --pdf",
    ),
    "ZG917": Text(
        "the evidence cannot be written to {place}: {error}",
        "name a file or a folder that you may write to",
        "无法写入取证结果 {place}:{error}",
        "请指定可写入的文件或文件夹",
    ),
    "ZG918": Text(
        "what {file} says of a host cannot be read: {error}",
        "ask once more; the playbook and this program must be of one version",
        "{file} 中的主机回答无法识读:{error}",
        "请重新取证;playbook 与本程序须为同一版本",
    ),
}
