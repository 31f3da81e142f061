"""The soak: random operations on real processes while everything breaks, and an audit afterwards.

docs/testing.md says what it does and what it checks. Run it as `python -m benchmarks.soak`.
"""
