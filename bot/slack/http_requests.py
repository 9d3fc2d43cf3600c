"""Slack's requests in HTTP mode: authenticated as bytes, and only then parsed."""

import re
import threading
from collections.abc import Mapping

import structlog
from pydantic import SecretStr
from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.adapter.wsgi.http_request import WsgiHttpRequest
from slack_sdk.signature import SignatureVerifier

from bot.slack.intake.intake import Intake
from bot.slack.intake.payload_shapes import has_known_shape

SLACK_PATH = "/slack/events"

BAD_REQUEST, UNAUTHORIZED, UNAVAILABLE = 400, 401, 503

TAKE_SECONDS = 2.5
"""How long a payload may wait to be stored. After three seconds Slack shows an error."""

_TIME, _SIGNATURE = re.compile(r"[0-9]{1,12}", re.ASCII), re.compile(r"v0=[0-9a-f]{64}")
"""The forms of Slack's two headers ("Verifying requests from Slack")."""

_CERTIFICATE_CHECK = b"ssl_check=1"
"""A field of the request by which Slack checks the certificate. It expects a plain 200, and need not sign it."""

log = structlog.get_logger(__name__)


class SlackRequests(SlackRequestHandler):
    """A WSGI app that passes genuine requests on to Bolt. The others get 400 or 401, and a line in the log."""

    def __init__(self, app: App, signing_secret: SecretStr, intake: Intake) -> None:
        super().__init__(app, path=SLACK_PATH)
        self._intake = intake
        self._verifier = SignatureVerifier(signing_secret.get_secret_value())

    def dispatch(self, request: WsgiHttpRequest) -> BoltResponse:
        """Answers one POST."""
        body = request.environ["wsgi.input"].read()
        if _CERTIFICATE_CHECK in body.split(b"&"):
            return BoltResponse(status=200)
        if not self._is_genuine(body, request.environ):
            return _refused(request, UNAUTHORIZED, "it is not signed by Slack")
        parsed = _parsed(request, body)
        if parsed is None:
            return _refused(request, BAD_REQUEST, "its body is not what Slack sends")
        if not self._intake.takes(parsed.body):
            return self._intake.dispatch(parsed)
        taken = threading.Event()
        self._intake.take(parsed.body, taken.set)
        return BoltResponse(status=200 if taken.wait(TAKE_SECONDS) else UNAVAILABLE)

    def _is_genuine(self, body: bytes, environ: Mapping[str, object]) -> bool:
        timestamp = str(environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", ""))
        signature = str(environ.get("HTTP_X_SLACK_SIGNATURE", ""))
        if not (_TIME.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
            return False
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except UnicodeDecodeError:  # Slack signs text
            return False


def _parsed(request: WsgiHttpRequest, body: bytes) -> BoltRequest | None:
    """The payload; `None` if it is none of Slack's."""
    try:
        parsed = BoltRequest(body=body.decode(), query=request.query_string, headers=request.get_headers())
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    return parsed if has_known_shape(parsed.body) else None


def _refused(request: WsgiHttpRequest, status: int, why: str) -> BoltResponse:
    log.warning("an HTTP request was refused", status=status, why=why, sender=request.environ.get("REMOTE_ADDR"))
    return BoltResponse(status=status, body="")
