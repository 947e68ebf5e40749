"""What nginx asks by `auth_request`: a Flask application that says whether a request passes."""

from flask import Flask, Response, request

from benchmarks.others_policy import Asked, rights

app = Flask(__name__)

_RIGHTS = rights()


@app.get("/judge")
def judge() -> Response:
    """Answer 204 where the request passes and 403 where not; the headers say why."""
    given = request.headers
    # As nginx writes a certificate's subject: `CN=asker-1,OU=people,O=…`.
    named = dict(part.partition("=")[::2] for part in given["X-Subject"].split(","))
    asked = Asked(
        authority=named.get("OU", ""),
        name=named.get("CN", ""),
        serial=given["X-Serial"],
        source=given["X-Source"],
        host=given["X-Host"],
        method=given["X-Method"],
        path=given["X-Path"].partition("?")[0],
    )
    decided = _RIGHTS.decide(asked)
    answer = Response(status=204 if decided.reason == "grant" else 403)
    answer.headers["X-Reason"], answer.headers["X-Grant"] = decided.reason, decided.grant
    return answer
