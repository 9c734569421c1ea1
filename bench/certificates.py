"""A certificate for 127.0.0.1 and the authority that signed it, for the receivers of a run."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a receiver shows (`server`, with its key) and what a sender trusts (`authority`): PEM files."""

    server: Path
    authority: Path


def make_certificates(folder: Path) -> Certificates:
    """Write both into a folder; the keys are P-256, as most receivers' are."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    authority = _sign(name, authority_key, authority_key, x509.BasicConstraints(ca=True, path_length=None))
    server = _sign(name, server_key, authority_key, address)
    secret = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = Certificates(folder / "server.pem", folder / "authority.pem")
    made.server.write_bytes(secret + server.public_bytes(serialization.Encoding.PEM))
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return made


def _sign(
    issuer: x509.Name, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    subject = issuer if key is by else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    day = datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(extension, critical=False)
        .sign(by, hashes.SHA256())
    )
