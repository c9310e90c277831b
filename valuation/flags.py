"""Bit sets that state why a value is unknown, why it is zero, and what reduces its quality.

The numbers are stored and sent over the wire: add new ones, never change existing ones.
"""

from __future__ import annotations

from enum import IntFlag


class UnknownReason(IntFlag):
    """Reasons why a value is unknown. If any bit is set, the value is UNKNOWN; it must not be read as zero."""

    NONE = 0
    NO_PRICE = 1 << 0
    STALE_PRICE = 1 << 1
    NO_FX = 1 << 2
    STALE_FX = 1 << 3
    REGISTRATION_EXPIRED = 1 << 4
    INSURANCE_EXPIRED = 1 << 5
    RIGHT_EXPIRED = 1 << 6
    INSPECTION_OVERDUE = 1 << 7
    NO_MODEL = 1 << 8
    MISSING_PART = 1 << 9
    MISSING_INPUT = 1 << 10
    STATUS_UNCERTAIN = 1 << 11
    OUT_OF_RANGE = 1 << 12
    INSURANCE_MISSING = 1 << 13
    INSPECTION_MISSING = 1 << 14
    REGISTRATION_MISSING = 1 << 15
    LEDGER_STALE = 1 << 16
    CERTIFICATE_OVERDUE = 1 << 17
    VERIFICATION_OVERDUE = 1 << 18
    ROLL_FORWARD_GAP = 1 << 19
    ATTESTATION_STALE = 1 << 20


class ZeroReason(IntFlag):
    """Stated facts that make an asset worthless."""

    NONE = 0
    LAPSED = 1 << 0
    INVALIDATED = 1 << 1
    LOST = 1 << 2
    SEIZED = 1 << 3
    DOUBLE_PLEDGED = 1 << 4
    RETIRED = 1 << 5


class QualityFlag(IntFlag):
    """Limitations of a known value that its reader should consider."""

    NONE = 0
    SHORT_HISTORY = 1 << 0
    STALE_SERIES = 1 << 1
    SMOOTHED = 1 << 2
    STAND_IN_PART = 1 << 3
    FX_CONVERTED = 1 << 4
    GAPS = 1 << 5
    LEVEL_BREAK = 1 << 6
    VARIANCE_FLOOR = 1 << 7
    EXTRAPOLATED_HORIZON = 1 << 8
    AGE_BEYOND_TWICE_LIFE = 1 << 9
    HOURS_UNKNOWN = 1 << 10
    CONDITION_ASSUMED = 1 << 11
    BELOW_SCRAP = 1 << 12
    FLOOR_BINDS = 1 << 13
    CAP_BINDS = 1 << 14
    HOURS_BOUND = 1 << 15
    IRREGULAR_DATES = 1 << 16
    LIFE_TRUNCATED = 1 << 17
    STOCK_UNVERIFIED = 1 << 18
    STOCK_SHORT = 1 << 19
    PICKUP_AUTHORISED = 1 << 20
    OUTSIDE_COMPARABLES = 1 << 24
    LICENSED_EXCLUSIVELY = 1 << 25
    CO_OWNED = 1 << 26
    CAP_BY_SCORE = 1 << 27
    MODEL_AMBER = 1 << 29
    MODEL_RED = 1 << 30
    FALLEN_BACK = 1 << 31
    NEWER_PRICE_QUARANTINED = 1 << 32
    PRICE_ADJUSTED = 1 << 33
    COARSE_QUOTES = 1 << 34
    PRICED_AS_ANOTHER_GOOD = 1 << 36
    CLASS_NOT_IN_POLICY = 1 << 37
    FX_PATHS_DIFFER = 1 << 44
    LOAN_MATURED = 1 << 47
    CREDIT_LIMIT_EXCEEDED = 1 << 48
    PART_UNKNOWN = 1 << 49
    DILUTION_STAND_IN = 1 << 50
    SINGLE_DEBTOR = 1 << 51
    UNDISCLOSED = 1 << 52
    PD_STAND_IN = 1 << 53
