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
