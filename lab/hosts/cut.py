"""`loushan lab cut`: pull the cable between two hosts, or a zone's host's own."""

from lab.hosts.cable import add_arguments
from lab.hosts.cable import run_cut as run

__all__ = ["add_arguments", "run"]
