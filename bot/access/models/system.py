"""Facts that the application remembers about itself, and duties claimed by one process at a time."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class Setting(SQLModel, table=True):
    """Something that the application must remember about itself, and since when."""

    __tablename__ = "setting"

    name: str = Field(primary_key=True, max_length=128)
    value: str = Field(max_length=1000)
    at: datetime


class DutyClaim(SQLModel, table=True):
    """A duty that one process has at a time, and until when it has it if it is not heard of again."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=64)
    holder: str = Field(max_length=128)
    until: datetime
