"""A proxy of one's own: aiohttp takes the connection, decides, writes it down and passes it on."""

import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from aiohttp import ClientSession, TCPConnector, web

from benchmarks.others_policy import Asked, rights

#: Not passed on: they are of one hop (RFC 9110 section 7.6.1), or who asks could forge them.
_LEFT = {"connection", "host", "transfer-encoding", "content-length", "loushan-identity"}


class Proxy:
    """The proxy; `wanted` has addresses and files."""

    def __init__(self, wanted: dict[str, Any], log: TextIO) -> None:
        """Read the rights."""
        self.rights, self.wanted, self.log = rights(), wanted, log
        self.session: ClientSession | None = None
        self.behind = ssl.create_default_context(cafile=wanted["services"])
        self.behind.load_cert_chain(wanted["certificate"])

    async def open(self, _app: web.Application) -> None:
        """Have connections to the application kept."""
        self.session = ClientSession(connector=TCPConnector(ssl=self.behind, limit=64))

    async def handle(self, request: web.Request) -> web.Response:
        """Judge one request, write it down, and pass it on where it passes."""
        transport = request.transport
        if transport is None or self.session is None:
            return web.Response(status=503)
        shown = transport.get_extra_info("peercert")
        named = {key: value for part in shown["subject"] for key, value in part}
        asked = Asked(
            authority=named.get("organizationalUnitName", ""),
            name=named.get("commonName", ""),
            serial=shown["serialNumber"],
            source=request.remote or "",
            host=request.host,
            method=request.method,
            path=request.rel_url.raw_path,
        )
        decided = self.rights.decide(asked)
        line = {"at": time.time(), "reason": decided.reason, "grant": decided.grant}
        line |= {"name": asked.name, "source": asked.source, "path": asked.path}
        self.log.write(f"{json.dumps(line)}\n")
        self.log.flush()
        if decided.reason != "grant":
            return web.json_response(line, status=403)
        kept = {k: v for k, v in request.headers.items() if k.lower() not in _LEFT}
        kept |= {"Host": request.host, "Loushan-Identity": asked.name}
        async with self.session.request(
            request.method,
            f"https://{self.wanted['application']}{request.rel_url.raw_path_qs}",
            headers=kept,
            data=await request.read(),
            server_hostname=request.host,
        ) as answer:
            body = await answer.read()
            back = {k: v for k, v in answer.headers.items() if k.lower() not in _LEFT}
            return web.Response(status=answer.status, headers=back, body=body)


def main() -> None:
    """Serve until ended."""
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(wanted["certificate"])
    context.load_verify_locations(wanted["clients"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0
    with Path(wanted["log"]).open("a", encoding="utf-8") as log:
        proxy = Proxy(wanted, log)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        app.on_startup.append(proxy.open)
        web.run_app(
            app,
            host=wanted["address"],
            port=wanted["port"],
            ssl_context=context,
            access_log=None,
            print=None,
        )


if __name__ == "__main__":
    main()
