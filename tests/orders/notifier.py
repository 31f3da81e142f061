"""A process that notifies people, as a worker with the role `webhooks` does.

`python -m tests.orders.notifier URL FILE`: the address of the database, and the file of the channels.
"""

import asyncio
import sys

from activities.notifying import notify_always
from models.database import Database
from orders.notifications.channels import read_channels


async def main(url: str, file: str) -> None:
    await notify_always(Database(url), read_channels(file))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
