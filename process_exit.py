"""The one way out of a process that has used the Temporal SDK.

The SDK runs threads of its own, outside Python. While the interpreter takes itself apart such a thread may still ask
for it, and the process then dies by a signal (exit status 134 or 139) after all its work was done well. `leave` does
what the end of a program owes to others — exit handlers, log records, what is still in the output buffers — and ends
the process without that last step.

Threads are not waited for, and `finally` blocks further up the stack do not run: finish your work first, then leave.
"""

import atexit
import contextlib
import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process with exit status `code`, everything written and every exit handler run."""
    atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        # A reader that has gone away (`resell services | head`) must not change the exit status.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if stream is not None:
                stream.flush()
    os._exit(code)
