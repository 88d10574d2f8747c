"""What a section hands to a template."""

from typing import Any

Row = dict[str, Any]
"""Values by the names that the template knows; free-form, since a template is not type-checked."""
