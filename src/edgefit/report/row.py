"""The values that a section passes to a template."""

from typing import Any

Row = dict[str, Any]
"""Values by the names in the template; free-form, since a template is not type-checked."""
