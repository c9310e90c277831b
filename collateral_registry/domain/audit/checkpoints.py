"""Signed checkpoints of the audit log, and the keys that sign and verify them.

A checkpoint has the format of transparency logs (https://c2sp.org/tlog-checkpoint), a signed note: the origin of the
log, the number of its entries and the root of their Merkle tree, an empty line, and the signatures. Keys have the
format of signed notes (https://c2sp.org/signed-note) with Ed25519, so that other programs can verify them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from collateral_registry.domain.audit.fault import decoded

_ED25519 = b"\x01"
_ID_BYTES = 4
_PRIVATE = "PRIVATE+KEY+"
_MARK = "\N{EM DASH} "
_NAME = re.compile(r"[!-*,-~]{1,200}")
"""Visible characters of ASCII but the plus sign, which separates the parts of a key."""

NOTE_LIMIT_CHARACTERS = 10_000
"""Longest text of a checkpoint that is read."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: its origin, the number of its entries, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies checkpoints; ``text`` is the form in which it is handed to verifiers."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """The bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as a line of text."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    def verified(self, note: str) -> Checkpoint:
        """Returns the checkpoint that a note states; raises ValueError if this key has not signed it."""
        if len(note) > NOTE_LIMIT_CHARACTERS:
            raise ValueError(f"checkpoint: got {len(note)} characters, want at most {NOTE_LIMIT_CHARACTERS}")
        text, gap, signatures = note.partition("\n\n")
        if not gap or not signatures.endswith("\n"):
            raise ValueError("checkpoint: got no signed note, want a text, an empty line and signatures")
        text += "\n"
        if not any(self._has_signed(text, line) for line in signatures.splitlines()):
            raise ValueError(f"checkpoint: got no valid signature of key {self.name}+{self.id.hex()}")
        return _parsed(text)

    def _has_signed(self, text: str, line: str) -> bool:
        name, _, encoded = line.removeprefix(_MARK).partition(" ")
        if not line.startswith(_MARK) or name != self.name:
            return False
        try:
            signature = decoded(encoded)
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature[_ID_BYTES:], text.encode())
        except (ValueError, InvalidSignature):
            return False
        return signature[:_ID_BYTES] == self.id


@dataclass(frozen=True)
class SigningKey:
    """A private key that signs checkpoints."""

    name: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The key that verifies its signatures."""
        return PublicKey(self.name, self.key.public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """The key as a line of text, which must be kept secret."""
        secret = base64.b64encode(_ED25519 + self.key.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{secret}"

    def signed(self, checkpoint: Checkpoint) -> str:
        """Returns the signed note of a checkpoint."""
        signature = self.public.id + self.key.sign(checkpoint.text.encode())
        return f"{checkpoint.text}\n{_MARK}{self.name} {base64.b64encode(signature).decode()}\n"


def new_key(name: str) -> SigningKey:
    """Returns a new key; raises ValueError for a name that no key can have."""
    return SigningKey(_named(name), Ed25519PrivateKey.generate())


def signing_key(text: str) -> SigningKey:
    """Returns the private key that a text states; raises ValueError, which does not quote the text."""
    line = text.strip()
    if not line.startswith(_PRIVATE):
        raise ValueError(f"got no private key, want a line that begins with {_PRIVATE}")
    name, id_text, raw = _key_parts(line.removeprefix(_PRIVATE))
    key = SigningKey(name, Ed25519PrivateKey.from_private_bytes(raw))
    if key.public.id != id_text:
        raise ValueError("got a damaged private key, want the line that collateral audit keys wrote")
    return key


def public_key(text: str) -> PublicKey:
    """Returns the public key that a text states; raises ValueError."""
    line = text.strip()
    if line.startswith(_PRIVATE):
        raise ValueError("got a private key, want the public key, which collateral audit keys printed")
    name, id_text, raw = _key_parts(line)
    key = PublicKey(name, raw)
    if key.id != id_text:
        raise ValueError("got a damaged public key, want the line that collateral audit keys printed")
    return key


def _key_parts(line: str) -> tuple[str, bytes, bytes]:
    """Returns the name, the id and the 32 bytes of a key; raises ValueError."""
    name, *rest = line.split("+", 2)
    try:
        id_text, encoded = rest
        key_id, raw = bytes.fromhex(id_text), decoded(encoded)
    except ValueError:
        raise ValueError("got no key, want a line of the form name+id+key") from None
    if len(raw) != len(_ED25519) + 32 or not raw.startswith(_ED25519):
        raise ValueError("got another kind of key, want an Ed25519 key of a signed note")
    return _named(name), key_id, raw[len(_ED25519) :]


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"name: got {name!r}, want 1 to 200 visible ASCII characters without a plus sign")
    return name


def _parsed(text: str) -> Checkpoint:
    """Returns the checkpoint of a text; raises ValueError if it is not in the one form that states it."""
    origin, size, root, *_ = [*text.split("\n"), "", "", ""]
    if not re.fullmatch("0|[1-9][0-9]{0,17}", size):
        raise ValueError(f"checkpoint: got size {size!r}, want a number of entries")
    found = Checkpoint(origin, int(size), decoded(root))
    if found.text != text:
        raise ValueError("checkpoint: got other lines, want an origin, a size and a root")
    return found
