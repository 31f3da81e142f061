"""`resell notifications`: the channels and how each is, and a trial message that arrives."""

from pathlib import Path

from tests.cli.shell import Shell
from tests.webhooks.receiver import Answer, receiving


async def test_a_trial_arrives_and_a_channel_that_fails_says_why(shell: Shell, tmp_path: Path) -> None:
    assert (await shell.resell("notifications", "list")).done().out.startswith("nobody is told")
    (await shell.resell("notifications", "test", "office")).failed(
        "there is no channel office; known are: there is none"
    )
    file = tmp_path / "channels.toml"
    shell.variables["RESELL_NOTIFICATIONS_FILE"] = str(file)
    with receiving() as receiver:
        address = receiver.url.replace("http://", "json://")
        file.write_text(f'[channels.office]\nto = "{address}"\nquiet = "22:00-07:00"\ncauses = ["money"]\n')
        listed = (await shell.resell("notifications", "list")).done()
        assert listed.lines[1].split() == ["office", "money", "22:00-07:00", "none", "never", "works"]
        assert (await shell.resell("notifications", "test", "office")).done().out.strip() == "sent through office"
        assert "this channel works" in receiver.received[0].event["message"]
        receiver.otherwise = Answer(status=403)
        (await shell.resell("notifications", "test", "office")).failed("the channel office does not work")
    file.write_text("[channels.office]\nquiet = 'x'\n")
    (await shell.resell("notifications", "list")).failed("channels.office.to: is missing")
