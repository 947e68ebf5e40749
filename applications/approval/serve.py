"""For gunicorn: `applications.approval.serve:application()`."""

from applications.approval.pages import make_app
from applications.web.hop import Wsgi, from_gateway
from applications.web.settings import Settings


def application() -> Wsgi:
    """Give the application, behind the gateway that its settings name.

    Raises:
        SettingsError: there are none, or they are wrong; gunicorn does not start then.
    """
    settings = Settings.of_environment()
    app = make_app(settings.check(), settings.database)
    return from_gateway(app.wsgi_app, settings.clients)
