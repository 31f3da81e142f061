"""All stories as tests of one module: a process that runs one of them tells them all, so only one process should."""

from tests.standin.tales_of_corners import *  # noqa: F403
from tests.standin.tales_of_killed_worker import *  # noqa: F403
from tests.standin.tales_of_lost_answers import *  # noqa: F403
from tests.standin.tales_of_profiles import *  # noqa: F403
from tests.standin.tales_of_proof import *  # noqa: F403
from tests.standin.tales_of_trouble import *  # noqa: F403
