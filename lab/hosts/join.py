"""`loushan lab join`: push a cable in again."""

from lab.hosts.cable import add_arguments
from lab.hosts.cable import run_join as run

__all__ = ["add_arguments", "run"]
