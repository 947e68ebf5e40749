"""What people build instead: nginx that asks a Flask application, and a proxy of their own.

nginx is Debian 13's, unpacked below the folder that git does not see and installed nowhere; it
runs with the same libraries as HAProxy.  The Python packages are the extra `benchmark` of
pyproject.toml, in an environment there.  All of them write each decision into a file.
"""

import json
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

from benchmarks import rights
from benchmarks.asking import Stand
from benchmarks.contestants import environment, unpacked
from benchmarks.gate import ROOT
from benchmarks.ground import GATE, Ground
from benchmarks.others_policy import VARIABLE
from benchmarks.servers import Server, of_debian_13, serving, wait_for_port
from gateway.artefacts import Generation
from gateway.bundle.debian import SUITE

#: As many processes as HAProxy has threads, and so many threads in each.
_PROCESSES, _THREADS = os.cpu_count() or 1, 4

_JUDGE_PORT = 8000

_NGINX = """\
daemon off;
user root;
worker_processes {processes};
pid {folder}/nginx.pid;
error_log {folder}/said warn;
events {{ worker_connections 4096; }}
http {{
  {temporary}
  log_format decision escape=json '{{"at": $msec, "source": "$remote_addr", '
    '"subject": "$ssl_client_s_dn", "serial": "$ssl_client_serial", "method": "$request_method", '
    '"path": "$uri", "reason": "$reason", "grant": "$grant", "status": $status}}';
  access_log {folder}/decisions.raw decision;
  keepalive_requests 1000000;
  upstream judge {{ server 127.0.0.1:{judge}; keepalive 64; keepalive_requests 1000000; }}
  upstream application {{ server {application}:{port}; keepalive 64; keepalive_requests 1000000; }}
  proxy_http_version 1.1;
  server {{
    listen {port} ssl;
    server_name {host};
    ssl_certificate {certificate};
    ssl_certificate_key {certificate};
    ssl_client_certificate {folder}/clients.pem;
    ssl_verify_client on;
    ssl_verify_depth 2;
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve X25519MLKEM768:X25519:P-384:P-256;
    ssl_session_tickets off;
    ssl_session_cache off;
    location = /judge {{
      internal;
      proxy_pass http://judge;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header X-Subject $ssl_client_s_dn;
      proxy_set_header X-Serial $ssl_client_serial;
      proxy_set_header X-Source $remote_addr;
      proxy_set_header X-Host $host;
      proxy_set_header X-Method $request_method;
      proxy_set_header X-Path $request_uri;
    }}
    location / {{
      auth_request /judge;
      auth_request_set $reason $upstream_http_x_reason;
      auth_request_set $grant $upstream_http_x_grant;
      proxy_pass https://application;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_set_header Loushan-Identity $ssl_client_s_dn;
      proxy_ssl_certificate {certificate};
      proxy_ssl_certificate_key {certificate};
      proxy_ssl_trusted_certificate {folder}/services.pem;
      proxy_ssl_verify on;
      proxy_ssl_verify_depth 2;
      proxy_ssl_protocols TLSv1.3;
      proxy_ssl_server_name on;
      proxy_ssl_name {host};
    }}
  }}
}}
"""


class Other(StrEnum):
    """What is built instead."""

    GUNICORN = "nginx + auth_request to Flask on gunicorn"
    GRANIAN = "nginx + auth_request to Flask on granian"
    AIOHTTP = "aiohttp proxy that decides itself"


def python() -> Path:
    """Give the Python that has the packages, installed where they are not.

    Raises:
        NotMeasured: they cannot be had.
    """
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return environment(extras["optional-dependencies"]["benchmark"], "requests")


def nginx() -> Path:
    """Give the folder of nginx, unpacked where it is not.

    Raises:
        NotMeasured: it cannot be had.
    """
    return unpacked("nginx", SUITE)


