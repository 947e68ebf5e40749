"""Errors ZG28x: archives of what would be lost with a host."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG280": Text(
        "the archive cannot be read: {error}",
        "it was cut off, or is none; take the one before it",
        "归档无法读取:{error}",
        "归档不完整或并非归档;请使用更早的一份",
    ),
    "ZG281": Text(
        "the archive is not what was kept: `{name}`: {why_en}",
        "somebody has changed it; take another copy, and find out who could write there",
        "归档与备份时不一致:“{name}”:{why_zh}",
        "归档已被改动;请使用另一份副本,并查明谁能写入该处",
    ),
    "ZG282": Text(
        "the archive is of the host `{of}`, not of `{host}`",
        "name the archive of this host: each begins with its host's name",
        "该归档属于主机“{of}”,而非“{host}”",
        "请指定本主机的归档:文件名以主机名开头",
    ),
    "ZG283": Text(
        "a decision log in the archive is not as it was written, or does not begin as it was kept "
        "before",
        "see the runbook DecisionLogDamaged; the archive is evidence, leave it where it is",
        "归档中的判定日志与写入时不一致,或与此前备份不相衔接",
        "请查看手册 DecisionLogDamaged;该归档即为证据,请保留原处",
    ),
    "ZG284": Text(
        "the decision log `{log}` was kept before and is not there any more",
        "where the host was installed anew, give back its history first (restore.yml); where the "
        "log was given up knowingly, move {note} away",
        "此前备份过的判定日志“{log}”已不存在",
        "若主机已重装,请先恢复其历史(restore.yml);若确已放弃该日志,请移走 {note}",
    ),
    "ZG285": Text(
        "the host had accepted {accepted}, and what is signed here is {signed}",
        "fetch the newest signed plan first: the host would accept no other one",
        "该主机曾接受 {accepted},而此处签署的是 {signed}",
        "请先取得最新的已签署规划:否则该主机将不再接受任何规划",
    ),
    "ZG286": Text(
        "others could read the archives in this folder",
        "archives say who asked for what: `chmod 0700`, or name another folder by backup_to",
        "他人可读取该文件夹中的归档",
        "归档记录了何人申请了何事:请 `chmod 0700`,或用 backup_to 另行指定文件夹",
    ),
}
