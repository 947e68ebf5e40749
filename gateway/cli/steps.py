"""The steps of a load in the reader's words."""

import argparse

from gateway.cli.report import words
from gateway.load.events import Step

_STEP_WORDS = {
    Step.LOCKED: ("alone at work on this host", "已取得本机装载锁"),
    Step.CLEANED: ("what no policy uses is deleted", "已清除不再使用的内容"),
    Step.SCAFFOLDED: ("the scaffold stands: everything is refused", "基础规则已就位:拒绝一切"),
    Step.CHECKED: ("the kernel would take it", "内核预检通过"),
    Step.STAGED: ("staged beside the policy in force", "已在现行策略旁备好"),
    Step.COMMITTED: ("committed", "已提交"),
    Step.SESSIONS_CUT: ("live sessions cut", "已切断的会话"),
    Step.LINKED: ("links set; associations ended", "链路已设置;已终止的安全关联"),
    Step.GATES_SET: (
        "gates judge requests by this policy",
        "闸口按本策略判定请求",
    ),
    Step.LISTS_ENDED: (
        "lists of revocations have run out; links ended",
        "吊销列表已过期;已终止的链路",
    ),
    Step.PROVED: ("proven", "已证明"),
    Step.ACCEPTED: ("recorded as accepted", "已登记为已接受"),
    Step.FORWARDING: ("forwarding is on", "转发已开启"),
    Step.CONFIRMED: ("in force", "已生效"),
    Step.REVERTED: ("reverted to", "已还原为"),
}


def step_words(arguments: argparse.Namespace, step: str, detail: str) -> str:
    """Say a step in one line; one that is not known is said as it came."""
    text = words(arguments, *_STEP_WORDS[Step(step)]) if step in set(Step) else step
    return f"  {text}{': ' + detail if detail else ''}"
