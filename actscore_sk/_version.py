"""The version of the package, in one place; nothing imports the package root for it."""

__version__ = "0.2.0"
