"""Settings of an installation: from `BCIFS_…` variables, else from HOME/settings.toml, else the defaults here.

What differs by store or IFS company is not here but in the connection (policy) and the IFS profile.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Final

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bcifs_console.base.problems import ConfigurationProblem

HOME_VARIABLE: Final = "BCIFS_HOME"

#: Looks of the watcher that may be missing.
_STALE_LOOKS: Final = 5


def default_home() -> Path:
    """`BCIFS_HOME`, else the platform's data folder."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_data_dir("bcifs"))


class Settings(BaseSettings):
    """One installation. Seconds where a name ends in `_s`."""

    model_config = SettingsConfigDict(env_prefix="BCIFS_", extra="forbid", frozen=True)

    home: Path = Field(default_factory=default_home)
    database_url: str = ""  #: empty: SQLite in the home
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    admin_port: int = Field(default=9464, ge=0, le=65535)
    concurrency: int = Field(default=16, ge=1, le=256)  #: orders worked on at once
    request_deadline_s: float = Field(default=30.0, gt=0)  #: hard end of every upstream request
    resend_after_s: float = Field(default=30.0, ge=0)  #: DESIGN §6: how long after it a write may be sent again
    poll_interval_s: float = Field(default=300.0, gt=0)
    poll_overlap_s: float = Field(default=120.0, ge=0)
    refund_overlap_s: float = Field(default=7200.0, ge=0)  #: a refund may be dated before others listed earlier
    hook_grace_s: float = Field(default=60.0, ge=0)  #: how long a webhook may take before its change counts as missed
    watch_interval_s: float = Field(default=60.0, gt=0)  #: how often the webhooks of each connection are looked at
    alert_urls: str = Field(default="", repr=False)  #: where alerts go: Apprise URLs, blanks between them; secret
    outbox_interval_s: float = Field(default=30.0, gt=0)  #: how often waiting vouchers are put into a file
    probe_interval_s: float = Field(default=60.0, gt=0)  #: how often a paused connection is tried
    retry_base_s: float = Field(default=1.0, gt=0)
    retry_cap_s: float = Field(default=300.0, gt=0)
    max_attempts: int = Field(default=12, ge=1)
    master_key: str = Field(default="", repr=False)  #: read by the vault itself; named here so that it is no unknown
    log_format: str = Field(default="auto", pattern="^(auto|json|console)$")

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the store."""
        if not self.database_url:
            return f"sqlite:///{self.home / 'bcifs.db'}"
        if self.database_url.startswith("postgresql://"):
            return "postgresql+psycopg://" + self.database_url.removeprefix("postgresql://")
        return self.database_url

    @property
    def stale_after(self) -> timedelta:
        """How long ago the watcher may have looked at webhooks: what it saw before that counts no more."""
        return timedelta(seconds=_STALE_LOOKS * self.watch_interval_s)

    @property
    def lease_s(self) -> float:
        """A lease outlives every request deadline plus `resend_after` (DESIGN §6)."""
        return self.request_deadline_s + self.resend_after_s + 30.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed in wins over the environment, the environment over the file."""
        given = init_settings()
        home = Path(given.get("home") or default_home())
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "settings.toml")


def load_settings(**given: object) -> Settings:
    """The settings, with `given` on top. Raises ConfigurationProblem naming the setting that is wrong."""
    try:
        settings = Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationProblem(
            f"The setting {where!r} is wrong: {first['msg']}.",
            remedy="Correct it in settings.toml or in the BCIFS_… variable of that name.",
        ) from None
    return settings
