"""How a client proves who it is to HTTP and RTSP servers: Basic (RFC 7617), Digest (RFC 7616)."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Sequence

_PARAMETER = re.compile(r'([a-zA-Z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_SCHEME = re.compile(r"(?:^|,)\s*(basic|digest)(?=\s|$)", re.IGNORECASE)
# MD5 is what most cameras ask for; no security rests on it that the plain password would not give.
_HASHES = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}


def authorization(
    challenges: Sequence[str], user: str, password: str, method: str, target: str
) -> str | None:
    """The value of the header ``Authorization``.

    Args:
        challenges: Values of ``WWW-Authenticate``.
        user: Name of the user.
        password: The password.
        method: ``GET`` or ``DESCRIBE``.
        target: What the request asks for, as in its first line.

    Returns:
        None where the server asks for a scheme that is not known.
    """
    schemes = [found for text in challenges for found in _schemes(text)]
    for scheme, rest in schemes:
        if scheme == "digest":
            digest = _digest(_parameters(rest), user, password, method, target)
            if digest is not None:
                return digest
    if any(scheme == "basic" for scheme, _ in schemes):
        return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")
    return None


def _schemes(challenge: str) -> list[tuple[str, str]]:
    """Each scheme of a field with its parameters; one field may hold several schemes."""
    pieces = _SCHEME.split(challenge)
    return [(name.lower(), rest) for name, rest in zip(pieces[1::2], pieces[2::2], strict=True)]


def _parameters(text: str) -> dict[str, str]:
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(text)}


def _digest(
    asked: dict[str, str], user: str, password: str, method: str, target: str
) -> str | None:
    algorithm = asked.get("algorithm", "MD5")
    family = algorithm.lower().removesuffix("-sess")
    if family not in _HASHES or "nonce" not in asked:
        return None

    def hashed(*parts: str) -> str:
        digest = hashlib.new(_HASHES[family], usedforsecurity=False)
        digest.update(":".join(parts).encode("utf-8"))
        return digest.hexdigest()

    realm, nonce, ours = asked.get("realm", ""), asked["nonce"], secrets.token_hex(8)
    secret = hashed(user, realm, password)
    if algorithm.lower().endswith("-sess"):
        secret = hashed(secret, nonce, ours)
    quoted = user.replace("\\", "\\\\").replace('"', '\\"')
    fields = {"username": quoted, "realm": realm, "nonce": nonce, "uri": target}
    qop = "auth" in re.split(r"[\s,]+", asked.get("qop", ""))
    proof = (nonce, "00000001", ours, "auth") if qop else (nonce,)
    fields["response"] = hashed(secret, *proof, hashed(method, target))
    if "opaque" in asked:
        fields["opaque"] = asked["opaque"]
    text = ", ".join(f'{name}="{value}"' for name, value in fields.items())
    if "algorithm" in asked:
        text += f", algorithm={algorithm}"
    if qop or algorithm.lower().endswith("-sess"):
        text += f', cnonce="{ours}"'
    return f"Digest {text}" + (", qop=auth, nc=00000001" if qop else "")
