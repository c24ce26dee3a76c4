"""Scores summarised for boxes: quantiles of each group, and the samples beyond them."""

from typing import Any

from actscore_sk.inspection.drawing import QUANTILES

OF_BOX = ["group", "held_out"]


def quantiles_of_boxes(samples: Any) -> Any:
    """Summarise the scores of each box, a row per box."""
    parts = samples.groupby(OF_BOX, sort=False, dropna=False)["score"]
    table = parts.agg(n="size", mean="mean").reset_index()
    for name, share in QUANTILES.items():
        table[name] = parts.quantile(share).to_numpy()
    return table


def from_top_to_bottom(table: Any, last: list) -> Any:
    """Sort boxes: the hardest group first, held-out samples below the others of their group, then groups of `last`."""
    trained_first = table.sort_values("held_out", kind="stable")
    medians = trained_first.drop_duplicates("group").set_index("group")["q50"]

    def place(box: int) -> tuple:
        group = table["group"][box]
        return last.index(group) if group in last else -1, -medians[group], str(group), table["held_out"][box]

    return table.iloc[sorted(range(len(table)), key=place)].reset_index(drop=True)


def beyond_boxes(samples: Any, table: Any) -> Any:
    """Return the samples beyond the whiskers, hardest first."""
    ends = samples.merge(table[[*OF_BOX, "q05", "q95"]], on=OF_BOX, how="left")
    is_beyond = (ends["score"] < ends["q05"]) | (ends["score"] > ends["q95"])
    found = ends.loc[is_beyond, [*OF_BOX, "sample", "name", "score"]]
    return found.sort_values("score", ascending=False, kind="stable", ignore_index=True)
