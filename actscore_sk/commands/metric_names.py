"""Names of metrics that a command is asked for."""

from actscore_sk.exceptions import CommandError
from actscore_sk.metrics.registry import METRICS, get_metric


def metric_names(given: list[str]) -> tuple[str, ...]:
    """Split the values of ``--metrics`` and check them; the action score always comes first.

    Parameters
    ----------
    given : list of str
        Names, or several of them with commas between.

    Returns
    -------
    names : tuple of str
        Each once.

    Raises
    ------
    CommandError
        If there is no such metric, with the names there are.

    Examples
    --------
    >>> metric_names(["aum,el2n", "forgetting", "aum"])
    ('action_score', 'aum', 'el2n', 'forgetting')
    """
    names = [name for value in given for name in value.split(",") if name]
    try:
        return tuple(dict.fromkeys(get_metric(name).name for name in ("action_score", *names)))
    except ValueError as error:
        raise CommandError(str(error)) from error


def check_metrics(names: tuple[str, ...], task: str) -> None:
    """Refuse metrics that need classes where there are none.

    Parameters
    ----------
    names : tuple of str
        Metrics to record.
    task : {"classification", "regression"}
        What the net learns.

    Raises
    ------
    CommandError
        Naming the first such metric and those that are possible.
    """
    possible = [name for name, metric in METRICS.items() if metric.regression_measurement or task == "classification"]
    for name in names:
        if name not in possible:
            raise CommandError(f"the metric {name!r} needs classes; {task} has {', '.join(possible)}")
