"""Unpaid remainders that a request refused for want of money leaves behind."""

from activities.failures import database_in_words
from activities.job import Job
from activities.lookup import leftover_of
from models.database import Database
from models.order import Service
from orders import naming
from upstreams import lease
from upstreams.port import Upstream


async def remove_unpaid(database: Database, job: Job, upstream: Upstream, number: str) -> bool:
    """Remove the unpaid remainder of a refused request. False if it is still there.

    The next request carries a new mark: some upstreams never take one twice, and the deleted row may stay listed.
    """
    with lease.holding(lease.unrecorded()):
        await upstream.delete_unpaid(job.service.product_type, number)
    if await leftover_of(database, job, upstream) is not None:
        return False
    with database_in_words():
        async with database.write() as session:
            service = await session.get_one(Service, job.service.id)
            old = service.mark
            service.mark = naming.next_mark(old)
            if service.name_is_ours:
                service.name = service.name.replace(old, service.mark, 1)
            session.add(service)
    return True
