"""Registration of pledges: which claims are unknown, and how much a pledge without registration may claim."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.loans.agreements import Pledge
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.identifiers import check_identifier
from valuation._typing import Float, Int
from valuation.errors import InvalidInput
from valuation.flags import UnknownReason


def check_registration_number(pledge: Pledge) -> None:
    """Raises InvalidInput if the registration number of a pledge is in scientific notation."""
    check_identifier("pledge.registration_number", pledge.registration_number)


def check_registration_change(before: Pledge, after: Pledge) -> None:
    """Raises InvalidInput if the expiry of a registration is removed while its registry and number stay.

    A registration with a term is renewed until a later date; it does not become unlimited. A new registration number is
    checked.
    """
    if before.registration_number != after.registration_number:
        check_registration_number(after)
    same = (before.registry, before.registration_number) == (after.registry, after.registration_number)
    if same and before.registration_expire is not None and after.registration_expire is None:
        want = f"the date until which it is renewed: registration {before.registration_number!r} has a term"
        raise InvalidInput("pledge.registration_expire_date", "no date", want)


def registration_in_force(registered: NDArray[np.bool_], expire_day: Int, day: int) -> NDArray[np.bool_]:
    """Returns whether the registration of each pledge [p] is in force; one without an expiry does not expire."""
    in_force: NDArray[np.bool_] = registered & ((expire_day == NO_DAY) | (expire_day >= day))
    return in_force


def registration_unknown(registered: NDArray[np.bool_], in_force: NDArray[np.bool_], unregistered_legal: Float) -> Int:
    """Returns the UnknownReason bits of each pledge [p].

    A pledge without a registration in force is unknown where the policy states no legal haircut for it (NaN in
    ``unregistered_legal``).
    """
    unknown = ~in_force & np.isnan(unregistered_legal)
    reason = np.where(registered, int(UnknownReason.REGISTRATION_EXPIRED), int(UnknownReason.REGISTRATION_MISSING))
    bits: Int = np.where(unknown, reason, 0).astype(np.int64)
    return bits


def unregistered_share_ppm(share_ppm: Int, legal: Float, unregistered_legal: Float) -> Int:
    """Returns the share of the lendable value that pledges [p] may claim, rounded down.

    The lendable value contains the legal part of a registered pledge. Where the policy states a legal haircut for
    unregistered pledges, the deeper of both replaces it: share x (1 - unregistered_legal) / (1 - legal). Where it is
    NaN, the share is unchanged.
    """
    deeper = np.fmax(unregistered_legal, legal)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(legal < 1.0, (1.0 - deeper) / (1.0 - legal), 0.0)
    kept = np.where(np.isnan(unregistered_legal), 1.0, kept)
    share: Int = np.floor(share_ppm * kept).astype(np.int64)
    return share
