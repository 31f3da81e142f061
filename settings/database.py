"""Where the database is, and what each process takes of it."""

from pydantic import Field, field_validator

from models.pool import PoolTerms
from settings.part import Part


class DatabaseSettings(Part):
    database_url: str = "sqlite:///var/resellflow.db"
    """`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`. Use PostgreSQL for production."""
    database_pool: int = Field(default=10, ge=1, le=1000)
    """Connections that each process keeps. All processes together must need fewer than the server's `max_connections`.
    """
    database_pool_more: int = Field(default=20, ge=0, le=1000)
    """Connections: further connections of each process at busy times."""
    database_wait: float = Field(default=10.0, gt=0)
    """Seconds: longest wait for a free connection, or for a lock that another process holds. After that the database is
    reported as busy, and the work is tried again."""
    database_statement_timeout: float = Field(default=60.0, ge=0)
    """Seconds: longest time of one statement, on PostgreSQL. 0: no limit there, nor for locks, nor for transactions of
    a process that is frozen; needed for a pooler that accepts no `options`. Set `statement_timeout`, `lock_timeout` and
    `idle_in_transaction_session_timeout` in the server then."""

    @field_validator("database_url")
    @classmethod
    def _of_a_database(cls, url: str) -> str:
        from models.database import normalise_url  # only where it is set: `resell --help` loads no tables

        try:
            normalise_url(url)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("RESELL_DATABASE_URL ")) from None
        return url

    def pool_terms(self) -> PoolTerms:
        return PoolTerms(
            size=self.database_pool,
            more=self.database_pool_more,
            wait=self.database_wait,
            statement_timeout=self.database_statement_timeout,
        )
