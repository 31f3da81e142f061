"""The ways of a workflow that are recorded and replayed: each runs a real workflow, with what its activities answer.

A scenario returns when its workflow has ended, or its run has been continued as new.
"""

from tests.histories import scenarios_by_hand, scenarios_of_orders
from tests.histories.scenario_tools import Scenario

SCENARIOS: dict[str, Scenario] = scenarios_of_orders.SCENARIOS | scenarios_by_hand.SCENARIOS
"""By name, in the order of the recorded fingerprints."""
