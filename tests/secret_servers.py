"""Servers for the secret stores, on loopback, used by the real client libraries.

Amazon's is moto, an emulator. Vault's is the real one where a program `vault` or `bao` is on the PATH. Those of Google,
Azure and, elsewhere, Vault are STAND-INS, written here from the vendors' documentation: they show that the client
libraries are called correctly, and not that the vendors' servers behave as documented.
"""

import json
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

from bot.sandbox.node.node import free_port

Answer = tuple[int, dict[str, Any], dict[str, str]]

START_SECONDS = 30


@dataclass
class SecretServer:
    """A server with one secret. `environment` holds the variables that its client library needs."""

    reference: str
    environment: dict[str, str]
    put: Callable[[str], None]
    """Writes the secret past the store under test."""
    stop: Callable[[], None]
    missing: str = ""
    """A reference to a secret that is not there."""
    forbid: Callable[[], None] | None = None
    """From now on nothing may be written; `None` where the server knows no rights."""


@contextmanager
def serving(
    answer: Callable[[str, str, dict[str, str], Any], Answer], tls: ssl.SSLContext | None = None
) -> Iterator[ThreadingHTTPServer]:
    """Runs an HTTP server whose answers come from a function of method, path, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said, more = answer(self.command, self.path, headers, json.loads(body) if body else None)
            content = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **more,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 (the base class's names)

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


# --- Amazon -------------------------------------------------------------------------------------------------------


@contextmanager
def amazon(secret: str) -> Iterator[SecretServer]:
    """AWS Secrets Manager as moto plays it."""
    import boto3
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{port}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.session.Session().client("secretsmanager", region_name="eu-west-1", endpoint_url=url, **keys)
    name = f"es-{secrets.token_hex(4)}"
    client.create_secret(Name=name, SecretString=secret)
    try:
        yield SecretServer(
            reference=f"aws-sm://eu-west-1/{name}",
            environment={
                "AWS_ENDPOINT_URL_SECRETS_MANAGER": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            },
            put=lambda value: client.put_secret_value(SecretId=name, SecretString=value),
            stop=server.stop,
            missing="aws-sm://eu-west-1/nothing",
        )  # fmt: skip
    finally:
        client.close()
        server.stop()


# --- Vault --------------------------------------------------------------------------------------------------------


def vault_program() -> str | None:
    """A real Vault or OpenBao on this machine."""
    return shutil.which("vault") or shutil.which("bao")


@contextmanager
def real_vault(secret: str) -> Iterator[SecretServer]:
    """A real server in its development mode, which keeps everything in memory."""
    import hvac

    program, port, token = vault_program(), free_port(), secrets.token_hex(8)
    assert program is not None
    url = f"http://127.0.0.1:{port}"
    command = [program, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={token}",
               f"-dev-listen-address=127.0.0.1:{port}"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = hvac.Client(url=url, token=token)
    try:
        _wait_for(port)
        _until(lambda: bool(client.sys.is_initialized() and not client.sys.is_sealed()))
        yield _vault(client, secret, port, token, process.kill)
    finally:
        client.adapter.close()
        process.kill()
        process.wait()


def _vault(client: Any, secret: str, port: int, token: str, stop: Callable[[], None]) -> SecretServer:
    def put(value: str) -> None:
        client.secrets.kv.v2.create_or_update_secret(
            path="team/es", mount_point="secret", secret={"username": "es-access-connector", "password": value}
        )

    environment = {"VAULT_ADDR": f"http://127.0.0.1:{port}", "VAULT_TOKEN": token}

    def forbid() -> None:
        client.sys.create_or_update_policy("reader", 'path "secret/data/*" { capabilities = ["read"] }')
        environment["VAULT_TOKEN"] = client.auth.token.create(policies=["reader"])["auth"]["client_token"]

    put(secret)
    server = f"127.0.0.1:{port}"
    return SecretServer(
        reference=f"vault://{server}/secret/team/es#password",
        environment=environment, put=put, stop=stop, missing=f"vault://{server}/secret/nothing#password", forbid=forbid,
    )  # fmt: skip


@dataclass
class _KeyValues:
    """STAND-IN for Vault's engine "KV version 2": versions, check-and-set, capabilities of a token."""

    token: str
    readers: set[str] = field(default_factory=set)
    kept: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        token = headers.get("x-vault-token")
        if token != self.token and token not in self.readers:
            return 403, {"errors": ["permission denied"]}, {}
        where = urlsplit(path)
        if where.path == "/v1/sys/capabilities-self":
            held = ["root"] if token == self.token else ["read"]
            return 200, {"data": dict.fromkeys(body["paths"], held)}, {}
        if where.path.startswith("/v1/sys/polic"):
            return 200, {}, {}
        if where.path == "/v1/auth/token/create":
            reader = secrets.token_hex(8)
            self.readers.add(reader)
            return 200, {"auth": {"client_token": reader}}, {}
        if method in ("POST", "PUT"):
            return self._write(where.path, body) if token == self.token else (403, {"errors": ["denied"]}, {})
        return self._read(where.path, int(parse_qs(where.query).get("version", ["0"])[0]))

    def _read(self, name: str, version: int) -> Answer:
        versions = self.kept.get(name, [])
        number = version or len(versions)
        if not 0 < number <= len(versions):
            return 404, {"errors": []}, {}
        return 200, {"data": {"data": versions[number - 1], "metadata": {"version": number}}}, {}

    def _write(self, name: str, body: Any) -> Answer:
        versions = self.kept.setdefault(name, [])
        if body.get("options", {}).get("cas", len(versions)) != len(versions):
            return 400, {"errors": ["check-and-set parameter did not match the current version"]}, {}
        versions.append(body["data"])
        return 200, {"data": {"version": len(versions)}}, {}


