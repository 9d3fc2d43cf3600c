"""Checks since when the owners in a cluster are remembered. Changes nothing in the database."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from bot.access.models.ownership import OwnerObservation
from bot.access.policy.model import Integration
from bot.checks.database import OpenEngine
from bot.checks.report import Report


def check_owner_memory(
    report: Report, url: URL, open_engine: OpenEngine, integration: Integration, template: str
) -> None:
    """Reports on one integration with resource owners. A database that cannot be used has a line of its own.

    `template` is the setting that is safer.
    """
    if integration.owners_from == "template":
        report.ok("remembered owners: not needed, they are read where no temporary access can write")
        return
    if url.drivername == "sqlite" and not Path(url.database or "").exists():
        found = None
    else:
        try:
            engine = open_engine(url)
            try:
                found = _observation(engine, integration.name)
            finally:
                engine.dispose()
        except (DBAPIError, ModuleNotFoundError):
            report.skip("remembered owners", "needs the database, see above")
            return
    since = f"since {found:%Y-%m-%d %H:%M} UTC" if found is not None else "from the first start on"
    report.ok(
        f"remembered owners: {since}",
        f"Who could write an index before that may have changed its owner. {template} is safer.",
    )


def _observation(engine: Engine, integration: str) -> datetime | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("owner_observation"):
            return None
        mine = select(col(OwnerObservation.since)).where(col(OwnerObservation.integration) == integration)
        since: datetime | None = connection.scalar(mine)
        return since
