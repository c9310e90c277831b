"""The database schema: thin tables, one module per subject. Invariants live in the domain types.

A column's name states its unit: ``_minor`` is minor units of the row's currency, ``_ppm`` millionths, ``_day`` days
from 1970-01-01 (NO_DAY where unset), ``_us`` microseconds from 1970-01-01 UTC. Quantities are whole millionths of the
unit of the asset or lot. ``seq`` is the commit that recorded a fact; rows that carry one are never changed afterwards.
Valuations and judgements come from changes of the book (``of_run`` 0) and from revaluation runs (1). The rows of a run
carry the sequence of the run's start and count once the run is published (store/revaluation/row_versions.py).
"""
