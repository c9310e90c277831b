"""Reads a book from a server into tables for pandas, polars and Arrow.

>>> from collateral_registry.notebook import connect                                              # doctest: +SKIP
>>> book = connect("127.0.0.1:50051")                                                             # doctest: +SKIP
>>> book.loans(as_of="2022-07-13").to_pandas()                                                    # doctest: +SKIP
"""

from collateral_registry.notebook.book import Book, connect
from collateral_registry.notebook.channel import CallFailed, TooManyRows, Unreachable

__all__ = ["Book", "CallFailed", "TooManyRows", "Unreachable", "connect"]
