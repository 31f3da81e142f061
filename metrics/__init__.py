"""Metrics of a process, for Prometheus: what is counted, and the small server that shows it. docs/metrics.md."""
