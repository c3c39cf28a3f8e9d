"""The one exception of this package."""


class SourceError(Exception):
    """A network or a picture cannot be had; the message is one sentence: expected, got, try."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the sentence, no traceback."""
        return [f"error: {self}"]
