"""The bytes of rows depend on their values alone, however these are given."""

import numpy as np
import pytest

from collateral_registry.domain.audit.canonical import Column, Kind, Shape

SHAPE = Shape("one", (Column("text", Kind.TEXT, nullable=True),))


@pytest.mark.parametrize("texts", [["", "a", "bc"], ["", "é", "汉字"], ["a", None, "b"], ["\udcff", "a", ""]])
def test_texts_have_their_length_in_bytes_and_then_their_bytes(texts):
    encoded = [text if text is None else text.encode("utf-8", "surrogateescape") for text in texts]
    lengths = [-1 if one is None else len(one) for one in encoded]
    expected = np.array([len(texts), *lengths], dtype="<i8").tobytes() + b"".join(filter(None, encoded))

    for given in (texts, tuple(texts), np.array(texts, dtype=object)):
        assert SHAPE.block({"text": given}, len(texts)) == expected


@pytest.mark.parametrize("texts", [["a", 1], [b"a", "b"], ["a", "b", "c"]])
def test_values_that_are_not_texts_and_missing_rows_are_refused(texts):
    with pytest.raises((TypeError, ValueError)):
        SHAPE.block({"text": texts}, 2)
