"""Keyed pseudonyms: how an identifier of a person becomes a key that says nothing without the secret.

Belongs here: the hash and where its key comes from. Does not belong here: which columns are hashed
(``schemas.lake``) or how a whole table is (``ingest.write``).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
from pathlib import Path

from tierline.errors import ConfigurationError
from tierline.home import Home, make_directory
from tierline.sources.info import SourceInfo

DEMO_KEY: bytes = b"tierline published demonstration key: for invented data only"
"""The key of invented data. It is public, so that simulated lakes are the same everywhere; never use it for people."""

KEY_VARIABLE = "TIERLINE_PSEUDONYM_KEY_FILE"
MINIMUM_KEY_BYTES = 32
HEX_DIGITS = 32
SECRET_MODE = 0o600
SECRET_DIRECTORY_MODE = 0o700

log = logging.getLogger("tierline")


def pseudonymise(value: str, key: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of ``value`` in UTF-8 under ``key``: its first 32 hex digits.

    >>> pseudonymise("C000001", b"0" * 32)
    'cadc7dcd81d449b16a2c68b6f0c4b660'
    """
    return hmac.digest(key, value.encode("utf-8"), hashlib.sha256).hex()[:HEX_DIGITS]


def load_key(home: Home, info: SourceInfo) -> bytes:
    """The key of a home: the published one for invented data, otherwise the content of a secret file.

    The file is ``TIERLINE_PSEUDONYM_KEY_FILE``, which must exist, or ``secrets/pseudonym.key`` below the home, which is
    made on first use. Its stripped bytes are the key. Raises ``ConfigurationError`` for a missing or short key, and
    where a lake stands whose key is gone: a new one would silently split every customer in two.
    """
    if info.pseudonym_key == "demo":
        return DEMO_KEY
    named = os.environ.get(KEY_VARIABLE)
    if named:
        return _read_key(Path(named))
    path = home.root / "secrets" / "pseudonym.key"
    if not path.exists():
        if any((home.lake / "loads").glob("*.json")):
            raise ConfigurationError(f"{path}: missing, but the lake was made with it: restore it from your copy")
        _create_key(path)
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(f"{path}: pseudonym key cannot be read: {error.strerror}") from error
    if len(key) < MINIMUM_KEY_BYTES:
        raise ConfigurationError(
            f"{path}: pseudonym key has {len(key)} bytes: at least {MINIMUM_KEY_BYTES} are needed; "
            "restore the right file (a new key would change every customer_key)"
        )
    return key


def _create_key(path: Path) -> None:
    make_directory(path.parent).chmod(SECRET_DIRECTORY_MODE)
    # O_EXCL: of two runs that start together, one makes the key and the other fails instead of splitting the lake.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(secrets.token_bytes(32).hex().encode() + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    log.warning("made a new pseudonym key in %s: keep a copy, no later night can be run without it", path)
