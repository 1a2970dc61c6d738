"""What a queued save returns, and the error that tells of failed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


class SaveQueueError(RuntimeError):
    """Saves of a :class:`SaveQueue` failed and their futures had not been asked; see `errors`."""

    __module__ = __name__.rpartition(".")[0]  # where users import it from

    def __init__(self, errors: Sequence[BaseException]) -> None:
        self.errors = tuple(errors)
        first = errors[0]
        count = "1 queued save" if len(errors) == 1 else f"{len(errors)} queued saves"
        super().__init__(f"{count} failed; the first: {type(first).__name__}: {first}")

    def report(self) -> str:
        """Every error, one a line."""
        lines = [f"flake8_saveimage.runtime: {len(self.errors)} queued saves failed:"]
        if len(self.errors) == 1:
            lines = ["flake8_saveimage.runtime: 1 queued save failed:"]
        return "\n".join([*lines, *(f"  {type(e).__name__}: {e}" for e in self.errors)])


class SavedFuture(Future[_T]):
    """A future that knows whether somebody has looked at its outcome."""

    def __init__(self, withdraw: Callable[[], bool] | None = None) -> None:
        super().__init__()
        self.seen = False
        self._withdraw = withdraw

    def cancel(self) -> bool:
        """Cancel a save that has not begun; False if it has, and then the file is written."""
        if self._withdraw is None or self.cancelled():
            return super().cancel()
        if not self._withdraw():
            return False
        super().cancel()
        self.set_running_or_notify_cancel()  # wakes those who wait for it
        return True

    def result(self, timeout: float | None = None) -> _T:
        value_or_error = super().exception(timeout)
        self.seen = True
        if value_or_error is not None:
            raise value_or_error
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        problem = super().exception(timeout)
        self.seen = True
        return problem
