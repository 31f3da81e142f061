"""A PostgreSQL server that archives its log, and deploy/backup/backup.sh beside it, as an operator runs it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.infrastructure.databases import OwnServer, own_server
from tests.infrastructure.eventually import wait_until
from tests.infrastructure.processes import PROJECT, free_port

SCRIPT = PROJECT / "deploy" / "backup" / "backup.sh"
DATABASE = "resellflow"
ARCHIVED = (("archive_mode", "on"), ("full_page_writes", "on"))


@dataclass
class SavedServer:
    """The server, and the directory in which its backups are kept."""

    server: OwnServer

    @property
    def backups(self) -> Path:
        return self.server.home / "backups"

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.server.url)._replace(path=f"/{database}"))

    def run(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """The script, as the server's user. Its words are in `stderr` where it fails."""
        environment = {
            "PATH": f"{self.server.programs}:{os.environ['PATH']}",
            "BACKUP_DIRECTORY": str(self.backups),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.server.port),
            "PGUSER": "resell",
        } | variables
        return subprocess.run(
            ["bash", self.server.home / "backup.sh", *arguments],
            env=environment,
            cwd=self.server.home,
            user=self.server.user,
            group=self.server.user,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def done(self, *arguments: str | Path, **variables: str) -> str:
        """What it wrote, having done what it was asked for."""
        ended = self.run(*arguments, **variables)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def refused(self, status: int, *arguments: str | Path, **variables: str) -> str:
        """The sentence with which it ended."""
        ended = self.run(*arguments, **variables)
        assert ended.returncode == status, f"{ended.returncode}: {ended.stdout + ended.stderr}"
        return ended.stderr

    def saved(self, kind: str) -> list[Path]:
        return sorted((self.backups / kind).glob("*"))

    def sql(self, statement: str, database: str = DATABASE) -> str:
        """The first value of the first row, as text."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return "" if row is None else str(row[0])

    def time(self) -> datetime:
        """By the server's clock. What is committed afterwards is later."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT clock_timestamp()").fetchone()
            assert found is not None
            moment: datetime = found[0]
            return moment

    def archive_now(self) -> Path:
        """Everything until now is in the archive. The segment that ends here."""
        segment = self.sql("SELECT pg_walfile_name(pg_switch_wal())")
        there = self.backups / "wal" / f"{segment}.gz"
        wait_until(there.exists, timeout=30, message=f"{segment} is archived")
        return there

    def later_than_bases(self) -> None:
        """A base is named by the second after its end: from then on it is the one to begin with."""
        newest = self.saved("base")[-1].name
        now = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS\"Z\"')"
        wait_until(lambda: self.sql(now) > newest, timeout=30, message=f"it is later than {newest}")


@contextmanager
def saved_server(**settings: str) -> Iterator[SavedServer]:
    """A new one, with an empty database for Resellflow. Raises NoServer."""
    with own_server() as server:
        shutil.copy(SCRIPT, server.home / "backup.sh")
        saved = SavedServer(server)
        saved.backups.mkdir(mode=0o700)
        if server.user is not None:
            shutil.chown(saved.backups, server.user, server.user)
        command = f"BACKUP_DIRECTORY={saved.backups} bash {server.home}/backup.sh archive %p %f"
        server.stop()
        server.settings = dict(ARCHIVED) | {"archive_command": command} | settings
        server.start()
        saved.sql(f"CREATE DATABASE {DATABASE}", "postgres")
        yield saved


@contextmanager
def recovered_server(saved: SavedServer, directory: Path) -> Iterator[SavedServer]:
    """A server on a directory that `recover` has written, beside the one that was saved."""
    with ExitStack() as stack:
        home = directory.parent
        server = replace(saved.server, home=home, port=free_port(), program=None, settings={})
        assert directory.name == "data", "where OwnServer looks for it"
        stack.callback(server.close)
        server.start()
        yield SavedServer(server)
