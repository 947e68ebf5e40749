"""What a host answers that has every control, and what is one step short of it, row by row.

The texts are of a gateway of the lab, shortened; where only a kernel of its
own or a role that a container lacks can answer, of the tools' manuals.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.evidence.hosts_asked import APPLICATIONS, Answer, AskedHost, Operator
from gateway.evidence.row import Row
from gateway.evidence.rows import ROWS
from gateway.evidence.settings import AUDIT_KEYS, KERNEL, MODULES, NETWORK, SHARED_FOLDERS

DIGEST = "f792238593c0f39a428e5850c0dc8fcf9758318aadd1b1067bc16859d8e3019d"
AT = "2026-11-26T08:30:16+00:00"

HOST = AskedHost(
    "city-gw",
    site="city",
    signed=DIGEST,
    addresses=("10.1.255.2",),
    interfaces=("business", "l-suiyang"),
    has_links=True,
    gates=("approval.svc.lab.internal",),
    is_monitored=True,
    groups=frozenset({"gateways", "kind_city"}),
    shared=("10.1.1.1",),
    mirrors=("file:/srv/mirror", "file:/srv/mirror-security"),
    operators=(
        Operator("systemadmin", "system"),
        Operator("securityadmin", "security"),
        Operator("auditadmin", "audit"),
    ),
)

BY_NAME: Mapping[str, Row] = {row.name: row for row in ROWS}


def _chain(hook: str) -> str:
    states = [
        ["invalid", {"goto": {"target": "refuse_invalid_state"}}],
        ["established", {"accept": None}],
        ["untracked", {"goto": {"target": "refuse_untracked"}}],
    ]
    vmap = {"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": states}}}
    chain = {"family": "inet", "table": "loushan", "name": hook, "hook": hook, "policy": "drop"}
    return json.dumps(
        {"nftables": [{"metainfo": {}}, {"chain": chain}, {"rule": {"expr": [vmap]}}]}
    )


_CHAINS = [_chain(hook) for hook in ("forward", "input", "output")]
_REFUSAL = json.dumps(
    {
        "nftables": [
            {"chain": {"name": "refuse_no_conduit"}},
            {
                "rule": {
                    "expr": [
                        {"counter": "refused_no_conduit"},
                        {"log": {"prefix": "loushan:no_conduit", "group": 5}},
                        {"drop": None},
                    ]
                }
            },
        ]
    }
)
_PROVEN = json.dumps(
    {
        "in_force": "lab revision 1 sha256 f792238593c0f39a",
        "stamp": {"plan": "lab", "revision": 1, "digest": DIGEST},
        "proven": True,
        "findings": [],
    }
)
_LINK = (
    "list-sa event {suiyang {uniqueid=2 version=2 state=ESTABLISHED encr-alg=AES_GCM_16 "
    "encr-keysize=256 prf-alg=PRF_HMAC_SHA2_384 dh-group=ECP_384 child-sas {suiyang-2 "
    "{name=suiyang state=INSTALLED mode=TUNNEL encr-alg=AES_GCM_16 encr-keysize=256}}}}\n"
    "list-sas reply {}\n"
)
_SSHD = """\
permitrootlogin no
pubkeyauthentication yes
passwordauthentication no
kbdinteractiveauthentication no
permitemptypasswords no
hostbasedauthentication no
trustedusercakeys /etc/ssh/authority/users.pub
authorizedprincipalsfile /etc/ssh/principals/%u
revokedkeys /etc/ssh/authority/revoked_keys
maxauthtries 3
logingracetime 20
clientaliveinterval 60
clientalivecountmax 2
banner /etc/issue.net
ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com
macs hmac-sha2-512-etm@openssh.com
kexalgorithms mlkem768x25519-sha256,curve25519-sha256
hostkeyalgorithms ssh-ed25519-cert-v01@openssh.com,ssh-ed25519
"""
_PEOPLE = """\
root:x:0:0:root:/root:/bin/bash
sync:x:4:65534:sync:/bin:/bin/sync
postgres:x:105:107:PostgreSQL:/var/lib/postgresql:/bin/bash
auditadmin:x:1002:1002::/srv/auditadmin:/bin/bash
"""
_STATES = """\
root L 2026-11-26 0 99999 7 -1
postgres L 2026-11-26 0 99999 7 -1
auditadmin P 2026-11-26 1 90 14 -1
"""
_MODULES = "".join(f"install {n} /bin/false\n" for names in MODULES.values() for n in names)
_BOOT = "".join(
    f"{name.replace('.', '/')} = {value}\n"
    for wanted in KERNEL.values()
    for name, value in wanted.items()
)
_RULES = "".join(f"-w /etc/{key} -p wa -k {key}\n" for key in AUDIT_KEYS)
_SUDO = """\
Matching Defaults entries for root on city-gw:
    env_reset, use_pty, syslog=auth, logfile=/var/log/sudo.log, log_year,
    loglinelen=0
