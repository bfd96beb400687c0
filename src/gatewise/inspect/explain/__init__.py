"""All that can be seen inside one model on one sequence, as a page, as a document, and for a terminal."""

from .explanation import Inside, look_inside
from .views import Explanation, Refused, Sum

__all__ = ["Explanation", "Inside", "Refused", "Sum", "look_inside"]
