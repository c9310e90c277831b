"""Boosted trees held monotone, for quantiles of a number.

LightGBM refuses monotone constraints with its own quantile objective, so the quantiles are learned by the pinball loss
with its corner rounded by a logistic curve, given as gradient and curvature. Words are codes in the order of their
frequency, split like numbers: told apart as categories they cost accuracy on later sales. LightGBM is imported where it
is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from lightgbm import Booster


ROUNDS = (50, 100, 150, 200, 250, 300)
"""Numbers of trees that are tried on later sales; more gain nothing and cost time at every appraisal."""

PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.07,
    "num_leaves": 31,
    "min_data_in_leaf": 70,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 1,
    "verbose": -1,
}
"""One thread and a fixed seed: the same sales give the same bytes, and a busy machine does not stall the fit."""

ROUNDING_SHARE = 0.25
"""Width over which the corner of the pinball loss is rounded, of the distance between the quartiles of the target."""

ROUNDING_LEAST = 0.01

CURVATURE_FLOOR = 0.05


def grow(matrix: Float, target: Float, level: float, monotone: Sequence[int], rounds: int) -> Booster:
    """As many trees as there are rounds, for a quantile level of a target [n] by features [n, f].

    Each feature is held monotone by its sign.
    """
    import lightgbm  # noqa: PLC0415 - a second to import, and the service runs without it

    between_quartiles = float(np.subtract(*np.quantile(target, [0.75, 0.25])))
    loss = rounded_pinball(level, max(ROUNDING_SHARE * between_quartiles, ROUNDING_LEAST))
    parameters = {**PARAMETERS, "objective": loss, "monotone_constraints": list(monotone)}
    return lightgbm.train(parameters, lightgbm.Dataset(matrix, target, params={"verbose": -1}), rounds)


def rounded_pinball(level: float, rounding: float) -> Callable[[Float, Any], tuple[Float, Float]]:
    """Gradient and curvature [n] of the rounded pinball loss at a quantile level."""

    def loss(predicted: Float, data: Any) -> tuple[Float, Float]:  # noqa: ANN401 - LightGBM's data set
        below = 1.0 / (1.0 + np.exp(-(predicted - data.get_label()) / rounding))
        return below - level, np.maximum(below * (1.0 - below), CURVATURE_FLOOR) / rounding

    return loss


def trees_of(text: str, features: int) -> Booster:
    """Trees from their text; raises InvalidInput when they are not whole or not of that many features."""
    import lightgbm  # noqa: PLC0415 - see above

    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise InvalidInput("trees", str(error), "the text of a LightGBM model") from None
    if booster.num_feature() != features:
        raise InvalidInput("trees", f"{booster.num_feature()} features", f"{features}")
    return booster
