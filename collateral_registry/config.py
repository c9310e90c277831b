"""Every setting of the service, from flags, environment (COLLATERAL_…) or a settings file, with its unit."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_settings import BaseSettings, SettingsConfigDict

from collateral_registry.domain.stock.partners import Partner

FOLLOW_CLOCK = "wall"


class _PartnerEntry(BaseModel):
    """A partner as the file has it."""

    model_config = ConfigDict(extra="forbid")

    token_sha256: str
    warehouses: list[str]


class Settings(BaseSettings):
    """The settings; flags win over the environment, the environment over the file ``collateral.env``."""

    model_config = SettingsConfigDict(env_prefix="COLLATERAL_", env_file="collateral.env", extra="forbid")

    address: str = Field("127.0.0.1:50051", description="host:port to listen at")
    database_url: str = Field("", description="SQLAlchemy URL; empty means the embedded database in data_folder")
    data_folder: Path = Field(Path(".data"), description="folder of the embedded database")
    business_date: str = Field(FOLLOW_CLOCK, description="'wall', or the first date of a book that is advanced by hand")
    time_zone: str = Field("UTC", description="zone whose midnight begins a business date that follows the clock")
    message_limit_bytes: int = Field(4 * 1024 * 1024, gt=0, description="largest message taken")
    concurrent_calls_limit: int = Field(256, gt=0, description="calls under way at once; more are turned away")
    drain_seconds: float = Field(10.0, ge=0, description="time for calls under way when stopping")
    partners_file: Path | None = Field(None, description="JSON file of the warehouse partners, by their feeds")
    processes: int = Field(1, ge=1, le=64, description="server processes on one port; more than one needs PostgreSQL")
    revaluation_workers: int = Field(0, ge=0, description="processes that revalue the whole book; 0: one a processor")
    dask_scheduler: str = Field("", description="address of a Dask scheduler whose workers revalue the whole book")
    date_check_seconds: float = Field(20.0, gt=0, description="how often a book that follows the clock looks at it")

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_folder / 'collateral.db'}"

    @property
    def follows_clock(self) -> bool:
        """Whether the business date is the wall clock's."""
        return self.business_date == FOLLOW_CLOCK

    def partners(self) -> dict[str, Partner]:
        """The warehouse partners by their feeds; raises ValueError or OSError for a file that cannot be read."""
        if self.partners_file is None:
            return {}
        adapter = TypeAdapter(dict[str, _PartnerEntry])
        entries = adapter.validate_json(self.partners_file.read_text(encoding="utf-8"))
        return {
            source_id: Partner(source_id, entry.token_sha256, frozenset(entry.warehouses))
            for source_id, entry in entries.items()
        }

    def first_date(self, today: date) -> date:
        """The business date of a new book; raises ValueError for a date that is none."""
        return today if self.follows_clock else date.fromisoformat(self.business_date)
