"""Watch every ``torch.save`` and torchvision ``save_image`` of a run that nobody wants to edit.

``python -m flake8_saveimage.guard train.py ARGS...`` runs a script unchanged; ``with guard():``
watches a block. Neither imports torch before the script does, and importing this package needs
no torch at all.
"""

from flake8_saveimage.guard.audit import FileReport, ImageReport, Report, Writes
from flake8_saveimage.guard.session import guard
from flake8_saveimage.guard.watch import OverwriteError

__all__ = ["FileReport", "ImageReport", "OverwriteError", "Report", "Writes", "guard"]
