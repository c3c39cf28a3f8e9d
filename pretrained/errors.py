"""The one exception of this package."""


class SourceError(Exception):
    """A network or a picture cannot be had; the message is one sentence: expected, got, try."""
