"""The service that asks how the city is, and writes it down for who shows it.

Who shows it has no network, and cannot ask Prometheus anything: so it does not
matter how many look, and what they can reach is two files.
"""

import time
from collections.abc import Callable
from pathlib import Path

from gateway.observe.city.asking import Asked, ask_city
from gateway.observe.city.hall import hall_view
from gateway.observe.city.judging import judge_city
from gateway.observe.city.sites import CitySites
from gateway.observe.status import write_status
from gateway.observe.told import Source

#: Two folders, so that the exhibition hall's service can be shown one of them.
CITY_FILE = Path("/run/loushan-city/centre/city.json")
HALL_FILE = Path("/run/loushan-city/hall/hall.json")

ASK_SECONDS, _LEAST_PAUSE_SECONDS = 5.0, 0.5

#: What is older is no picture of now; the longest asking, and some more.
LASTS_SECONDS = 25.0

CITY = Source("city", CITY_FILE, LASTS_SECONDS)
HALL = Source("hall", HALL_FILE, LASTS_SECONDS)


def watch(
    city: CitySites,
    asked: Asked,
    goes_on: Callable[[], bool],
    files: tuple[Path, Path] = (CITY_FILE, HALL_FILE),
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Ask and write, as long as it goes on; `pause` lets so many seconds pass.

    Raises:
        OSError: it cannot be written.
    """
    while goes_on():
        began = time.monotonic()
        state = judge_city(city, ask_city(asked))
        for file, body in zip(files, (state.as_json(), hall_view(state)), strict=True):
            file.parent.mkdir(exist_ok=True)
            write_status(file, body)
        pause(max(_LEAST_PAUSE_SECONDS, ASK_SECONDS - (time.monotonic() - began)))
