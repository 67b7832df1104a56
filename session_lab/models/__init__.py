"""Which model answers: OpenAI, a compatible server, or the embedded offline model."""

from session_lab.models.choose import choose_model

__all__ = ["choose_model"]
