"""The keyed hash against an independent computation, and the life of its key."""

from __future__ import annotations

import hashlib
import logging
import stat
from datetime import date

import pytest

from tierline.errors import ConfigurationError
from tierline.home import Home
from tierline.ingest.pseudonyms import DEMO_KEY, load_key, pseudonymise
from tierline.sources.info import SourceInfo

DEMO = SourceInfo(name="t", tables=[], first_day=date(2026, 1, 1), as_of=date(2026, 1, 1), pseudonym_key="demo")
REAL = DEMO.model_copy(update={"pseudonym_key": "file"})


def reference(value: str, key: bytes) -> str:
    """RFC 2104 written out: H((K xor opad) || H((K xor ipad) || text))."""
    padded = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + value.encode()).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).hexdigest()[:32]


@pytest.mark.parametrize("value", ["", "C000001", "客户-7", "a" * 200])
@pytest.mark.parametrize("key", [DEMO_KEY, b"k" * 32, b"k" * 64, b"k" * 100])
def test_the_pseudonym_is_hmac_sha256(value: str, key: bytes) -> None:
    assert pseudonymise(value, key) == reference(value, key)


def test_invented_data_uses_the_published_key_and_makes_no_file(home: Home) -> None:
    assert load_key(home, DEMO) == DEMO_KEY
    assert not (home.root / "secrets").exists()


def test_a_key_is_made_once_private_and_announced(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="tierline"):
        key = load_key(home, REAL)
    path = home.root / "secrets" / "pseudonym.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.decode())) == 32
    assert str(path) in caplog.text
    assert key.decode() not in caplog.text
    assert load_key(home, REAL) == key


@pytest.mark.parametrize("content", [b"", b"\n", b"short\n", b"x" * 31])
def test_a_short_key_is_refused(home: Home, content: bytes) -> None:
    path = home.root / "secrets" / "pseudonym.key"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"pseudonym\.key: pseudonym key has \d+ bytes"):
        load_key(home, REAL)
    assert path.read_bytes() == content


def test_a_named_key_file_must_exist(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_PSEUDONYM_KEY_FILE", str(home.root / "elsewhere.key"))
    with pytest.raises(ConfigurationError, match="elsewhere"):
        load_key(home, REAL)
    (home.root / "elsewhere.key").write_bytes(b"z" * 40)
    assert load_key(home, REAL) == b"z" * 40


def test_a_lost_key_of_a_lake_is_not_replaced(home: Home) -> None:
    (home.lake / "loads").mkdir(parents=True)
    (home.lake / "loads" / "2026-01-01_2026-01-01.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="restore it"):
        load_key(home, REAL)
