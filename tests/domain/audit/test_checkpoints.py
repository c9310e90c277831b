"""Signed checkpoints: their format, their keys, and what a changed one looks like."""

import string

import pytest

from collateral_registry.domain.audit.checkpoints import Checkpoint, new_key, public_key, signing_key

KEY = new_key("bank.example/book")
CHECKPOINT = Checkpoint("bank.example/book", 7, bytes(range(32)))
NOTE = KEY.signed(CHECKPOINT)
BASE64 = f"{string.ascii_letters}{string.digits}+/="

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of the documentation of golang.org/x/mod/sumdb/note, which this program did not write."""


def test_a_checkpoint_is_the_signed_note_of_transparency_logs():
    lines = NOTE.split("\n")
    assert lines[:4] == ["bank.example/book", "7", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert lines[4].startswith("\N{EM DASH} bank.example/book ")
    assert KEY.public.verified(NOTE) == CHECKPOINT


def test_keys_are_the_same_after_they_were_written():
    assert signing_key(KEY.text + "\n").public == KEY.public == public_key(KEY.public.text)


def test_the_signature_of_another_program_is_valid_and_its_note_is_no_checkpoint():
    with pytest.raises(ValueError, match="want a number of entries"):
        public_key(GO_KEY).verified(GO_NOTE)
    with pytest.raises(ValueError, match="no valid signature"):
        public_key(GO_KEY).verified(GO_NOTE.replace("answer", "Answer"))


def test_every_change_of_one_character_is_found():
    for place, character in enumerate(NOTE):
        for other in BASE64.replace(character, ""):
            with pytest.raises(ValueError, match="checkpoint"):
                KEY.public.verified(NOTE[:place] + other + NOTE[place + 1 :])


def test_another_key_of_the_same_name_verifies_nothing():
    with pytest.raises(ValueError, match="no valid signature"):
        new_key("bank.example/book").public.verified(NOTE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a+b+c",
        "a+00000000+AAAA",
        pytest.param(KEY.text, id="private"),
        pytest.param(KEY.public.text.replace("bank", "Bank"), id="renamed"),
    ],
)
def test_a_text_that_is_no_public_key_is_refused(text):
    with pytest.raises(ValueError, match=r"^got "):
        public_key(text)


def test_an_error_about_a_private_key_does_not_quote_it():
    with pytest.raises(ValueError, match="damaged private key") as refused:
        signing_key(KEY.text.replace("bank", "Bank"))
    assert KEY.text[-20:] not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "b\u00fccher", "a\n"])
def test_a_name_that_notes_do_not_allow_is_refused(name):
    with pytest.raises(ValueError, match=r"^name: got"):
        new_key(name)
