"""How an application answers: a page or JSON, in Chinese or English, and refusals in both."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

#: What is not said in the asker's language is a mistake of ours: both must be there.
Words = Mapping[str, Mapping[str, str]]

LANGUAGES = ("zh", "en")

#: What every application may have to say; each adds its own.
COMMON: Words = {
    "zh": {
        "who": "当前用户",
        "decision": "判定编号",
        "refused": "不予办理",
        "not_through_the_gateway": "请求未经网关确认身份",
        "other_page": "修改请求不是由本系统页面发出",
        "not_found": "没有此页面或此件",
        "not_allowed": "此处不支持该方法",
        "malformed": "请求内容不合要求",
        "too_large": "请求内容过大",
        "unavailable": "系统暂时不可用,请稍后再试",
        "back": "返回",
    },
    "en": {
        "who": "Asked by",
        "decision": "Decision",
        "refused": "Refused",
        "not_through_the_gateway": "no gateway says who asks",
        "other_page": "the change was not asked for by a page of this application",
        "not_found": "there is no such page or case",
        "not_allowed": "this method is not for this path",
        "malformed": "the request is not of the right form",
        "too_large": "the request is too large",
        "unavailable": "the application is not available now; try again later",
        "back": "Back",
    },
}

_BY_STATUS = {404: "not_found", 405: "not_allowed", 413: "too_large"}
_SERVER_FAULT = 500


class RequestRefused(Exception):  # noqa: N818 - says what happened, not that a program failed
    """A request is not served; `key` names the words for it."""

    def __init__(self, status: int, key: str) -> None:
        """Name the status of the answer and why."""
        super().__init__(key)
        self.status, self.key = status, key


def set_up_answers(app: Flask, words: Words) -> None:
    """Have an application speak both languages, and refuse in its manner."""
    app.config["WORDS"] = {each: {**COMMON[each], **words[each]} for each in LANGUAGES}

    @app.context_processor
    def known_to_pages() -> dict[str, Any]:
        return {"say": said(), "language": language(), "asker": g.get("asker")}

    @app.errorhandler(RequestRefused)
    def refused(fault: RequestRefused) -> Response:
        return refusal(fault.status, fault.key)

    @app.errorhandler(HTTPException)
    def went_wrong(fault: HTTPException) -> Response:
        status = fault.code or _SERVER_FAULT
        usual = "malformed" if status < _SERVER_FAULT else "unavailable"
        answer = refusal(status, _BY_STATUS.get(status, usual))
        for name, value in fault.get_headers():
            if name == "Allow":
                answer.headers[name] = value
        return answer


def language() -> str:
    """Give the asker's language: Chinese, unless they would rather have English."""
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def said() -> Mapping[str, str]:
    """Give the words in the asker's language."""
    words: Words = current_app.config["WORDS"]
    return words[language()]


def wants_json() -> bool:
    """Tell whether JSON is asked for rather than a page."""
    asked = request.accept_mimetypes
    return asked["application/json"] > asked["text/html"]


def answer(template: str, status: int = 200, **facts: Any) -> Response:  # noqa: ANN401 - what the page shows
    """Give the same facts as a page or as JSON; `facts` are plain values."""
    made = jsonify(facts) if wants_json() else make_response(render_template(template, **facts))
    made.status_code = status
    made.vary.update(["Accept", "Accept-Language"])
    return made


def refusal(status: int, key: str) -> Response:
    """Give a refusal in its words, with the decision that somebody can read out by telephone."""
    asker = g.get("asker")
    error = {
        "code": key,
        "message": said()[key],
        "decision": asker.decision if asker else "",
    }
    return answer("refusal.html", status, error=error)
