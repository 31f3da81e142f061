"""The operators' console: pages for people, in the process of the API, at /console. See docs/console.md."""
