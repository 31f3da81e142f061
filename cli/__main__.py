"""`python -m cli`: the same as `resell`."""

from cli.app import main

main()
