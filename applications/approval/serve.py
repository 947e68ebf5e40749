"""For gunicorn: `applications.approval.serve:application()`."""

from pathlib import Path

from applications.approval.pages import make_app
from applications.identity import IdentityCheck, KeyFile
from applications.web.hop import Wsgi, from_gateway
from applications.web.settings import Settings


def check_of(settings: Settings) -> IdentityCheck:
    """Give the check that the settings ask for."""
    return IdentityCheck(settings.host, settings.gateway, KeyFile(Path(settings.keys)))


def application() -> Wsgi:
    """Give the application, behind the gateway that its settings name.

    Raises:
        SettingsError: there are none, or they are wrong; gunicorn does not start then.
    """
    settings = Settings.of_environment()
    app = make_app(check_of(settings), settings.database)
    return from_gateway(app.wsgi_app, settings.gateway)
