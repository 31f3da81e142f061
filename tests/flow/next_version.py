"""`python -m tests.flow.next_version`: the worker of the next version. Its orders do more, which is patched."""

import worker
from tests.histories.changed import OfTheNextVersion
from workflows.service_order import ServiceOrder

if __name__ == "__main__":
    worker.WORKFLOWS[worker.WORKFLOWS.index(ServiceOrder)] = OfTheNextVersion
    worker.main()
