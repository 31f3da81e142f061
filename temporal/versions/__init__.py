"""Two versions of the workers at once: Temporal's Worker Versioning.

- `worker_options` is how a worker says its version
- `deployment` reads and sets which versions there are and which gets new orders
- `watching` moves orders on whose version nobody runs any more, and reports what can't be moved
"""
