"""The admin API's routes."""

from __future__ import annotations

from starlette.applications import Starlette

from simulator.admin import accounts, items, panel, traffic
from simulator.admin.bench import Bench, route

__all__ = ["Bench", "admin_app"]


def admin_app(bench: Bench) -> Starlette:
    """The admin API over a running simulator."""
    table = [
        ("GET", "/health", panel.health),
        ("GET", "/settings", panel.read_settings),
        ("PATCH", "/settings", panel.change_settings),
        ("GET", "/clock", panel.read_clock),
        ("POST", "/clock", panel.move_clock),
        ("POST", "/reset", panel.reset),
        ("GET", "/pricelists", panel.list_pricelists),
        ("PATCH", "/pricelists/{id:int}", panel.change_pricelist),
        ("GET", "/accounts", accounts.list_accounts),
        ("POST", "/accounts", accounts.add_account),
        ("GET", "/accounts/{name}", accounts.read_account),
        ("PATCH", "/accounts/{name}", accounts.change_account),
        ("POST", "/accounts/{name}/top-up", accounts.top_up),
        ("POST", "/accounts/{name}/pay-back", accounts.pay_back),
        ("GET", "/accounts/{name}/cart", accounts.list_cart),
        ("POST", "/accounts/{name}/login-key", accounts.set_login_key),
        ("DELETE", "/accounts/{name}/sessions", accounts.close_sessions),
        ("POST", "/accounts/{name}/events", accounts.add_event),
        ("DELETE", "/accounts/{name}/events", accounts.take_events),
        ("GET", "/items", items.list_items),
        ("POST", "/items", items.create_item),
        ("POST", "/items/many", items.create_items),
        ("GET", "/items/{id:int}", items.read_item),
        ("PATCH", "/items/{id:int}", items.change_item),
        ("DELETE", "/items/{id:int}", items.delete_item),
        ("POST", "/items/{id:int}/clone", items.clone_item),
        ("POST", "/items/{id:int}/cart", items.put_into_cart),
        ("POST", "/items/{id:int}/refund", items.pay_back),
        ("POST", "/items/{id:int}/open", items.finish_operation),
        ("POST", "/items/{id:int}/finish", items.finish_operation),
        ("GET", "/faults", traffic.list_faults),
        ("POST", "/faults", traffic.add_fault),
        ("DELETE", "/faults", traffic.clear_faults),
        ("DELETE", "/faults/{id:int}", traffic.remove_fault),
        ("GET", "/requests", traffic.list_requests),
        ("DELETE", "/requests", traffic.clear_requests),
        ("GET", "/charges", traffic.list_charges),
    ]
    making = {"/accounts", "/accounts/{name}/top-up", "/accounts/{name}/pay-back", "/accounts/{name}/events"}
    making |= {"/items", "/items/many", "/items/{id:int}/clone", "/items/{id:int}/cart", "/faults"}
    routes = [
        route(bench, method, path, handler, 201 if method == "POST" and path in making else 200)
        for method, path, handler in table
    ]
    return Starlette(routes=routes)