"""


def _may(name: str, *commands: str) -> str:
    listed = "".join(f"    (root) NOPASSWD: {command}\n" for command in commands)
    return f"User {name} may run the following commands on city-gw:\n{listed}"


def _kernel(setting: str) -> str:
    return "".join(f"{name} = {value}\n" for name, value in KERNEL[setting].items())


#: By row, an answer for each command, in the order in which they are asked.
GOOD: Mapping[str, Sequence[str]] = {
    "policy_proven": [_PROVEN],
    "interfaces": [json.dumps([{"ifname": name} for name in ("lo", "business", "l-suiyang")])],
    "default_drop": _CHAINS,
    "flow_states": _CHAINS[:2],
    "gates_judge": [json.dumps({"gates": {"open": True, "problems": []}})],
    "gates_mutual_tls": [
        "port 8443 tls1_2: alert protocol version\nport 8443 tls1_3: alert certificate required\n"
    ],
    "links_encrypted": [_LINK, '[{"ifname": "business", "addr_info": [{"local": "10.1.1.1"}]}]'],
    "credentials": [
        json.dumps(
            {
                "credentials": [
                    {"name": "certificate", "standing": "good"},
                    {"name": "list of links", "standing": "good"},
                ]
            }
        )
    ],
    "refusals_recorded": [_REFUSAL, "active\n"],
    "decision_log": ['{"holds": true, "records": 7, "checkpoints": 5, "problems": []}'],
    "pair": ["active\n"],
    "monitored": [
        "10.1.255.2 9633: a certificate is required\n10.1.255.2 9100: a certificate is required\n"
    ],
    "listening": [
        (
            'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=9,fd=6))\n'
            'tcp LISTEN 0 64 10.1.255.2:9633 0.0.0.0:* users:(("loushan",pid=2,fd=3),'
            '("systemd",pid=1,fd=4))\n'
            'udp UNCONN 0 0 127.0.0.1:323 0.0.0.0:* users:(("whoever",pid=9,fd=6))\n'
        )
    ],
    "ssh_certificates": [_SSHD],
    "ssh_sessions": [_SSHD],
    "ssh_algorithms": [_SSHD],
    "banner": [_SSHD, "Authorised access only.\n"],
    "accounts": [_PEOPLE, _STATES],
    "walled_in": [
        (
            "UNIT EXPOSURE PREDICATE HAPPY\nloushan-agent.service 0.8 SAFE x\n"
            "keepalived.service 2.9 OK x\nulogd2.service 9.9 UNSAFE x\nssh.service 9.6 UNSAFE x\n"
        ),
        "loushan-agent.service loaded active running\nkeepalived.service loaded active running\n",
    ],
    "as_packaged": ["??5?????? c /etc/issue\n236 packages looked at\n"],
    "integrity_watched": [
        "ActiveState=active\nUnitFileState=enabled\n",
        json.dumps({"checked": 1764140000.5, "changed": 0, "database": DIGEST}),
        "1764145816\n",
        f"{DIGEST}  /var/lib/loushan-files/aide.db\n",
    ],
    "history_kept": [json.dumps({"kept": 1764140000.5, "sha256": DIGEST}), "1764145816\n"],
    "time_kept": [
        (
            "MS Name/IP address Stratum Poll Reach LastRx Last sample\n"
            "^* 10.1.5.1 2 6 377 32 +12us[ +15us] +/- 4ms\n"
        ),
        "Stratum         : 3\nLeap status     : Normal\n",
    ],
    "time_authenticated": [
        (
            "Name/IP address Mode KeyID Type KLen Last Atmp NAK Cook CLen\n"
            "10.1.5.1 NTS 1 15 256 135 0 0 8 64\n"
        )
    ],
    "journal_forwarded": [
        (
            "SubState=running\nExecStart={ path=/usr/lib/systemd/systemd-journal-upload ; argv[]="
            "/usr/lib/systemd/systemd-journal-upload --url=https://logs.svc.lab.internal:19532 "
            "--key=/run/credentials/f.key --cert=/etc/loushan/forward/certificate.pem "
            "--trust=/etc/loushan/forward/authorities.pem ; }\n"
        ),
        "1764145816\n1764145800\n",
    ],
    "passwords": [
        "password\trequisite\t\t\tpam_pwquality.so retry=3\n",
        "minlen = 12\nminclass = 3\nenforce_for_root\n",
    ],
    "password_age": ["PASS_MAX_DAYS\t90\nPASS_MIN_DAYS 1\n", _STATES],
    "lockout": [
        "auth\trequisite\tpam_faillock.so preauth\nauth\t[default=die]\tpam_faillock.so authfail\n",
        "deny = 5\nunlock_time = 900\n",
    ],
    "idle_console": ['declare -rx TMOUT="900"\n'],
    "umask": ["0027\n"],
    "tmp_mounts": ["".join(f"{each} rw,nosuid,nodev,noexec\n" for each in SHARED_FOLDERS)],
    "kernel_reach": [_BOOT, _kernel("kernel_reach")],
    "file_links": [_BOOT, _kernel("file_links")],
    "network_stack": [
        _BOOT,
        "".join(f"{name} = {value}\n" for name, value in NETWORK.items()),
        _kernel("network_stack"),
    ],
    "core_dumps": [_BOOT, "0\n", "0\n", _kernel("core_dumps")],
    "sudo_sessions": [_SUDO, "640 root adm\n"],
    "audit": ["enabled\nenabled\n", _RULES, "enabled 1\nfailure 1\n", _RULES],
    "journal_kept": [
        "SystemMaxUse=512M\nStorage=persistent\nMaxRetentionSec=200day\n",
        "File path: /var/log/journal/45eb/system.journal\n",
    ],
    "packages_absent": ["dpkg installed\nopenssh-server:amd64 installed\ntelnet config-files\n"],
    "rare_file_systems": [_MODULES],
    "rare_protocols": [_MODULES],
    "usb_storage": [_MODULES],
    "units_masked": ["masked\nmasked\nmasked\nmasked\n"],
    "updates": [
        'APT::Periodic::Unattended-Upgrade "1";\n',
        (
            "Unattended-Upgrade::Origins-Pattern:: "
            '"origin=Debian,codename=${distro_codename}-security,label=Debian-Security";\n'
        ),
        (
            "'file:/srv/mirror/dists/trixie/InRelease' a 0\n"
            "'file:/srv/mirror-security/dists/trixie-security/InRelease' b 0\n"
        ),
        "enabled\n",
    ],
    "nobody_all": ["root\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n"],
    "duty_system": [_may("systemadmin", "/usr/bin/systemctl reboot"), "systemadmin\n"],
    "duty_security": [
        _may("securityadmin", "sudoedit /etc/loushan/trust/crl.pem"),
        "securityadmin loushan\n",
    ],
    "duty_audit": [
        _may("auditadmin", "/usr/sbin/loushan log verify"),
        "auditadmin adm systemd-journal\n",
    ],
}

#: By row, what is changed in which answer, so that the control is no longer shown.
SHORT: Mapping[str, Sequence[tuple[int, str, str]]] = {
    "policy_proven": [(0, '"proven": true', '"proven": false'), (0, DIGEST, "0" * 64)],
    "interfaces": [(0, '"l-suiyang"', '"wlan0"'), (0, '"lo"', '"usb0"')],
    "default_drop": [(0, '"drop"', '"accept"'), (1, '"hook": "input"', '"hook": "prerouting"')],
    "flow_states": [
        (0, '{"goto": {"target": "refuse_invalid_state"}}', '{"accept": null}'),
        (1, '"established"', '"new"'),
    ],
    "gates_judge": [(0, "true", "false"), (0, "[]", '[{"code": "ZG682"}]')],
    "gates_mutual_tls": [
        (0, "tls1_2: alert protocol version", "tls1_2: alert certificate required"),
        (0, "alert certificate required", "HTTP/1.0 200 OK"),
    ],
    "links_encrypted": [
        (0, "encr-alg=AES_GCM_16 encr-keysize=256}", "encr-alg=NULL encr-keysize=0}"),
        (0, "dh-group=ECP_384", "dh-group=MODP_1024"),
    ],
    "credentials": [(0, '"standing": "good"}]', '"standing": "ended"}]'), (0, "good", "late")],
    "refusals_recorded": [(0, '{"log"', '{"limit"'), (1, "active", "inactive")],
    "decision_log": [(0, "true", "false"), (0, '"checkpoints": 5', '"checkpoints": 0')],
    "pair": [(0, "active", "inactive"), (0, "active", "activating")],
    "monitored": [
        (0, "9100: a certificate is required", "9100: ConnectionRefusedError"),
        (0, "10.1.255.2 9633: a certificate is required\n", ""),
    ],
    "listening": [(0, '"sshd"', '"python3"'), (0, 'users:(("sshd",pid=9,fd=6))', "")],
    "ssh_certificates": [
        (0, "passwordauthentication no", "passwordauthentication yes"),
        (0, "trustedusercakeys /etc/ssh/authority/users.pub", "trustedusercakeys none"),
    ],
    "ssh_sessions": [
        (0, "clientaliveinterval 60", "clientaliveinterval 0"),
        (0, "maxauthtries 3", "maxauthtries 6"),
    ],
    "ssh_algorithms": [
        (0, "ciphers aes256-gcm@openssh.com", "ciphers aes256-cbc"),
        (0, "macs hmac-sha2-512-etm@openssh.com", ""),
    ],
    "banner": [(0, "banner /etc/issue.net", "banner none"), (1, "Authorised access only.", "")],
    "accounts": [
        (0, "auditadmin:x:1002", "somebody:x:1002"),
        (1, "auditadmin P", "auditadmin NP"),
        (0, "sync:x:4:", "sync:x:0:"),
    ],
    "walled_in": [
        (0, "loushan-agent.service 0.8", "loushan-agent.service 3.1"),
        (1, "loushan-agent.service loaded active running\n", ""),
    ],
    "as_packaged": [
        (0, "c /etc/issue", "  /usr/sbin/nft"),
        (0, "236 packages looked at", "0 packages looked at"),
        (0, "c /etc/issue", "c /usr/share/nft.conf"),
    ],
    "integrity_watched": [
        (0, "enabled", "disabled"),
        (1, '"changed": 0', '"changed": 2'),
        (1, "1764140000.5", "1763140000.5"),
        (3, DIGEST, "0" * 64),
    ],
    "history_kept": [
        (0, "1764140000.5", "1763400000.5"),
        (0, "1764140000.5", "1764150000.5"),
        (0, DIGEST, ""),
    ],
    "time_kept": [(0, "^*", "^?"), (1, "Normal", "Not synchronised")],
    "time_authenticated": [(0, " NTS ", " - "), (0, "10.1.5.1 NTS 1", "10.1.5.1 NTS 0")],
    "journal_forwarded": [
        (0, "--url=https://", "--url=http://"),
        (0, "SubState=running", "SubState=auto-restart"),
        (1, "1764145800", "1764140000"),
    ],
    "passwords": [(1, "minlen = 12", "minlen = 8"), (1, "enforce_for_root", "")],
    "password_age": [(0, "90", "99999"), (1, "1 90 14", "1 99999 14")],
    "lockout": [(0, "authfail", "authsucc"), (1, "deny = 5", "deny = 0")],
    "idle_console": [(0, "-rx", "-x"), (0, "900", "86400")],
    "umask": [(0, "0027", "0022"), (0, "0027", "0000")],
    "tmp_mounts": [(0, " rw,nosuid,", " rw,"), (0, "/shm rw", "/other rw")],
    "kernel_reach": [
        (0, "kernel/dmesg_restrict = 1", "kernel/dmesg_restrict = 0"),
        (1, "kernel.yama.ptrace_scope = 2", "kernel.yama.ptrace_scope = 1"),
    ],
    "file_links": [
        (0, "fs/protected_symlinks = 1", ""),
        (1, "fs.protected_regular = 2", "fs.protected_regular = 0"),
    ],
    "network_stack": [(1, "tcp_syncookies = 1", "tcp_syncookies = 0"), (2, "= 2", "= 0")],
    "core_dumps": [(1, "0", "infinity"), (2, "0", "unlimited"), (3, "|/bin/false", "core")],
    "sudo_sessions": [(0, "logfile=/var/log/sudo.log, ", ""), (1, "640", "644")],
    "audit": [(0, "enabled\nenabled", "enabled\ndisabled"), (3, "-k trust", "-k other")],
    "journal_kept": [(0, "200day", "90day"), (1, "/var/log/journal", "/run/log/journal")],
    "packages_absent": [(0, "telnet config-files", "telnet installed"), (0, "dpkg installed", "")],
    "rare_file_systems": [(0, "install udf /bin/false", ""), (0, "cramfs /bin/false", "cramfs")],
    "rare_protocols": [
        (0, "install sctp /bin/false", ""),
        (0, "tipc /bin/false", "tipc /x"),
    ],
    "usb_storage": [(0, "install uas /bin/false", ""), (0, "install usb_storage", "#usb_storage")],
    "units_masked": [(0, "masked\nmasked\n", "masked\nstatic\n"), (0, "masked\nmasked\n", "")],
    "updates": [
        (0, '"1"', '"0"'),
        (2, "file:/srv/mirror-security/", "https://away.test/"),
        (3, "enabled", "masked"),
    ],
    "nobody_all": [
        (0, "%sudo", "games"),
        (0, "%sudo\tALL=(ALL:ALL) ALL", "games ALL=(ALL) NOPASSWD: ALL"),
    ],
    "duty_system": [
        (0, "/usr/bin/systemctl reboot", "/usr/bin/systemctl reboot, ALL"),
        (1, "systemadmin", "systemadmin adm"),
    ],
    "duty_security": [
        (0, "sudoedit /etc/loushan/trust/crl.pem", "/usr/sbin/loushan log verify"),
        (1, "loushan", "loushan systemd-journal"),
    ],
    "duty_audit": [
        (0, "/usr/sbin/loushan log verify", "/usr/bin/true"),
        (1, "adm", "adm loushan"),
    ],
}


def answered(row: Row, texts: Sequence[str], host: AskedHost = HOST) -> AskedHost:
    """Give a host that said these things to what a row asks."""
    commands = row.ask(host)
    answers = {c: Answer(c, 0, text, "", AT) for c, text in zip(commands, texts, strict=True)}
    return replace(host, answers=answers)


def changed(texts: Sequence[str], place: int, old: str, new: str) -> list[str]:
    """Give answers of which one is changed once."""
    assert old in texts[place], old
    return [
        text.replace(old, new, 1) if number == place else text for number, text in enumerate(texts)
    ]


OTHER = AskedHost("city.applications", kind=APPLICATIONS, groups=frozenset({APPLICATIONS}))
