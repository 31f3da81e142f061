"""What nobody means and somebody sends."""

DEEP = "[" * 1000 + "]" * 1000

TEXTS = (
    "", " ", "\0", "a\0b", "\r\n", "\x7f", "\ud800", "\udc00x", "\ufeff", "\u202e", "\U0010ffff", "é", "İ", "ß" * 200,
    "x" * 5000, "%", "%00", "..", "\\", "'\"--", "*", "xn--a", "null", "true", "[]", DEEP,
    "-1", "0", "²", "١", "1.5", "1e400", "NaN", "Infinity", str(2**31), str(2**63), f"-{2**63}", str(2**64), "9" * 5000,
    "0001-01-01", "9999-12-31", "10000-01-01", "-1-01-01", "2026-02-30", "9999-12-31T23:59:59-23:59",
)  # fmt: skip
"""In a path, a query, a header, or between quotation marks in a body."""

JSON = (
    "true", "null", "{}", "[]", "[[]]", DEEP, '{"a":' * 500 + "1" + "}" * 500, '{"x": {"y": 1}}', "[null]",
    "-1", "0", "1.5", "1.0", "1e-400", "1e999", "-1e999", "NaN", "-Infinity", str(2**31), str(2**63), f"-{2**64}",
    "9" * 4299, "9" * 5000, "0." + "9" * 5000, '"\\ud800"', '"\\u0000"', '{"\\ud800": 1}', '{"\\u0000": "x"}',
    '{"amount": "1e400", "currency": "EUR"}', '{"amount": 1e400, "currency": "EUR"}',
    '{"amount": "NaN", "currency": "EUR"}', '{"amount": "-0", "currency": "EUR"}',
    '{"amount": "1e-400", "currency": "EUR"}', '{"amount": "%s", "currency": "EUR"}' % ("9" * 400),
    '{"amount": "5.00", "currency": "\\u0000"}', '{"amount": "5.00", "currency": "ΕUR"}', "{", '"', "\\",
)  # fmt: skip
"""In a body, as it stands here; the last ones are no JSON."""
