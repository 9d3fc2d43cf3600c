"""The files of a TLS connection: the authorities to trust, and the client certificate with its key."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi


@dataclass(frozen=True)
class WrongFile:
    """A file that cannot be used. `setting` is its key in `access.yaml`."""

    setting: str
    problem: str
    to_do: str


def tls_context(ca_certs: str | Path | None, certificate: str | Path | None, key: str | Path | None) -> ssl.SSLContext:
    """Trusts the system's authorities and those of `ca_certs`, and shows the client certificate.

    Raises `ssl.SSLError` for a file that is no PEM and a key of another certificate, and `OSError`.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where() if ca_certs is None else ca_certs)
    if certificate is not None:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    return context


def wrong_file(ca_certs: Path | None, certificate: Path | None, key: Path | None) -> WrongFile | None:
    """The first file that cannot be used; `None` if all can."""
    for setting, file in (("ca_certs", ca_certs), ("client_certificate", certificate), ("client_key", key)):
        if file is not None:
            try:
                file.open("rb").close()
            except OSError as error:
                return WrongFile(setting, f"{file} cannot be read: {error.strerror}", f"Let this user read '{file}'.")
    try:
        tls_context(ca_certs, None, None)
    except OSError:
        to_do = "It is a PEM file, with lines like -----BEGIN CERTIFICATE-----"
        return WrongFile("ca_certs", f"there is no certificate in {ca_certs}", to_do)
    try:
        tls_context(None, certificate, key)
    except OSError:
        where = f"{certificate} and {key}" if key else f"{certificate}"
        return WrongFile(
            "client_certificate",
            f"{where}: no certificate with its own private key",
            "They are PEM files: the certificate first, then those that issued it; the key without a password.",
        )
    return None
