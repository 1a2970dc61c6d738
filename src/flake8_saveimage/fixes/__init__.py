"""From diagnoses to edits: what can be fixed, how safely, and the fixed source."""

from flake8_saveimage.fixes.editing import annotated
from flake8_saveimage.fixes.fixing import FixOptions, FixResult, fix_source
from flake8_saveimage.fixes.policy import Policy
from flake8_saveimage.fixes.vendoring import VendorError

__all__ = ["FixOptions", "FixResult", "Policy", "VendorError", "annotated", "fix_source"]
