"""Runs one program that must not outlive the process which started it, even if that one is killed with SIGKILL.

    python -S -E stack/launcher.py PARENT_PID [--user NAME] -- PROGRAM [ARGUMENT …]

Asks the kernel to kill this process when its parent ends, then becomes the program: the process id stays the same and
no process stands in between. A launcher of its own, and not subprocess's `preexec_fn`, because Python code between
fork and exec may deadlock in a parent with threads; run by path and with only what it needs, it costs some 20 ms.

`--user` gives up root for that user first. (The order matters: the kernel forgets the request when a process changes
its user.)

Only Linux knows the request; elsewhere a child of a parent killed with SIGKILL stays, all other ends are covered by
the supervisor.
"""

import ctypes
import os
import pwd
import signal
import sys
import warnings  # noqa: F401 - execvp wants it, and after become_user Python's own files may be out of reach

PR_SET_PDEATHSIG = 1


def become_user(name: str) -> None:
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = user.pw_dir


def die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"prctl(PR_SET_PDEATHSIG): {os.strerror(code)}")
    if os.getppid() != parent:  # it ended before the request was made
        os._exit(1)


def main() -> None:
    options, program = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    if "--user" in options:
        become_user(options[options.index("--user") + 1])
    die_with_parent(int(options[0]))
    try:
        os.execvp(program[0], program)  # noqa: S606 - becoming another program is what this file is for
    except OSError as error:
        sys.exit(f"can't run {program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
