"""Who has scores inside a Pipeline or a search, and how a scoring fit is kept."""
