"""How processes report their work: their log, and traces. See docs/logs.md."""
