"""What a notebook and a prompt show of a report: the headline, and the rows to look at first."""

from typing import Any

from actscore_sk.inspection.report.headline import find_headline
from actscore_sk.inspection.report.html import render
from actscore_sk.inspection.report.rows import first_rows

N_ROWS = 10


def describe_report(report: Any) -> str:
    """Describe a report in one line.

    Parameters
    ----------
    report : ActionScoreReport
        Groups are not compared for it.
    """
    headline = find_headline(report.scores, report.rows, report.labels, [])
    said = "; ".join(filter(None, [headline.sentence, headline.action]))
    return f'<{type(report).__name__} {report.title!r}: {said}; .save("report.html") writes the page>'


def notebook_view(report: Any) -> str:
    """Return the headline and the first rows as HTML, without style or script.

    Parameters
    ----------
    report : ActionScoreReport
        Groups are not compared for it.
    """
    rows = report.frame()
    headline = find_headline(report.scores, rows, report.labels, [])
    of_page = {"first_rows": first_rows(rows.head(N_ROWS)), "n_rows": len(rows)}
    return render("notebook.html", title=report.title, headline=headline, **of_page)
