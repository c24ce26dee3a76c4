"""A page from its template: text is escaped, and only the page's own style and script are in force."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from actscore_sk._version import __version__

PACKAGE = "actscore_sk.inspection.report"
STYLES = ("page.css", "evidence.css", "rows.css", "print.css")
# in the order in which they use each other
SCRIPTS = (
    *("data.js", "state.js", "moves.js", "filters.js", "columns.js"),
    *("verdicts.js", "export.js", "table.js", "start.js"),
)


def render_page(**values: Any) -> str:
    """Fill in the template ``page.html``.

    Parameters
    ----------
    **values : dict
        Names that the template uses; text and texts in tables are escaped there. ``data`` is JSON without ``<``, see
        `encode_rows`: it is inserted as it is.

    Returns
    -------
    page : str
        HTML that refers to nothing outside itself.

    Raises
    ------
    jinja2.UndefinedError
        If a name that the template uses is missing.
    """
    loader, environment = PackageLoader(PACKAGE), _environment()
    style, script = (
        "\n".join(loader.get_source(environment, name)[0] for name in names) for names in (STYLES, SCRIPTS)
    )
    return render("page.html", version=__version__, style=style, script=script, **values)


def render(name: str, **values: Any) -> str:
    """Fill in a template; text is escaped.

    Parameters
    ----------
    name : str
        File among the templates.
    **values : dict
        Names that it uses.
    """
    return _environment().get_template(name).render(**values)


@cache
def _environment() -> Environment:
    loader = PackageLoader(PACKAGE)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["policy_hash"] = policy_hash
    return environment


def policy_hash(text: str) -> str:
    """Return the source expression by which a Content-Security-Policy allows exactly this inline text.

    Parameters
    ----------
    text : str
        All that stands between the tags of a style or script.

    Returns
    -------
    expression : str
        Without quotes.

    Examples
    --------
    >>> policy_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
