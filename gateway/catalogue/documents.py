"""Errors ZG0xx: a plan's folder, its files, their YAML and their schema."""

from collections.abc import Mapping

from gateway.catalogue.text import Text

TEXTS: Mapping[str, Text] = {
    "ZG001": Text(
        "no such folder",
        "name the folder of a plan, such as policy/lab",
        "没有这个文件夹",
        "请给出规划所在的文件夹,例如 policy/lab",
    ),
    "ZG002": Text(
        "the folder holds no document",
        "a plan is a folder of .yml documents; start from policy/lab",
        "文件夹中没有任何文档",
        "规划是由 .yml 文档组成的文件夹;可参照 policy/lab",
    ),
    "ZG003": Text(
        "this file is not a document of a plan",
        "keep only .yml documents and README.md in a plan's folder",
        "该文件不是规划文档",
        "规划文件夹中只放 .yml 文档和 README.md",
    ),
    "ZG004": Text(
        "this is a link or a special file, not a document",
        "put the document itself into the folder; what a link points to is not signed",
        "这是链接或特殊文件,不是文档",
        "请把文档本身放入文件夹;链接所指的内容不在签名之内",
    ),
    "ZG005": Text(
        "larger than a plan may be (limit {limit})",
        "split the document, or look for what was put here by mistake",
        "超过规划允许的大小(上限 {limit})",
        "请拆分文档,或检查是否误放了文件",
    ),
    "ZG006": Text(
        "changed while it was being read",
        "wait until nobody writes to it, then try again",
        "读取过程中内容发生了变化",
        "请等无人写入后再试",
    ),
    "ZG007": Text(
        "cannot be read: {error}",
        "check the file's owner and mode",
        "无法读取:{error}",
        "请检查文件的属主和权限",
    ),
    "ZG010": Text(
        "not UTF-8 text",
        "save the document as UTF-8",
        "不是 UTF-8 文本",
        "请以 UTF-8 编码保存",
    ),
    "ZG011": Text(
        "not well-formed YAML: {error}",
        "look at this line and the one above it: indentation, a missing quote or colon",
        "YAML 格式有误:{error}",
        "请检查本行和上一行:缩进、引号或冒号",
    ),
    "ZG012": Text(
        "the document is empty",
        "write `document:` and its kind on the first line, or delete the file",
        "文档为空",
        "请在首行写明 `document:` 及其种类,或删除该文件",
    ),
    "ZG013": Text(
        "a second YAML document begins here",
        "put it into a file of its own",
        "此处开始了第二个 YAML 文档",
        "请另存为单独的文件",
    ),
    "ZG014": Text(
        "nested deeper than {limit} levels",
        "a plan's documents need six; look for a missing line break",
        "嵌套超过 {limit} 层",
        "规划文档至多需要六层;请检查是否缺少换行",
    ),
    "ZG015": Text(
        "the key `{key}` stands here a second time",
        "delete one of the two; which one counts would be a guess",
        "键“{key}”重复出现",
        "请删除其中之一;以哪个为准无从判断",
    ),
    "ZG016": Text(
        "a key must be plain text",
        "write `name: value`",
        "键必须是普通文本",
        "请写成 `名称: 值`",
    ),
    "ZG017": Text(
        "YAML anchors and aliases are not used in a plan",
        "write the value out where it is needed",
        "规划中不使用 YAML 锚点与别名",
        "请在需要处直接写出内容",
    ),
    "ZG018": Text(
        "the YAML tag `{tag}` is not used in a plan",
        "delete the tag",
        "规划中不使用 YAML 标签“{tag}”",
        "请删除该标签",
    ),
    "ZG019": Text(
        "the text holds {character}, which a reader does not see",
        "control, format and line-breaking characters are not used in a plan; write it on one line",
        "文本中含有读者看不见的字符 {character}",
        "规划中不使用控制、格式和换行字符;请写在一行内",
    ),
    "ZG020": Text(
        "`document: {kind}` is not a kind of document",
        "the kinds are {kinds}",
        "“document: {kind}”不是文档种类",
        "文档种类有:{kinds}",
    ),
    "ZG021": Text(
        "`{field}` is missing",
        "{part} needs: {needed}",
        "缺少“{field}”",
        "{part} 需要:{needed}",
    ),
    "ZG022": Text(
        "`{field}` is not a field of {part}",
        "the fields are {known}",
        "“{field}”不是 {part} 的字段",
        "字段有:{known}",
    ),
    "ZG023": Text(
        "`{field}` must be {wanted}, not {found}",
        "the schema {schema} describes it; an editor can complete from it",
        "“{field}”应为 {wanted},不能是 {found}",
        "见 {schema},编辑器可据此补全",
    ),
    "ZG024": Text(
        "`{field}` is `{found}`, which is none of {wanted}",
        "choose one of them",
        "“{field}”的值“{found}”不在允许之列:{wanted}",
        "请选用其中之一",
    ),
    "ZG025": Text(
        "`{field}`: `{found}` does not have the right form",
        "the form is described in {schema}: {wanted}",
        "“{field}”:“{found}”形式不符",
        "形式见 {schema}:{wanted}",
    ),
    "ZG026": Text(
        "`{field}` breaks a limit of the schema: {wanted}",
        "see {schema}",
        "“{field}”超出规定的限度:{wanted}",
        "见 {schema}",
    ),
}
