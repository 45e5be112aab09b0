"""Programs made from the API document by the usual generators and importers work as they come, without a patch.

`make clients` runs this. Each program gets the document that the server serves, is compiled where it can be, then makes
a fan who is subscribed and finds the fan again by a filter that is a boolean.
"""

import compileall
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api import Api
from tests.running import PATIENCE

HERE = Path(__file__).parent
GENERATORS = HERE.parents[2] / ".venv-clients" / "bin"
NODE_MODULES = HERE.parents[2] / ".venv-clients" / "node_modules"
COMMANDS = NODE_MODULES / ".bin"
# Whom the document's own example of a fan makes.
EXAMPLE = "ada@example.com"
# The one thing a generator leaves out: bodies that are pictures.
PICTURES = ("/qr.svg", "/qr.png")


@dataclass(frozen=True)
class Project:
    """A folder to generate into, with the document in it, and what programs there need to call the server."""

    folder: Path
    environment: dict[str, str]

    @property
    def document(self) -> Path:
        return self.folder / "openapi.json"

    def run(self, *command: str | Path, folder: Path | None = None, **variables: str) -> str:
        """Run a command in a folder, this one by default, and return its output; its failure fails the test."""
        done = subprocess.run(
            [str(each) for each in command],
            cwd=folder or self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == 0, printed[-4000:]
        return printed


@pytest.fixture
async def project(tmp_path: Path, api: Api, base_url: str) -> Project:
    """A new folder with the document as this server serves it."""
    answer = await api.client.get("/openapi.json")
    (tmp_path / "openapi.json").write_bytes(answer.content)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "FANFARE": base_url,
        "API_KEY": api.keys["Api-Key"],
        "API_SECRET": api.keys["Api-Secret"],
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        "NO_COLOR": "1",
    }
    return Project(tmp_path, environment)


async def is_subscribed(api: Api, email: str) -> bool:
    """Say whether the fan is there and subscribed, by the contract's own call."""
    rows = (await api.ok(await api.get("/api/v1/crm/fans", name=email, fan_is_subscribed="true")))["data"]
    return [row["email"] for row in rows] == [email]


async def test_linters_find_nothing(project: Project) -> None:
    project.run(COMMANDS / "redocly", "lint", "--extends=recommended-strict", project.document)
    project.run(
        COMMANDS / "spectral", "lint", "--ruleset", HERE / ".spectral.yaml", "--fail-severity=hint", project.document
    )


async def test_python(project: Project, api: Api) -> None:
    """openapi-python-client: generated, every module compiled, a write and a read."""
    result = project.run(
        GENERATORS / "openapi-python-client",
        *("generate", "--path", project.document, "--meta", "none", "--output-path", project.folder / "fanfare_api"),
    )
    warnings = [line for line in result.splitlines() if line.startswith("WARNING parsing")]
    assert [line for line in warnings if not any(picture in line for picture in PICTURES)] == []
    assert all(any(picture in line for line in warnings) for picture in PICTURES)
    assert compileall.compile_dir(str(project.folder / "fanfare_api"), quiet=1)
    project.run(GENERATORS / "python", HERE / "read_and_write.py", PYTHONPATH=str(project.folder))
    assert await is_subscribed(api, "python@example.com")


@pytest.mark.parametrize(
    ("name", "generate"),
    [
        ("openapi_fetch", ("openapi-typescript", "openapi.json", "-o", "schema.ts")),
        ("hey_api", ("openapi-ts",)),
    ],
)
async def test_typescript(project: Project, api: Api, name: str, generate: tuple[str, ...]) -> None:
    """Generated, compiled by the strict rules, a write and a read; no secret in a URL."""
    for file in ("environment.ts", f"{name}.ts", "tsconfig.json", "openapi-ts.config.mjs"):
        shutil.copy(HERE / file, project.folder)
    command, *arguments = generate
    project.run(COMMANDS / command, *arguments)
    project.run(COMMANDS / "tsc", "--project", "tsconfig.json")
    project.run(GENERATORS / "node", f"out/{name}.js")
    assert await is_subscribed(api, f"{name}@example.com")


async def test_postman(project: Project, api: Api) -> None:
    """The collection that Postman makes of the document; the person who imports it fills in the secret alone.

    It sends every optional parameter with a made-up value, so what is read here is a list without any.
    """
    options = "folderStrategy=Tags,parametersResolution=Example"
    project.run(COMMANDS / "openapi2postmanv2", "-s", project.document, "-o", "collection.json", "-O", options)
    secret = f"apiKey={api.keys['Api-Secret']}"
    for request in ("Create a fan", "List the custom fields defined on the account"):
        printed = project.run(
            COMMANDS / "newman", "run", "collection.json", "--folder", request, "--env-var", secret, "--verbose"
        )
        assert "200 OK" in printed, printed
    assert await is_subscribed(api, EXAMPLE)


async def test_bruno(project: Project, api: Api) -> None:
    """The collection that Bruno makes of the document; the person who imports it fills in the secret alone."""
    folder = project.folder / "bruno"
    kind = ("--collection-format", "bru")
    project.run(COMMANDS / "bru", "import", "openapi", "--source", project.document, "--output", folder, *kind)
    variables = (
        "--env-var",
        f"baseUrl={project.environment['FANFARE']}",
        "--env-var",
        f"apiKey={api.keys['Api-Secret']}",
    )
    for request in ("Create a fan", "Search fans by who they are and what they did"):
        printed = project.run(COMMANDS / "bru", "run", f"crm/{request}.bru", *variables, folder=folder)
        assert "200" in printed, printed
    assert await is_subscribed(api, EXAMPLE)
