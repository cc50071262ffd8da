"""Ctrl-C, and the wish of a skorch callback to end training: one exception, told apart."""

import dis
import signal

_RAISE = dis.opmap["RAISE_VARARGS"]


def is_raised_by_code(error: KeyboardInterrupt) -> bool:
    """Tell whether a ``raise`` statement made an interrupt, and not the signal of Ctrl-C.

    Python raises the signal's interrupt between two instructions of the code that runs: the
    innermost frame of the traceback then stands at no ``raise``. A handler of the signal that is
    written in Python has a frame of its own in the traceback. What followed upon another interrupt
    counts as that one, so that in doubt the answer is that of Ctrl-C.

    Parameters
    ----------
    error : KeyboardInterrupt
        As it was caught.

    Returns
    -------
    bool
    """
    handler = getattr(signal.getsignal(signal.SIGINT), "__code__", None)
    by_code = False
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code is handler:
            return False
        by_code = code.co_code[traceback.tb_lasti] == _RAISE
        traceback = traceback.tb_next
    return by_code and not isinstance(error.__context__, KeyboardInterrupt)
