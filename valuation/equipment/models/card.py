"""Model card: training data, scores on later sales, and limits of use."""

from __future__ import annotations

from collections.abc import Iterable

from valuation.equipment.flags import Step
from valuation.equipment.models.hedonic import Learned
from valuation.equipment.models.scores import Score
from valuation.equipment.sales.files import date_of_years
from valuation.equipment.sales.observations import SEPARATOR


def card_text(learned: Learned, data_hash: str) -> str:
    """Returns the model card as Markdown."""
    mapping, terms, market = learned.mapping, learned.terms, learned.trees.index.market
    first, last = date_of_years(learned.first_time), date_of_years(learned.last_time)
    explained = f"corrects the reference value in {mapping.reference}" if mapping.reference else "explains the price"
    stated = f"stated for {mapping.marketability}"
    factors = "learned from prices over estimates on later sales" if mapping.reference else stated
    lines = [
        "# Equipment model",
        "",
        f"Learned from {learned.sales} sales from {first} to {last}; {learned.left_out} rows were excluded.",
        f"SHA-256 of the sales: {data_hash}. Currency: {mapping.currency or 'not stated'}.",
        f"The model {explained} by age, {mapping.hours_unit}, level of the hierarchy, attributes and time.",
        "",
        "## Scores on the latest sales by a model fitted to the earlier ones",
        "",
        *_table(learned.held_out),
        "",
        "## Limits",
        "",
        f"- The market level after {last} is a forecast; its log error after one year is {market.error_a_year:.3f}.",
        f"- Half widths are multiplied by {learned.calibration.pooled:.2f} on average, and further by step: "
        + ", ".join(f"{step.name.lower()} {one:.2f}" for step, one in zip(Step, learned.calibration.steps, strict=True))
        + ".",
        f"- OLV is {terms.olv_factor:.2f} and FLV {terms.flv_factor:.2f} of FMV, {factors}.",
        "- Prices apply to the market of the sales; other markets have other prices.",
        "- Title, damage without a column, and kinds of machines without sales are not considered.",
        "",
    ]
    return "\n".join(lines)


def _table(scores: Iterable[Score]) -> list[str]:
    head = [
        "| group | sales | RMSLE | mean log bias | 80 % interval covers | pinball | median error |",
        "|---|---|---|---|---|---|---|",
    ]
    return head + [
        f"| {score.group.replace(SEPARATOR, ' ')} | {score.sales} | {score.rmsle:.3f} | {score.bias:+.3f} "
        f"| {score.coverage:.1%} | {score.pinball:.4f} | {score.median_error:,.0f} |"
        for score in scores
    ]
