"""The programs of the client's README do what it says."""

import asyncio
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from resellflow_client import ProblemError
from tests.clients import wheel
from tests.clients.test_verification import TEXT, message, signed
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import SHOP_TOKEN, Api

RENEWED = "resellflow.service.prolonged.v1"


def program(name: str) -> str:
    found = re.search(rf"<!-- {name}: .*?```python\n(.*?)```", (wheel.CLIENT / "README.md").read_text(), re.DOTALL)
    assert found, name
    return found[1]


async def run_shop(api: Api, folder: Path, python: str = sys.executable, **environment: str) -> list[str]:
    """Run the README's shop once; the lines that it prints."""
    (folder / "shop.py").write_text(program("shop.py"))
    process = await asyncio.create_subprocess_exec(
        python,
        "shop.py",
        cwd=folder,
        env={"PATH": os.environ["PATH"], "API": api.address, "TOKEN": SHOP_TOKEN, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode().splitlines()


@pytest.mark.proof
async def test_the_shop_sells_renews_and_catches_up(api: Api, tmp_path: Path) -> None:
    first = await run_shop(api, tmp_path, PYTHONPATH=str(wheel.CLIENT))
    assert {"VDS-1 1 month: 7.90 EUR", "VDS-1 costs 7.90 EUR", "service 1: completed nothing"} <= set(first)

    async def renewed() -> bool:
        return RENEWED in [event["type"] for event in (await api.shop.get("/v1/events")).json()["items"]]

    await assert_eventually(renewed, timeout=30, message="the event of the renewal is there")
    second = await run_shop(api, tmp_path, PYTHONPATH=str(wheel.CLIENT))
    third = await run_shop(api, tmp_path, PYTHONPATH=str(wheel.CLIENT))
    assert "service 1: completed nothing" in third
    for line in ("resellflow.service.opened.v1 1", f"{RENEWED} 1"):
        assert (first + second + third).count(line) == 1
    services = (await api.shop.get("/v1/services")).json()["items"]
    operations = (await api.shop.get("/v1/operations", params={"kind": "prolong"})).json()["items"]
    assert (len(services), len(operations)) == (1, 1)


async def test_the_receiver_tells_true_messages_from_false_ones(capsys: pytest.CaptureFixture[str]) -> None:
    module = loaded("receiver.py")
    content = message()
    assert module.receive(content, signed(content), [TEXT]) == 204
    assert capsys.readouterr().out == "operation 12 is completed: \n"
    assert module.receive(content, signed(content, seconds_ago=1000), [TEXT]) == 400


async def test_an_order_is_followed_with_asyncio(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    module = loaded("following.py")
    assert await module.open_and_follow(api.address, SHOP_TOKEN, "cart-1") == "active"
    assert capsys.readouterr().out.splitlines()[-1].split()[2] == "completed"
    with pytest.raises(ProblemError):
        await module.open_and_follow(api.address, "wrong-token", "cart-1")


@pytest.mark.proof
async def test_the_wheel_works_in_an_environment_without_the_project(api: Api, tmp_path: Path) -> None:
    python = await asyncio.to_thread(wheel.python_of_its_own, tmp_path)
    (tmp_path / "away").mkdir()
    assert "service 1: completed nothing" in await run_shop(api, tmp_path / "away", python)
    look = "import resellflow_client as one, pathlib; print(pathlib.Path(one.__file__).parent)"
    package = Path(wheel.run(python, "-c", look).strip())
    assert package.is_relative_to(tmp_path / "venv")
    assert {"py.typed", "models.py"} <= set(os.listdir(package))
    assert "client_generator" not in os.listdir(package.parent)


@pytest.mark.proof
async def test_its_programs_have_the_types_that_the_package_says(tmp_path: Path) -> None:
    names = ["shop.py", "receiver.py", "following.py"]
    for name in names:
        (tmp_path / name).write_text(program(name))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mypy", "--strict", *names),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "MYPYPATH": str(wheel.CLIENT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


def loaded(name: str) -> ModuleType:
    module = ModuleType(name.removesuffix(".py"))
    exec(compile(program(name), name, "exec"), module.__dict__)  # noqa: S102 - our own page
    return module
