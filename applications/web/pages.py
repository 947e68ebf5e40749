"""An application with our look, and the day that it is for it."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader

#: Days are those of China, which has no summer time.
CHINA = timezone(timedelta(hours=8), "CST")

_HERE = Path(__file__).parent
_LARGEST_REQUEST_BYTES = 128 * 1024


def today_in_china() -> date:
    """Give the day that it is."""
    return datetime.now(CHINA).date()


def page_application(name: str, home: str, templates: Path) -> Flask:
    """Give an application whose pages lie below `home`, the look of all and its own templates."""
    app = Flask(name, static_folder=_HERE / "static", static_url_path=f"{home}-")
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_REQUEST_BYTES
    loaders = [FileSystemLoader(templates), FileSystemLoader(_HERE / "templates")]
    app.jinja_loader = ChoiceLoader(loaders)
    app.jinja_env.globals["home"] = home
    return app
