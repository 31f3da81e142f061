"""A worker (`worker`) or an API (`api PORT`) whose watch looks all the time, and reports what lasts a second.

The worker hears of a sweep at once, too, and finds a version of the workers silent after six seconds.
"""

import asyncio
import logging
import sys
from datetime import timedelta

from activities.poller import schedule
from orders.watch import looking
from process_exit import leave
from settings import load_settings
from storefront.server import serve
from temporal import outage, process_watch
from temporal.versions import watching
from worker import main

if __name__ == "__main__":
    looking.INTERVAL_SECONDS = 0.3
    schedule.SWEEPS_SECONDS = 0.1
    process_watch.AFTER = timedelta(seconds=1)
    process_watch.PATIENCE_SECONDS = 2.0
    outage.QUIET = timedelta(seconds=1)
    watching.SILENT_AFTER = timedelta(seconds=6)
    if sys.argv[1] == "worker":
        main([])
    logging.basicConfig(level=logging.INFO)
    asyncio.run(serve(load_settings(), "127.0.0.1", int(sys.argv[2])))
    leave(0)