@contextmanager
def standing(other: Other, size: int, where: str, folder: Path, ground: Ground) -> Iterator[Stand]:
    """Have one of them running in a namespace for a while, with rights of a size.

    Raises:
        NotMeasured: it cannot be had, or does not answer.
    """
    folder.mkdir()
    (folder / "certificates").mkdir()
    for name, held in ground.given.items():
        (folder / name).write_bytes(held)
    (folder / "policy.json").write_text(json.dumps(policy(size), ensure_ascii=False), "utf-8")
    with ExitStack() as stack:
        if other is Other.AIOHTTP:
            servers = [stack.enter_context(_aiohttp(where, folder))]
        else:
            servers = [
                stack.enter_context(_judge(other, where, folder)),
                stack.enter_context(_nginx(where, folder, ground.tree)),
            ]
        port = rights.place().gate.port
        wait_for_port(servers[-1], where, GATE, port)
        yield Stand(where, servers)


def policy(size: int) -> dict[str, dict[str, str]]:
    """Give the maps without the letter of their generation."""
    made = rights.maps(size, Generation.A).maps
    letter = f"{Generation.A}:"
    policy = {
        name: {key.removeprefix(letter): value for key, value in found.items()}
        for name, found in made.items()
    }
    policy["zones"] = policy.pop(f"zones_{Generation.A}")
    port = f":{rights.place().gate.port}"
    policy["gates"] = {k.removesuffix(port): v for k, v in policy["gates"].items()}
    return {**policy, "revoked": rights.revoked(size)}


def _named(folder: Path) -> dict[str, str]:
    return {VARIABLE: str(folder / "policy.json"), "PYTHONPATH": str(ROOT)}


@contextmanager
def _judge(other: Other, where: str, folder: Path) -> Iterator[Server]:
    begin = [str(python()), "-m"]
    if other is Other.GUNICORN:
        begin += ["gunicorn", "--worker-class=gthread", f"--workers={_PROCESSES}"]
        begin += [f"--threads={_THREADS}", f"--bind=127.0.0.1:{_JUDGE_PORT}", "--keep-alive=60"]
    else:
        begin += ["granian", "--interface=wsgi", f"--workers={_PROCESSES}"]
        begin += [f"--blocking-threads={_THREADS}", "--host=127.0.0.1", f"--port={_JUDGE_PORT}"]
        begin += ["--no-access-log"]
    judging = folder / "judge"
    judging.mkdir()
    command = [*begin, "benchmarks.others_flask:app"]
    with serving(where, command, judging, named=_named(folder)) as server:
        wait_for_port(server, where, "127.0.0.1", _JUDGE_PORT)
        yield server


@contextmanager
def _nginx(where: str, folder: Path, tree: Path) -> Iterator[Server]:
    place = rights.place()
    parts = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    text = _NGINX.format(
        processes=_PROCESSES,
        folder=folder,
        temporary=" ".join(f"{part}_temp_path {folder}/{part};" for part in parts),
        judge=_JUDGE_PORT,
        application=place.application,
        port=place.gate.port,
        host=place.gate.host,
        certificate=folder / f"certificates/{place.gate.host}.pem",
    )
    (folder / "nginx.conf").write_text(text, "utf-8")
    program = of_debian_13(tree, "usr/sbin/nginx", nginx())
    command = [*program, "-e", str(folder / "said"), "-c", str(folder / "nginx.conf")]
    with serving(where, command, folder) as server:
        yield server


@contextmanager
def _aiohttp(where: str, folder: Path) -> Iterator[Server]:
    place = rights.place()
    wanted = {
        "address": "0.0.0.0",  # noqa: S104 - in a namespace that nobody else is in
        "port": place.gate.port,
        "application": f"{place.application}:{place.gate.port}",
        "certificate": str(folder / f"certificates/{place.gate.host}.pem"),
        "clients": str(folder / "clients.pem"),
        "services": str(folder / "services.pem"),
        "log": str(folder / "decisions.raw"),
    }
    command = [str(python()), "-m", "benchmarks.others_aiohttp", json.dumps(wanted)]
    with serving(where, command, folder, named=_named(folder)) as server:
        yield server


def tell_what_is_fetched() -> None:
    """Say what is about to be fetched, and where to."""
    sys.stderr.write(
        "benchmarks: nginx of Debian 13 and the Python packages of the extra `benchmark`,"
        " fetched once into benchmarks/.cache where they are not; installed nowhere\n"
    )
