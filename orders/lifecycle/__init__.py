"""The life of an operation: accepted, queued, from stage to stage, decided upon, called off, ended."""
