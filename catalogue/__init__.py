"""The catalogue: a TOML file that says whom we buy from, how, and what can be ordered, loaded into the tables.

`entries` is the format, `reading` turns a file into entries, `checking` compares them with each other and with what the
database has, `loading` writes them and reports what changed. What is wrong is a `Problem`; all are reported at once.
"""