@contextmanager
def vault_stand_in(secret: str) -> Iterator[SecretServer]:
    """See `_KeyValues`."""
    import hvac

    state = _KeyValues(secrets.token_hex(8))
    with serving(state.answer) as server, hvac_client(hvac, server.server_port, state.token) as client:
        yield _vault(client, secret, server.server_port, state.token, _stopping(server))


@contextmanager
def hvac_client(hvac: Any, port: int, token: str) -> Iterator[Any]:
    client = hvac.Client(url=f"http://127.0.0.1:{port}", token=token)
    try:
        yield client
    finally:
        client.adapter.close()


# --- Azure --------------------------------------------------------------------------------------------------------

AZURE_HOST = "my-vault.vault.localhost"
"""A vault is a host below the one that tokens are for."""


@dataclass
class _KeyVault:
    """STAND-IN for the secrets of Azure Key Vault, version 7.x of its REST interface, with its challenge."""

    url: str = ""
    writable: bool = True
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def identity(self, _method: str, _path: str, _headers: dict[str, str], _body: Any) -> Answer:
        """The endpoint of a managed identity in App Service."""
        said = {"access_token": self.token, "expires_on": "4102444800", "resource": "x", "token_type": "Bearer"}
        return 200, said, {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        if headers.get("authorization") != f"Bearer {self.token}":
            port = urlsplit(self.url).port
            challenge = (
                f'Bearer authorization="https://login.localhost/tenant", resource="https://vault.localhost:{port}"'
            )
            return 401, {"error": {"code": "Unauthorized"}}, {"WWW-Authenticate": challenge}
        if method != "GET" and not self.writable:
            return 403, {"error": {"code": "Forbidden", "message": "no set permission"}}, {}
        name, version = [*urlsplit(path).path.split("/")[2:], ""][:2]
        versions = self.kept.get(name, [])
        if method == "PUT":
            return self._set(name, body)
        if version == "versions":
            return 200, {"value": [{k: v for k, v in each.items() if k != "value"} for each in versions]}, {}
        found = [each for each in versions if not version or each["id"].endswith(f"/{version}")]
        if not found:
            return 404, {"error": {"code": "SecretNotFound", "message": "not found"}}, {}
        return 200, found[-1], {}

    def _set(self, name: str, body: Any) -> Answer:
        versions = self.kept.setdefault(name, [])
        made = 1_700_000_000 + len(versions)
        versions.append({
            "value": body["value"], "id": f"{self.url}/secrets/{name}/{secrets.token_hex(16)}",
            "attributes": {"enabled": True, "created": made, "updated": made}, "tags": body.get("tags"),
        })  # fmt: skip
        return 200, versions[-1], {}


@contextmanager
def azure_stand_in(secret: str, folder: Path) -> Iterator[SecretServer]:
    """See `_KeyVault`."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(AZURE_HOST).configure_cert(tls)
    certificates = folder / "azure-ca.pem"
    authority.cert_pem.write_to_path(str(certificates))
    state = _KeyVault()
    with serving(state.answer, tls) as server, serving(state.identity) as identity, _local_hosts():
        host = f"{AZURE_HOST}:{server.server_port}"
        state.url = f"https://{host}"

        def put(value: str) -> None:
            state.answer("PUT", "/secrets/es", {"authorization": f"Bearer {state.token}"}, {"value": value})

        put(secret)
        yield SecretServer(
            reference=f"azure-kv://{host}/es",
            environment={
                "REQUESTS_CA_BUNDLE": str(certificates),
                "IDENTITY_ENDPOINT": f"http://127.0.0.1:{identity.server_port}/token",
                "IDENTITY_HEADER": "test",
            },
            put=put,
            stop=_stopping(server),
            missing=f"azure-kv://{host}/nothing",
            forbid=lambda: setattr(state, "writable", False),
        )


@contextmanager
def _local_hosts() -> Iterator[None]:
    """Names below `localhost` are this machine, also where its resolver does not know that (RFC 6761)."""
    real = socket.getaddrinfo

    def local(host: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    socket.getaddrinfo = local
    try:
        yield
    finally:
        socket.getaddrinfo = real


# --- Google -------------------------------------------------------------------------------------------------------


@dataclass
class _SecretManager:
    """STAND-IN for the calls of `google.cloud.secretmanager.v1.SecretManagerService` that are made here."""

    writable: bool = True
    kept: dict[str, list[bytes]] = field(default_factory=dict)

    def access(self, request: Any, context: Any) -> Any:
        from google.cloud.secretmanager_v1 import types

        name, _, version = request.name.partition("/versions/")
        values = self.kept.get(name, [])
        number = len(values) if version == "latest" else int(version)
        if not 0 < number <= len(values):
            _abort(context, "NOT_FOUND")
        found = types.AccessSecretVersionResponse(name=f"{name}/versions/{number}")
        found.payload.data = values[number - 1]
        return found

    def listed(self, request: Any, _context: Any) -> Any:
        from google.cloud.secretmanager_v1 import types

        numbers = range(len(self.kept.get(request.parent, [])), 0, -1)
        versions = [types.SecretVersion(name=f"{request.parent}/versions/{each}") for each in numbers]
        return types.ListSecretVersionsResponse(versions=versions)

    def add(self, request: Any, context: Any) -> Any:
        from google.cloud.secretmanager_v1 import types

        if request.parent not in self.kept:
            _abort(context, "NOT_FOUND")
        if not self.writable:
            _abort(context, "PERMISSION_DENIED")
        self.kept[request.parent].append(request.payload.data)
        return types.SecretVersion(name=f"{request.parent}/versions/{len(self.kept[request.parent])}")

    def held(self, request: Any, _context: Any) -> Any:
        from google.iam.v1 import iam_policy_pb2

        return iam_policy_pb2.TestIamPermissionsResponse(permissions=request.permissions if self.writable else ())

    def handlers(self) -> Any:
        import grpc
        from google.cloud.secretmanager_v1 import types
        from google.iam.v1 import iam_policy_pb2 as iam

        def answers(call: Any, takes: Any, gives: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(call, takes.deserialize, gives.serialize)

        calls = {
            "AccessSecretVersion": answers(
                self.access, types.AccessSecretVersionRequest, types.AccessSecretVersionResponse
            ),
            "ListSecretVersions": answers(
                self.listed, types.ListSecretVersionsRequest, types.ListSecretVersionsResponse
            ),
            "AddSecretVersion": answers(self.add, types.AddSecretVersionRequest, types.SecretVersion),
            "TestIamPermissions": grpc.unary_unary_rpc_method_handler(
                self.held, iam.TestIamPermissionsRequest.FromString, iam.TestIamPermissionsResponse.SerializeToString
            ),
        }  # fmt: skip
        return grpc.method_handlers_generic_handler("google.cloud.secretmanager.v1.SecretManagerService", calls)


def _abort(context: Any, status: str) -> None:
    import grpc

    context.abort(grpc.StatusCode[status], "as ordered by a test")


@contextmanager
def google_stand_in(secret: str) -> Iterator[SecretServer]:
    """See `_SecretManager`."""
    import grpc

    from bot.secret_stores.google import EMULATOR

    state = _SecretManager()
    name = "projects/my-project/secrets/es"
    state.kept[name] = [secret.encode()]
    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((state.handlers(),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield SecretServer(
                reference="gcp-sm://my-project/es",
                environment={EMULATOR: f"127.0.0.1:{port}"},
                put=lambda value: state.kept[name].append(value.encode()),
                stop=lambda: server.stop(None).wait(),
                missing="gcp-sm://my-project/nothing",
                forbid=lambda: setattr(state, "writable", False),
            )
        finally:
            server.stop(None).wait()


# --- waiting ------------------------------------------------------------------------------------------------------


def _stopping(server: ThreadingHTTPServer) -> Callable[[], None]:
    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop


def _wait_for(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _until(listens)


def _until(true: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(START_SECONDS * 10):
        if true():
            return
        waiting.wait(0.1)
    raise AssertionError("the server did not start")
