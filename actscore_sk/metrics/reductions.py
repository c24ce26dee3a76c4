"""How the visits of a sample become its score: one row per reduction."""

from dataclasses import dataclass, field

from actscore_sk.metrics.epoch_statistics import InterpolatedSum
from actscore_sk.metrics.statistics import Mean, Statistic, Sum
from actscore_sk.metrics.windowed_statistics import WindowedMean, WindowedSum


@dataclass(frozen=True)
class Reduction:
    """One row of the table.

    Parameters
    ----------
    name : str
        Value of the parameter ``reduction``.
    score : type of Statistic
        Statistic of the action score.
    of_parts : type of Statistic
        Statistic of the parts of a loss and of its units.
    replaces : dict of type to type
        Statistics of the other metrics that become another one; those not named stay.
    needs_held_out : bool
        True if it goes by the loss of held-out samples.
    compares_exposure : bool
        True if a sample that is visited more often scores higher for that alone.

    Examples
    --------
    >>> REDUCTIONS["auto"].statistic_of(Mean).__name__
    'WindowedMean'
    """

    name: str
    score: type[Statistic]
    of_parts: type[Statistic]
    replaces: dict[type[Statistic], type[Statistic]] = field(default_factory=dict)
    needs_held_out: bool = False
    compares_exposure: bool = False

    def statistic_of(self, statistic: type[Statistic]) -> type[Statistic]:
        """Return the statistic that takes the place of a metric's own under the reduction."""
        return self.replaces.get(statistic, statistic)


REDUCTIONS = {
    row.name: row
    for row in (
        Reduction("sum", Sum, of_parts=Sum, compares_exposure=True),
        Reduction("mean", Mean, of_parts=Mean),
        Reduction("interpolated", InterpolatedSum, of_parts=InterpolatedSum),
        Reduction(
            "auto",
            WindowedSum,
            of_parts=Sum,
            replaces={Mean: WindowedMean},
            needs_held_out=True,
            compares_exposure=True,
        ),
    )
}
