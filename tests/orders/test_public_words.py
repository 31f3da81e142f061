"""The calls of an operation are shown under the names that the API has always used."""

import pytest

from models.public_words import public_request


@pytest.mark.parametrize(
    ("noted", "shown"),
    [
        (
            {"tariff": "58", "location": "1", "period": "1", "name": "v1.example", "mark": "rf-ABCDE-1"},
            {"pricelist": "58", "datacenter": "1", "period": "1", "name": "v1.example", "remoteid": "rf-ABCDE-1"},
        ),
        ({"item": "900001", "renewal": "off"}, {"elid": "900001", "autoprolong": "off"}),
        ({"item": "900001", "password": "(made up)"}, {"elid": "900001", "passwd": "(made up)"}),
        ({"item": "900001", "licence_key": "new"}, {"elid": "900001", "clicked_button": "newkey"}),
        ({"rows": "1, 2"}, {"elid": "1, 2"}),
        ({"order": "77"}, {"billorder": "77"}),
        ({"pricelist": "58", "elid": "900001"}, {"pricelist": "58", "elid": "900001"}),
    ],
)
def test_a_request_has_its_public_names(noted: dict[str, str], shown: dict[str, str]) -> None:
    assert public_request(noted) == shown
