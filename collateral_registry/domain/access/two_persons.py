"""The rule by which a second person decides what a first one proposed or submitted (docs/security.md)."""

from __future__ import annotations

import re
import unicodedata

from collateral_registry.domain.access.callers import LOCAL_OWNER, Author
from collateral_registry.domain.shared.errors import Refused

_UNSEEN = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Joiners and selectors of variants, which names may have."""


def check_second_person(first: Author, second: Author, reason: str, first_role: str) -> None:
    """Raises Refused unless two authors are different persons; ``first_role`` is the word for the first.

    Neither name of the one may be a name of the other. The principal of the local owner names no person, and an empty
    principal was not recorded.
    """
    if not _names(first) & _names(second):
        return
    if _folded(second.actor) in _names(first):
        raise Refused(reason, f"actor: got {second.actor}, want a person other than the {first_role}")
    raise Refused(
        reason,
        f"actor: got {second.actor} by the identity {second.principal}, want a person with another identity than the "
        f"{first_role}",
    )


def _names(author: Author) -> frozenset[str]:
    """Returns the names of a person."""
    principal = "" if author.principal == LOCAL_OWNER.principal else author.principal
    return frozenset(_folded(name) for name in (principal, author.actor) if name)


def _folded(name: str) -> str:
    """Returns a name without its issuer, without case and with single blanks, so that people/ana and Ana are one.

    Characters that mean the same are one, such as a letter with an accent and the letter before a combining accent.
    """
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", name)).casefold()
    return " ".join(text.rstrip("/ ").rpartition("/")[2].split())
