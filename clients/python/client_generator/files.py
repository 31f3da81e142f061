"""The generated files: the models by datamodel-code-generator, the methods by us, the sync client by unasync."""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from unasync import Rule, unasync_files

from client_generator import document, methods

PACKAGE = Path(__file__).parents[1] / "resellflow_client"
MODELS = "models.py"
_MADE = "Made by `make client` from the OpenAPI document: do not edit."
_OPTIONS = (
    "--input-file-type=openapi",
    "--output-model-type=pydantic_v2.BaseModel",
    "--target-python-version=3.11",
    "--use-annotated",
    "--use-union-operator",
    "--use-standard-collections",
    "--use-schema-description",
    "--use-field-description",
    "--use-specialized-enum",
    "--capitalise-enum-members",
    "--strict-nullable",
    "--enum-field-as-literal=one",
    "--collapse-root-models",
    "--disable-timestamp",
    "--no-formatters",
    '--base-class-map={"Money": "resellflow_client.money.Sum"}',
)
_SYNC = {
    "AsyncClient": "Client",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "AsyncMethods": "Methods",
    "Awaitable": "Direct",
    "_async": "_sync",
    "aclose": "close",
    "aclosing": "closing",
    "aconnect_sse": "connect_sse",
    "aiter_sse": "iter_sse",
    "anyio": "time",
    "aread": "read",
    "asyncio": "threads",
}


def generated() -> dict[str, str]:
    """Every generated file of the package, by its path in it, as it should be."""
    served = document.served()
    texts = {MODELS: _models(served), "_async/methods.py": methods.written(served)}
    texts = {name: _formatted(text) for name, text in texts.items()}
    return texts | {f"_sync/{name}": _formatted(text) for name, text in _sync(texts["_async/methods.py"]).items()}


def _models(served: document.Schema) -> str:
    with TemporaryDirectory() as folder:
        given, made = Path(folder, "openapi.json"), Path(folder, MODELS)
        given.write_text(json.dumps(document.prepared(served)), encoding="utf-8")
        _run("datamodel_code_generator", f"--input={given}", f"--output={made}", *_OPTIONS)
        text = made.read_text(encoding="utf-8")
    text = re.sub(r"\A(#.*\n)+", f'"""What is sent and read. {_MADE}"""\n', text)
    text = text.replace("from enum import StrEnum", "from resellflow_client.openenum import OpenEnum")
    return text.replace("(StrEnum)", "(OpenEnum)") + _messages(served)


def _messages(served: document.Schema) -> str:
    """The table of the events of webhooks and feed."""
    found = document.messages(served)
    lines = [f'    "{kind}": {model},' for kind, model in found.items()]
    union = " | ".join(sorted(set(found.values())))
    return "\n".join(
        [
            "",
            "",
            f"AnyEvent = {union} | Event",
            "",
            "EVENTS: dict[str, type[AnyEvent]] = {",
            *lines,
            "}",
            '"""The model of each type of event."""',
            "",
        ]
    )


def _sync(methods_of_async: str) -> dict[str, str]:
    """The files of the sync client, from those of the async one."""
    with TemporaryDirectory() as folder:
        source, made = Path(folder, "_async"), Path(folder, "_sync")
        source.mkdir()
        for file in (PACKAGE / "_async").glob("*.py"):
            (source / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (source / "methods.py").write_text(methods_of_async, encoding="utf-8")
        rule = Rule(fromdir="/_async/", todir="/_sync/", additional_replacements=_SYNC)
        unasync_files([str(file) for file in sorted(source.glob("*.py"))], [rule])
        return {file.name: file.read_text(encoding="utf-8") for file in sorted(made.glob("*.py"))}


def _formatted(text: str) -> str:
    options = ("--quiet", "--stdin-filename", str(PACKAGE / "made.py"), "-")
    fixed = _run("ruff", "check", "--fix-only", "--select=I,UP", *options, given=text)
    return _run("ruff", "format", *options, given=fixed)


def _run(module: str, *arguments: str, given: str | None = None) -> str:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(  # noqa: S603 - our own tools
        command, input=given, capture_output=True, text=True, check=False, cwd=PACKAGE.parents[2], timeout=60
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr}")
    return done.stdout
