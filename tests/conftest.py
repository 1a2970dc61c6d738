"""For all tests: Ctrl-C works in the processes that they start.

A shell that starts the tests in the background ignores SIGINT, and children inherit that.
"""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
