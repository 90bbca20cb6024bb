"""The end of a task in a process of its own, while the next task is embedded.

Behind its last embedding a task has fits and sums left, which want processors and no GPU. There the process forks, as
torch's loaders of data do: the child, which has all that its parent has in memory, goes on from that very line, scores
the task, saves it and ends; the parent leaves the task to it. So a score comes of the same code and the same bytes, and
no fit keeps the thread that feeds the GPU waiting for Python's lock. A child never outlives its parent: what nobody
waits for is not saved.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import select
import signal
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

from tqdm import tqdm

from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from rosberta.embedding.embedder import Embedder

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Tasks that end aside at once, at most: what bounds their memory."""


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
"""Of prctl(2): which signal a process gets when the thread that forked it ends, which waits for it unless killed."""


def aside_of(embedder: Embedder) -> Aside:
    """What ends tasks aside where a GPU embeds, and none where embedding itself takes the processors."""
    return Aside(AT_ONCE if embedder.on_gpu else 0)


class Left(BaseException):
    """Raised in the parent where a task goes on in a child."""


class Child(NamedTuple):
    """A process that ends a task."""

    name: str
    process: int
    hears: int
    """The pipe that ends when the child does, and says why it failed."""


class Aside:
    """Tasks that end in processes of their own, each begun behind the one before; leaving it waits for all of them."""

    def __init__(self, at_once: int) -> None:
        """Let so many tasks end aside at once; 0: each ends here, before the next begins."""
        self._at_once = at_once
        self._children: deque[Child] = deque()
        self._name = ""
        self._failed: Exception | None = None
        self._tells: int | None = None
        """In a child: where it says why it failed."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Wait for the children. The first task that failed is told of, as if they had run one after the other."""
        while self._children:
            self._end()
        if self._failed and self._failed is not error and (error is None or isinstance(error, Exception)):
            raise self._failed from error

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Hold all of a task, with what saves it; the block ends where the task is left to a child.

        Raises:
            Mistake: a task before this one failed.
        """
        while self._children and select.select([self._children[0].hears], [], [], 0)[0]:
            self._end()
        if self._failed:
            raise self._failed
        self._name = name
        try:
            yield
        except Left:
            return
        except BaseException as error:
            if self._tells is None:
                raise
            try:
                self._fail(error)
            finally:  # whatever befalls it, the parent's blocks are not the child's to leave
                os._exit(1)
        if self._tells is not None:
            os._exit(0)

    def leave(self) -> None:
        """Go on in a child. The parent waits until fewer than so many are at work, and then leaves the task.

        Where the machine has no process left for it, the task ends here.

        Raises:
            Left: in the parent.
        """
        if not self._at_once:
            return
        while len(self._children) >= self._at_once:
            self._end()
        parent, (hears, tells) = os.getpid(), os.pipe()
        with warnings.catch_warnings():
            # Of the parent's threads none holds a lock that the child takes: there is no work for them now.
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
            try:
                process = os.fork()
            except OSError as error:
                os.close(hears)
                os.close(tells)
                log.warning("%s: no process for its fits (%s); they run here", self._name, error.strerror)
                return
        if process:
            os.close(tells)
            self._children.append(Child(self._name, process, hears))
            raise Left
        self._tells, self._at_once = tells, 0
        if _LIBC:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before that
            os._exit(1)
        os.close(hears)
        tqdm.set_lock(threading.RLock())  # its own is shared with the parent
        os.nice(5)  # what feeds the GPU goes first

    def _fail(self, error: BaseException) -> None:
        """In a child: say why."""
        said = str(error) if isinstance(error, Mistake) else "".join(traceback.format_exception(error))
        with os.fdopen(self._tells or 0, "w", encoding="utf-8") as words:
            json.dump([isinstance(error, Mistake), said], words)
        sys.stderr.flush()

    def _end(self) -> None:
        """Wait for the first child, and keep in mind why it failed if it is the first that did."""
        child = self._children[0]
        with os.fdopen(child.hears, encoding="utf-8", closefd=False) as words:
            said = words.read()
        _, status = os.waitpid(child.process, 0)
        os.close(child.hears)
        self._children.popleft()
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            name = signal.Signals(-code).name
            failed: Exception = Mistake(
                f"{child.name}: the process of its fits was ended by {name} (out of memory?); start the same again"
            )
        elif code:
            try:
                mistake, text = json.loads(said)
                failed = Mistake(text) if mistake else ChildProcessError(f"{child.name}: {text}")
            except ValueError:
                failed = Mistake(
                    f"{child.name}: the process of its fits ended and could not say why (out of memory?); start the "
                    "same again"
                )
        else:
            return
        self._failed = self._failed or failed
