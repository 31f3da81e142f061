"""A worker (`worker`) or an API (`api PORT`) for a recorded run: its watch and its figures are quick, so that seconds
of the run can stand for minutes."""

import asyncio
import logging
import sys
from datetime import timedelta

from activities.poller import schedule
from orders.reading import figures
from orders.watch import looking
from process_exit import leave
from settings import load_settings
from storefront.server import serve
from temporal import outage, process_watch
from worker import main

if __name__ == "__main__":
    figures.KEPT_SECONDS = 0.2
    figures.PATIENCE_SECONDS = 0.8
    looking.INTERVAL_SECONDS = 0.3
    process_watch.AFTER = timedelta(seconds=1)
    process_watch.PATIENCE_SECONDS = 2.0
    outage.QUIET = timedelta(seconds=1)
    schedule.SILENT_SECONDS = 1.5
    if sys.argv[1] == "worker":
        main([])
    logging.basicConfig(level=logging.INFO)
    asyncio.run(serve(load_settings(), "127.0.0.1", int(sys.argv[2])))
    leave(0)
