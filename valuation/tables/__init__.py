"""Reader of tables in files: bytes, text, records, columns, canonical cells.

``read_file`` is the only entry. Every step decides from the file itself and refuses what has two readings:

- ``source``: the bytes of a file, decompressed, and their format.
- ``encoding``: bytes to text.
- ``records``: text to a header and rows, with their lines; ``workbook`` and ``parquet`` do the same for their formats.
- ``header``: the columns that a ``schema`` names.
- ``numbers``, ``dates``: cells of a column to one canonical form, decided for the column as a whole.
- ``reader``: the steps in order, and the rows that were refused.
"""
