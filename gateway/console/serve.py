"""What gunicorn runs: `gateway.console.serve:application()`."""

from wsgiref.types import WSGIApplication

from gateway.console.city_pages import city_pages
from gateway.console.guard import for_readers
from gateway.console.hall_pages import hall_pages
from gateway.console.settings import PageSettings, Shows, page_settings
from gateway.observe.city.sites import SITES_FILE, read_sites
from gateway.observe.city.watch import CITY, HALL


def application(settings: PageSettings | None = None) -> WSGIApplication:
    """Give the page that the settings name.

    Raises:
        Refused: ZG974, the settings; ZG971, the sites cannot be read.
    """
    settings = settings or page_settings()
    # The hall's service is shown neither the sites nor the picture.
    if settings.shows is Shows.HALL:
        app = hall_pages(HALL, settings.hosts)
    else:
        app = city_pages(CITY, read_sites(SITES_FILE), settings.hosts)
    return for_readers(app, settings.readers) if settings.readers else app
