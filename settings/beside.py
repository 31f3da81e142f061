"""Addresses beside what a process does: health, metrics, Temporal UI."""

import re
from ipaddress import ip_address

from pydantic import field_validator

from settings.part import HIGHEST_PORT, Part


class SideSettings(Part):
    worker_health_address: str = "127.0.0.1:8081"
    """`HOST:PORT`: address of the worker's health and [metrics](metrics.md); empty: none. Several workers on a machine
    need a port each."""
    metrics_api_address: str = ""
    """`HOST:PORT`: address of the API's [metrics](metrics.md), which need no token; none: they are not shown. A worker
    shows its own at `RESELL_WORKER_HEALTH_ADDRESS`."""
    metrics_temporal_address: str = ""
    """`ADDRESS:PORT`: address of the metrics of a worker's Temporal SDK, an IP address; none: they are not shown.
    Several workers on a machine need a port each."""
    temporal_ui_url: str = "http://127.0.0.1:8233"
    """For links to workflows: the address under which people's browsers reach Temporal UI."""

    @field_validator("metrics_temporal_address")
    @classmethod
    def _address_and_port(cls, address: str) -> str:
        try:
            if address:
                ip_address(address.rpartition(":")[0].removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError("is written ADDRESS:PORT with an IP address, for example 127.0.0.1:8084") from None
        return address

    @field_validator("worker_health_address", "metrics_api_address", "metrics_temporal_address")
    @classmethod
    def _host_and_port(cls, address: str) -> str:
        _, separator, port = address.rpartition(":")
        if address and not (separator and port.isascii() and port.isdecimal() and int(port[:9]) <= HIGHEST_PORT):
            raise ValueError("is written HOST:PORT, for example 127.0.0.1:8081; empty: there is none")
        return address

    @field_validator("temporal_ui_url")
    @classmethod
    def _of_a_page(cls, url: str) -> str:
        if not re.match(r"https?://[^/\s]", url):
            raise ValueError("is an address like http://127.0.0.1:8233")
        return url
