"""The sums of a group under a cut, from its first invoices, equal those of all its invoices after the cut."""

from dataclasses import fields

import numpy as np
import pytest

from collateral_registry.domain.receivables.changes.limited_group import CutSums, FreePart, limited_group
from collateral_registry.domain.receivables.pool_ladder import before_shares
from collateral_registry.domain.receivables.pool_sums import PoolSums
from tests.support.changing_pools import GROUPS, Pool, group_of
from tests.support.invoice_pools import TODAY, numbers


def _plain(one: CutSums) -> dict[str, object]:
    sums = {each.name: np.asarray(getattr(one.sums, each.name)).tolist() for each in fields(PoolSums)}
    return {"sums": sums, "debtors": dict(one.debtors)}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("debtor", ["a", "b", "e"])
def test_any_cut_of_a_group_leaves_what_its_invoices_leave(debtor, seed):
    pool = Pool(seed)
    for name in (debtor, *[one for one in GROUPS if group_of(one) == group_of(debtor)]) * 12:
        pool.change(name)
    part = before_shares(pool.facts({group_of(debtor)}), numbers(cross_age_share="1"), TODAY)
    group, whole = limited_group(part), part.left_minor[:, 0].tolist()
    ends = [group.conservative.ends_minor.tolist(), group.last_good.ends_minor.tolist()]
    drawn = [pool.draw.integers(0, most + 1, 20).tolist() for most in whole]

    for cut in [*zip(*drawn, strict=True), (0, whole[1]), (whole[0], 0), tuple(whole), *zip(*ends, strict=True)]:
        assert _plain(group.under({group.name: cut})) == _plain(FreePart(part).under({group.name: cut})), cut
    assert any(0 < cut < most for cut, most in zip(drawn[0], [whole[0]] * 20, strict=True))
