"""Names and notes: every script is allowed, and no character that has no shape or commands the reader's screen."""

import pytest

from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput


@pytest.mark.parametrize(
    "text",
    [
        "Acme & Söhne GmbH",
        "شركة المعادن",
        "מתכות בע״מ",
        "\u0645\u06cc\u200c\u062e\u0648",
        "ക്\u200dഷ",
        "क्\u200dष",
        "中国铜业\u3000有限公司",
        "Cu\u00a0100",
        "\U0001f469\u200d\U0001f33e farm \u2764\ufe0f\u200d\U0001f525",
        "a\u0301",
    ],
    ids=ascii,
)
def test_texts_of_every_script_are_unchanged(text):
    assert checked_text("owner", text) == text


CONTROLS = ["\0", "\x1b", "\n", "\x7f", "\x9b", "\u200e", "\u202e", "\u2066", "\u2028", "\u061c"]
SHAPELESS = ["\u00ad", "\u200b", "\ufeff", "\u3164", "\U000e0041", "\u200d", "\u200c"]


@pytest.mark.parametrize("character", CONTROLS + SHAPELESS, ids=ascii)
def test_a_character_without_shape_or_with_a_command_is_named(character):
    with pytest.raises(InvalidInput, match=rf"owner: got .* with U\+{ord(character):04X}"):
        checked_text("owner", f"Acme{character}Ltd")


@pytest.mark.parametrize("text", ["\u0645\u06cc\u200c\u200c\u062e", "\u200dAcme"], ids=ascii)
def test_a_joiner_that_joins_nothing_is_refused(text):
    with pytest.raises(InvalidInput, match="invisible characters"):
        checked_text("owner", text)
