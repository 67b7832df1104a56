"""The offline model: it answers without a key by quoting the items that it is sent."""

from session_lab.models.offline.facts import FACTS
from session_lab.models.offline.model import OfflineModel, estimate_around, estimate_tokens

__all__ = ["FACTS", "OfflineModel", "estimate_around", "estimate_tokens"]
