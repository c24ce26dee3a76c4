"""Scorers: who has scores inside a Pipeline or a search, scoring fits kept on disk, routed weights and metadata."""
