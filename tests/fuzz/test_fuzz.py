"""Random configurations against a plain loop: scores, visits, parameters, generators; `__main__` tries more."""

import pytest

from tests.fuzz.compare import run
from tests.fuzz.configuration import draw

N_SEEDS, N_AT_ONCE = 150, 15


@pytest.mark.parametrize("first", range(0, N_SEEDS, N_AT_ONCE))
def test_scores_and_nets_are_those_of_a_plain_loop(first, tmp_path):
    reports = [run(draw(seed), tmp_path) for seed in range(first, first + N_AT_ONCE)]
    mismatches = [str(report) for report in reports if report.kind == "mismatch"]
    assert not mismatches, "\n".join(mismatches)
