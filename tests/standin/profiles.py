"""The upstreams of the rehearsal: each another set of answers to what the protocol leaves open."""

from decimal import Decimal

from tests.standin.choices import Choices

NAME = frozenset({"name"})
NOTHING: frozenset[str] = frozenset()

NOISY = Choices(
    noise=True,
    order_answer="ok",
    list_shows=NAME,
    status_style="word-real",
    page_cap=10,
    hides_balance=frozenset({"whoami"}),
)
"""Answers full of attributes, echoes and foreign names; an order is answered `ok`; the mark is in forms alone."""

MARKLESS = Choices(
    list_shows=NAME,
    form_shows=NAME,
    opening_status=1,
    money="word",
    currency="RUB",
    refused=frozenset({"subaccount"}),
    hides_balance=frozenset({"dashboard.info"}),
    status_style="word-orig",
    quotes="text",
    price=Decimal("350.00"),
)
"""The mark is nowhere; what is not open yet is `ordered`; money in roubles, with words."""

OLD = Choices(
    dialects=frozenset({5}),
    order_answer="item.id",
    authinfo=False,
    session_calls=10,
    deleted_rows_stay=True,
    money="bare",
    quotes="none",
)
"""Dialect 5 alone, by sessions that die early."""

BLIND = Choices(order_answer="nested", list_shows=NOTHING, form_shows=NOTHING, quotes="none", money="sign")
"""Neither mark nor name is ever shown."""

STRICT = Choices(
    unique_remoteid=True,
    unpaid_row=True,
    shows_total=False,
    minds_pages=False,
    order_answer="attribute",
    status_style="code",
    quotes="none",
)
"""A mark is taken once; no total in lists, and the page number is ignored."""

SLOW = Choices(commit_delay=2.0, list_lag=1.5, order_answer="ok")
"""Commits when the client has long given up, and lists what is there only later."""

LICENCES = Choices(order_answer="id", list_shows=NAME, form_shows=NAME, key_delay=0.6, price=Decimal("4.00"))
"""Licences: the key comes later than everything else."""

PROFILES = {
    "noisy": NOISY,
    "markless": MARKLESS,
    "old": OLD,
    "blind": BLIND,
    "strict": STRICT,
    "slow": SLOW,
    "licences": LICENCES,
}
