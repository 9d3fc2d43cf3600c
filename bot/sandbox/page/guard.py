"""Access control of the page: only browsers on this machine that opened its own address, no pages of other sites."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    # No outside sources, nothing inline, no string that becomes markup, no embedding in a frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def guard(port: Callable[[], int]) -> Middleware:
    """A middleware that refuses foreign hosts and origins. `port` is called at each request: it is known only later.

    `Host` reveals another site's name that resolves to this machine (DNS rebinding), `Origin` another site's page.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = {f"127.0.0.1:{port()}", f"localhost:{port()}"}
        if request.headers.get("Host", "").lower() not in hosts:
            return refusal("This page is for this machine alone: open it by the address that was printed.")
        origin = request.headers.get("Origin")
        if origin not in {None, *(f"http://{host}" for host in hosts)}:
            return refusal("Another site's page may not talk to the sandbox.")
        if request.method != "GET" and origin is None:
            return refusal("Only the sandbox's own page may act here.")
        return await handler(request)

    return check


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Adds the headers to every response. It is a signal handler of aiohttp, so that streams get them too."""
    response.headers.update(HEADERS)


def refusal(why: str) -> web.Response:
    """HTTP 403 with a sentence."""
    return web.Response(status=403, text=why)
