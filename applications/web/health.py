"""Asks an application for its health in this process, with the settings and rights that it has.

On the host nobody has the gateway's certificate, so nobody there can ask by
its own port; that the gateway can is for the gateway's probe to show.
"""

from flask import Flask

from applications.identity import KeySetError
from applications.web.guard import HEALTH
from applications.web.settings import Settings

_OK = 200


class HealthError(Exception):
    """The application could not serve; says what is missing."""


def ask_for_health(app: Flask, settings: Settings) -> str:
    """Give its answer, which is `ok`.

    Raises:
        HealthError: it has no keys to know anybody by, or no database.
    """
    try:
        settings.check().keys()
    except KeySetError as fault:
        raise HealthError(str(fault)) from fault
    answer = app.test_client().get(HEALTH)
    if answer.status_code != _OK:
        raise HealthError(answer.get_data(as_text=True).strip())
    return str(answer.get_json()["status"])
