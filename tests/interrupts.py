"""Ctrl-C as the operating system sends it, from a thread, at a time of its own."""

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager

import pytest

# Python drops an interrupt that lands in a callback of the garbage collector or in a finaliser: it
# is then sent again after so many seconds.
_AGAIN = 5.0


@contextmanager
def interrupted(after):
    """Interrupt the block after so many seconds; it has to be left within a second."""
    begun, over, sent = threading.Event(), threading.Event(), []
    before = sys.unraisablehook

    def report(unraisable):
        if unraisable.exc_type is not KeyboardInterrupt:
            before(unraisable)

    def send():
        begun.wait()
        wait = after
        while not over.wait(wait):
            sent.append(time.process_time())
            os.kill(os.getpid(), signal.SIGINT)
            wait = _AGAIN

    sender = threading.Thread(target=send)
    sys.unraisablehook = report
    try:
        sender.start()
        begun.set()
        yield
    except KeyboardInterrupt:
        left = time.process_time()
    else:
        pytest.fail("the block ended before it was interrupted")
    finally:
        begun.set()
        over.set()
        sender.join()
        sys.unraisablehook = before
    assert left - sent[-1] < 1.0
