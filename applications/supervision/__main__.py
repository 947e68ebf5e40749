"""What the host's proof calls: `python3 -m applications.supervision health`."""

import sys

from applications.supervision.pages import make_app
from applications.web.health import HealthError, ask_for_health
from applications.web.settings import Settings, SettingsError


def main(argv: list[str]) -> int:
    """Ask the application whether it can serve, with the settings and the rights that it has."""
    if argv != ["health"]:
        sys.stderr.write("usage: python3 -m applications.supervision health\n")
        return 2
    try:
        settings = Settings.of_environment()
        said = ask_for_health(make_app(settings.check(), settings.database), settings)
    except (HealthError, SettingsError) as fault:
        sys.stderr.write(f"health: {fault}\n")
        return 1
    sys.stdout.write(f"health: {said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
