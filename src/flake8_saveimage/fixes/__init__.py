"""From diagnoses to edits: what can be mended, how safely, and the mended source."""

from flake8_saveimage.fixes.applicability import applicabilities
from flake8_saveimage.fixes.fixing import FixOptions, FixResult, fix_source
from flake8_saveimage.fixes.vendoring import VendorError

__all__ = ["FixOptions", "FixResult", "VendorError", "applicabilities", "fix_source"]
