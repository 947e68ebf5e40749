"""What hardens a host, by name: what the role `hardening` sets, and a waiver may leave out.

How each is set, and which clause of the standard it serves, stands in
`roles/hardening/vars`; a test holds the two lists together.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from gateway.policy.model import Plan

#: An assessment of level 3 is due every year (信息安全等级保护管理办法 article 14).
LONGEST_WAIVER = timedelta(days=366)


class HostKind(StrEnum):
    """The hosts that we provision, as the inventory groups them."""

    GATEWAYS = "gateways"
    APPLICATIONS = "applications"
    MONITORING = "monitoring"


#: Each setting, in Chinese and English, for who reviews a waiver of it.
HOST_SETTINGS: Mapping[str, tuple[str, str]] = {
    "audit": ("系统审计", "the system's audit"),
    "banner": ("登录警示", "the warning before a login"),
    "core_dumps": ("禁止内存转储", "no core dumps"),
    "file_links": ("链接与管道保护", "links and pipes in shared folders"),
    "idle_console": ("控制台空闲退出", "an idle console logs out"),
    "journal_kept": ("日志留存", "the journal is kept"),
    "kernel_reach": ("内核信息与接口收敛", "what the kernel tells and offers"),
    "lockout": ("登录失败锁定", "lockout after failed logins"),
    "network_stack": ("网络协议栈防护", "the network stack's own defences"),
    "packages_absent": ("卸载多余软件", "needless software is absent"),
    "password_age": ("口令期限", "how long a password lives"),
    "passwords": ("口令复杂度", "quality of passwords"),
    "rare_file_systems": ("停用少用文件系统", "no rare file systems"),
    "rare_protocols": ("停用少用协议", "no rare protocols"),
    "ssh_algorithms": ("远程管理密码算法", "algorithms of ssh"),
    "sudo_sessions": ("提权会话记录", "sessions of sudo"),
    "tmp_mounts": ("公共目录禁止执行", "nothing is run from shared folders"),
    "umask": ("默认文件权限", "rights of new files"),
    "units_masked": ("停用多余服务", "needless services are masked"),
    "updates": ("安全更新", "security updates"),
    "usb_storage": ("禁用移动存储", "no USB storage"),
}


def waived_at(plan: Plan, site: str, kind: HostKind, today: date) -> dict[str, str]:
    """Give the settings that a host of a site need not have today, each with its last day."""
    found: dict[str, str] = {}
    for waiver in plan.setting_waivers:
        if site in waiver.sites and kind in waiver.hosts and waiver.until >= today:
            found[waiver.setting] = max(found.get(waiver.setting, ""), str(waiver.until))
    return dict(sorted(found.items()))
