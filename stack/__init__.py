"""The embedded stack: everything Resellflow consists of, run on this machine by one command, for trying and developing.

`ports` finds out whether the ports are free, `processes` starts, watches and stops the children, `embedded` says what
the stack consists of, `running` runs something with the stack around it, `__main__` is the command line.
"""
