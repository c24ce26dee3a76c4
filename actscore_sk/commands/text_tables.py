"""Tables of text: how they are read, encoded, and read again by a printed program."""

import gzip
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actscore_sk.commands.spreadsheet_cells import escape_cells
from actscore_sk.utils.optional import import_optional

if TYPE_CHECKING:
    import pandas as pd

# Nullable types, so that whole numbers with holes stay whole; a row too long is an error and not an index.
# pandas itself takes "None", "NA" and "null" for missing, which may well be labels.
CSV_OPTIONS = {"index_col": False, "low_memory": False, "dtype_backend": "numpy_nullable", "keep_default_na": False}


@dataclass(frozen=True)
class ReadOptions:
    """How the user wants a table to be read.

    Attributes
    ----------
    missing : tuple of str
        Texts that count as missing, beside empty cells.
    """

    missing: tuple[str, ...] = ()


DEFAULTS = ReadOptions()


def read_csv(path: Path, options: ReadOptions, *, separator: str) -> "pd.DataFrame":
    """Read text; columns keep the names of the header, also when two are the same.

    Parameters
    ----------
    path : Path
        File.
    options : ReadOptions
        Of the user.
    separator : str
        Between two cells.

    Returns
    -------
    frame : DataFrame
        Only empty cells, and the texts that the user names, are missing.
    """
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(path, sep=separator, **_pandas_options(options))
    # pandas renames a second "label" to "label.1": a copy of the target would pass for a feature.
    head = {"header": None, "nrows": 1, "dtype": str, "keep_default_na": False, "na_values": [""]}
    header = pd.read_csv(path, sep=separator, **head).iloc[0]
    frame.columns = list(header.where(header.notna(), frame.columns))
    return frame


def csv_program(path: Path, options: ReadOptions, *, separator: str) -> str:
    """Write the Python expression that reads a file of text; parameters as in `read_csv`."""
    return f"pd.read_csv({str(path)!r}, sep={separator!r}, {keywords(_pandas_options(options))})"


def _pandas_options(options: ReadOptions) -> dict[str, Any]:
    return CSV_OPTIONS | {"na_values": ["", *options.missing]}


def keywords(options: dict[str, Any]) -> str:
    """Write arguments as Python code.

    Examples
    --------
    >>> keywords({"sep": ";", "header": None})
    "sep=';', header=None"
    """
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def encode_csv(frame: "pd.DataFrame", separator: str) -> bytes:
    """Encode the table as UTF-8 text that a spreadsheet may open; a missing value is an empty field.

    Parameters
    ----------
    frame : DataFrame
        The index is left out.
    separator : str
        Between two cells.

    Returns
    -------
    content : bytes
        `spreadsheet_cells.unescape_cells` gives back the texts.
    """
    frame = escape_cells(frame)
    text = frame.to_csv(index=False, sep=separator, lineterminator="\n")
    if "\r" in text:  # some programs end a row there: a cell is quoted for a letter that ends rows
        text = frame.to_csv(index=False, sep=separator, lineterminator="\r\n")
    return text.encode()


def encode_gzipped_csv(frame: "pd.DataFrame") -> bytes:
    """Encode the table as compressed text, without a time stamp: the same table is the same file."""
    return gzip.compress(encode_csv(frame, ","), mtime=0)
