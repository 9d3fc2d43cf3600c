"""Facts that the application remembers about itself, and duties claimed by one process at a time."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class Setting(SQLModel, table=True):
    """A value that the application stores about itself, and its time."""

    __tablename__ = "setting"

    name: str = Field(primary_key=True, max_length=128)
    value: str = Field(max_length=1000)
    at: datetime


class DutyClaim(SQLModel, table=True):
    """A duty that one process holds at a time, and until when if it does not renew it."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=64)
    holder: str = Field(max_length=128)
    until: datetime
