"""Pieces of a page in HTML: everything that comes from outside is escaped here."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from copy import copy
from hashlib import sha256
from html import escape
from importlib.resources import files
from io import BytesIO
from string import Template
from typing import TYPE_CHECKING, Any

from actscore_sk._version import __version__
from actscore_sk.inspection.drawing import Display
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

DPI = 144  # twice what a screen shows, for screens of fine pixels


def element(tag: str, *content: str, **attributes: str) -> str:
    """Write one element; `content` is HTML, attributes are text (``class_`` for class).

    Examples
    --------
    >>> element("p", escape("a < b"), class_='"x"')
    '<p class="&quot;x&quot;">a &lt; b</p>'
    """
    given = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{given}>{''.join(content)}</{tag}>"


def paragraph(text: str) -> str:
    """Write a paragraph of text."""
    return element("p", escape(text))


def facts(pairs: Mapping[str, str]) -> str:
    """Write names and values side by side."""
    return element(
        "dl", *(element("div", element("dt", escape(k)), element("dd", escape(v))) for k, v in pairs.items())
    )


def table(frame: "pd.DataFrame", *, bold: Iterable[bool] = ()) -> str:
    """Write a table of ready texts; columns of numbers, as text or not, stand to the right.

    Parameters
    ----------
    frame : DataFrame of str
        What is shown.
    bold : iterable of bool, optional
        Which rows stand out.
    """
    kinds = ["number" if all(map(_looks_like_a_number, frame.iloc[:, i])) else "text" for i in range(frame.shape[1])]
    heads = [element("th", escape(str(n)), scope="col", class_=k) for n, k in zip(frame.columns, kinds, strict=True)]
    rows = []
    marks = list(bold) or [False] * len(frame)
    for values, mark in zip(frame.itertuples(index=False, name=None), marks, strict=True):
        cells = [element("td", escape(str(v)), class_=k) for v, k in zip(values, kinds, strict=True)]
        rows.append(element("tr", *cells, class_="differs" if mark else "plain"))
    return element("thead", element("tr", *heads)) + element("tbody", *rows)


def figure(display: Display, caption: str) -> str:
    """Draw a display; the caption also says what is seen to those who can't see it."""
    figures = import_optional("matplotlib.figure", extra="plot", purpose="draw")
    drawn = copy(display)  # the caller's display keeps the figure that it was drawn into
    picture = figures.Figure(figsize=drawn.size, layout="constrained", dpi=DPI)
    drawn.draw_on(picture)
    content = BytesIO()
    picture.savefig(content, format="png")
    width, height = (round(side * DPI / 1.5) for side in drawn.size)
    source = f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
    image = f'<img src="{source}" width="{width}" height="{height}" alt="{escape(caption)}">'
    return element("figure", image, element("figcaption", escape(caption)))


def section(name: str, title: str, *content: str) -> str:
    """Write a section that links can go to."""
    head = element("h2", escape(title), id=f"{name}-title")
    return element("section", head, *content, id=name, **{"aria-labelledby": f"{name}-title"})


def page(title: str, sections: Mapping[tuple[str, str], str], **rows: str) -> str:
    """Put a page together.

    Parameters
    ----------
    title : str
        Text.
    sections : dict of (name, title) to HTML
        In order, before the rows.
    **rows : str
        ``rows_title``, text; ``rows_note``, ``rows_table``, HTML; ``data``, JSON without ``<``.
    """
    place = files("actscore_sk.inspection.report") / "templates"
    style, script, template = ((place / f"page.{kind}").read_text("utf-8") for kind in ("css", "js", "html"))
    names = [*sections, ("rows", rows["rows_title"])]
    return Template(template).substitute(
        rows,
        title=escape(title),
        version=__version__,
        links=" ".join(element("a", escape(name), href=f"#{key}") for key, name in names),
        sections="\n".join(sections.values()),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        rows_title=escape(rows["rows_title"]),
    )


def _hash(text: str) -> str:
    """What a policy names an inline style or script by: only this very text is in force."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _looks_like_a_number(text: Any) -> bool:
    return not str(text) or str(text)[0] in "0123456789-<+"
