"""`resell tokens`: made and shown once, listed without them, taken back."""

from tests.cli.shell import Shell

OF_SETTINGS = {"RESELL_STOREFRONT_TOKENS": "shop=of-the-settings", "RESELL_OPERATOR_TOKENS": "ann=of-an-admin"}


async def test_a_token_is_shown_once_listed_without_it_and_revoked(shell: Shell) -> None:
    made = (await shell.resell("tokens", "add", "new-shop", "--role", "storefront", "--actor", "ann")).done()
    [token] = made.lines
    assert token.startswith("rsf_")
    assert len(token) > 40
    assert "token 1 of new-shop (storefront)" in made.err
    as_json = (await shell.resell("tokens", "add", "vera", "--role", "viewer", "--json")).done().json
    assert (as_json["number"], as_json["name"], as_json["role"]) == (2, "vera", "viewer")
    assert as_json["token"] != token

    listed = (await shell.resell("tokens", "list")).done()
    assert token not in listed.out
    assert [line.split()[:4] for line in listed.lines[1:]] == [
        ["1", "new-shop", "storefront", "valid"],
        ["2", "vera", "viewer", "valid"],
    ]
    assert listed.lines[1].endswith("never")
    (await shell.resell("tokens", "revoke", 1, "--actor", "ann")).done()
    assert (await shell.resell("tokens", "list", "--json")).done().json["items"][0]["name"] == "vera"
    everything = (await shell.resell("tokens", "list", "--all")).done()
    assert "by ann" in everything.lines[1]
    assert "revoked" in everything.lines[1]
    (await shell.resell("tokens", "revoke", 1)).failed("was revoked at")
    (await shell.resell("tokens", "revoke", 7)).failed("there is no token 7")


async def test_the_settings_of_this_process_are_listed_by_name_and_stand_in_the_way_of_another_role(
    shell: Shell,
) -> None:
    shell.variables.update(OF_SETTINGS)
    listed = (await shell.resell("tokens", "list")).done()
    assert [line.split() for line in listed.lines[1:]] == [
        ["shop", "storefront", "valid", "settings"],
        ["ann", "admin", "valid", "settings"],
    ]
    assert "of-the-settings" not in listed.out
    (await shell.resell("tokens", "add", "shop", "--role", "viewer")).failed("a name has one role")
    (await shell.resell("tokens", "add", "shop", "--role", "storefront")).done()
    (await shell.resell("tokens", "add", "shop", "--role", "storefront")).failed("has 2 valid tokens already")


async def test_a_name_that_owns_services_is_told_to_whoever_gives_it_away(stocked_shell: Shell) -> None:
    order = ("order", "VDS-1", "--customer", "c-1", "--period", "1", "--param", "template=debian-12")
    (await stocked_shell.resell(*order)).done()
    stocked_shell.variables.update(OF_SETTINGS)
    (await stocked_shell.resell("services", "hand-over", 1, "--to", "shop", "--reason", "moved")).done()
    made = (await stocked_shell.resell("tokens", "add", "shop", "--role", "storefront")).done()
    assert "shop owns 1 services, which it sees" in made.err


async def test_no_token_is_taken_from_the_command_line(shell: Shell) -> None:
    refused = await shell.resell("tokens", "add", "new-shop", "thought-of-by-somebody", "--role", "storefront")
    assert refused.status == 2
