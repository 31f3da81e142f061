"""What we need from any upstream (`port`), how it fails (`errors`), and the adapters that speak to real ones."""
