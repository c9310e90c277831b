"""The database schema, one module per subject. Tables only hold data; the domain types enforce the invariants.

The suffix of a column states its unit: ``_minor`` is minor units of the row's currency, ``_ppm`` millionths, ``_day``
days from 1970-01-01 (NO_DAY if unset), ``_us`` microseconds from 1970-01-01 UTC. Quantities are whole millionths of
the unit of the asset or lot. ``seq`` is the commit that recorded a row; such rows are never changed. Valuations and
judgements are written by changes of the book (``of_run`` 0) or by revaluation runs (``of_run`` is the number of the
partition, counted from 1; 1 in rows older than the audit log). The rows of a run
have the sequence of its start and take effect when it is published (store/revaluation/row_versions.py).
"""
