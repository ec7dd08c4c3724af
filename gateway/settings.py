"""Settings: environment variables, also from a `.env` file, checked before anything starts."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.addresses import Network, networks
from gateway.database import connection_parameters, is_sqlite
from gateway.hosts import host_name
from gateway.mail.message import parse_sender
from gateway.mail.server import MailServer
from gateway.rate_texts import check_storage_url, parse_rate
from gateway.urls import issuer, origin

PREFIX = "GATEWAY_"
ENV_FILE = ".env"

PERSONAL_ACCOUNTS_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The `tid` of personal Microsoft accounts (Microsoft identity platform, ID token claims)."""

SECRET_KEY_BYTES = 32
METRICS_TOKEN_LENGTH = 16


def _checked_rate(value: str) -> str:
    parse_rate(value)
    return value


Rate = Annotated[str, AfterValidator(_checked_rate)]
"""How often something may be done, or `off`."""

Timeout = Annotated[float, Field(gt=0, le=24 * 3600, allow_inf_nan=False)]
"""In seconds."""


class InvalidSettings(Exception):  # noqa: N818 - a sentence for the operator
    """Settings that the gateway can't start with; the text has one clear line for each."""


class Settings(BaseSettings):
    """What the operator decides. Its table in the README is tested against this class."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",  # as some editors write it, and UTF-8 as it should be
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr = SecretStr("sqlite://gateway.sqlite3")
    listen_database_url: SecretStr | None = None
    read_database_url: SecretStr | None = None
    public_url: str = "http://127.0.0.1:8000"
    secret_key: SecretStr | None = None
    further_secret_keys: SecretStr | None = None
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_account_claim: Annotated[str, Field(min_length=1)] = "email"
    oidc_trusted_tenants: Annotated[frozenset[str], NoDecode] = frozenset(
        {PERSONAL_ACCOUNTS_TENANT}
    )
    smtp_url: SecretStr | None = None
    mail_from: str | None = None
    allowed_origins: Annotated[frozenset[str], NoDecode] = frozenset()
    graphiql: bool = True
    introspection: bool = True
    trusted_documents_only: bool = False
    invitation_days: Annotated[int, Field(ge=1, le=30)] = 7
    session_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 12
    drain_seconds: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False)] = 0
    metrics_token: SecretStr | None = None
    traces: bool = False
    max_streams: Annotated[int, Field(ge=1)] = 2000
    max_streams_per_address: Annotated[int, Field(ge=1)] = 1500
    trusted_proxies: Annotated[frozenset[Network], NoDecode] = frozenset()
    allowed_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    rate_storage_url: SecretStr | None = None
    account_cost_rate: Rate = "200000000 per minute"
    token_cost_rate: Rate = "200000000 per minute"  # noqa: S105 - a rate
    address_cost_rate: Rate = "50000000 per minute"
    sign_in_rate: Rate = "6000 per 5 minutes"
    failed_sign_in_rate: Rate = "600 per 5 minutes"
    preview_rate: Rate = "6000 per 5 minutes"
    acceptance_rate: Rate = "600 per hour"
    recipient_mail_rate: Rate = "60 per hour"
    administrator_mail_rate: Rate = "10000 per hour"
    organization_mail_rate: Rate = "50000 per day"
    max_connections: Annotated[int, Field(ge=1)] = 10_000
    max_connections_per_address: Annotated[int, Field(ge=1)] = 5_000
    head_timeout_s: Timeout = 10
    body_timeout_s: Timeout = 15
    send_timeout_s: Timeout = 20
    idle_timeout_s: Timeout = 20
    query_timeout_s: Timeout = 30
    webhook_networks: Annotated[frozenset[Network], NoDecode] = frozenset()
    log_format: Literal["json", "console"] = "json"

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr) -> SecretStr:
        connection_parameters(value.get_secret_value())
        return value

    @field_validator("listen_database_url", "read_database_url")
    @classmethod
    def _beside(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        if is_sqlite(value.get_secret_value()):
            message = "must name PostgreSQL; SQLite needs none"
            raise ValueError(message)
        return cls._database(value)

    @field_validator("read_database_url")
    @classmethod
    def _replica(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        database: SecretStr | None = info.data.get("database_url")
        if value is not None and database is not None and is_sqlite(database.get_secret_value()):
            message = "names a replica; GATEWAY_DATABASE_URL must name its PostgreSQL"
            raise ValueError(message)
        return value

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str) -> str:
        return origin(value)

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        return None if value is None else issuer(value)

    @field_validator("secret_key")
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SECRET_KEY_BYTES:
            message = f"must have {SECRET_KEY_BYTES} bytes or more"
            raise ValueError(message)
        return value

    @field_validator("metrics_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < METRICS_TOKEN_LENGTH:
            message = f"must have {METRICS_TOKEN_LENGTH} characters or more"
            raise ValueError(message)
        return value

    @field_validator("further_secret_keys")
    @classmethod
    def _further_secrets(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and any(len(key.encode()) < SECRET_KEY_BYTES for key in _keys(value)):
            message = f"each, separated by commas or spaces, must have {SECRET_KEY_BYTES} bytes"
            raise ValueError(message)
        return value

    @field_validator("allowed_origins", "allowed_hosts", "oidc_trusted_tenants", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(item.strip() for item in value.replace(",", " ").split())
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: frozenset[str]) -> frozenset[str]:
        return frozenset(origin(item) for item in value)

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            MailServer.from_url(value.get_secret_value())
        return value

    @field_validator("rate_storage_url")
    @classmethod
    def _rate_storage(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_storage_url(value.get_secret_value())
        return value

    @field_validator("trusted_proxies", "webhook_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return networks(value) if isinstance(value, str) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: frozenset[str]) -> frozenset[str]:
        return frozenset(host_name(item) for item in value)

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None:
            parse_sender(value)
        return value

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the gateway by https."""
        return self.public_url.startswith("https://")

    def further_keys(self) -> list[str]:
        """The keys that are no longer, or not yet, used to encrypt."""
        return _keys(self.further_secret_keys) if self.further_secret_keys else []

    def missing(self, *names: str) -> list[str]:
        """Which of these settings, named as fields, have no value, as their variables' names."""
        return [PREFIX + name.upper() for name in names if not getattr(self, name)]


def _keys(value: SecretStr) -> list[str]:
    return value.get_secret_value().replace(",", " ").split()


SIGN_IN_SETTINGS = ("secret_key", "oidc_issuer", "oidc_client_id", "oidc_client_secret")
MAIL_SETTINGS = ("smtp_url", "mail_from")


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        InvalidSettings: A value is wrong, or `.env` can't be read; the text names every such
            variable, and no value.
    """
    try:
        _require_file(Path(ENV_FILE))
        return Settings()
    except ValidationError as error:
        lines = [
            f"{PREFIX}{str(problem['loc'][0]).upper()}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidSettings("\n".join(dict.fromkeys(lines))) from None
    except UnicodeDecodeError:
        message = f"{ENV_FILE}: must be text in UTF-8"
        raise InvalidSettings(message) from None
    except OSError as error:
        message = f"{ENV_FILE}: {error.strerror}"
        raise InvalidSettings(message) from error


def _require_file(path: Path) -> None:
    # pydantic takes these for no file, without a word.
    if path.is_dir():
        message = f"{path}: must be a file, and is a folder"
        raise InvalidSettings(message)
    if path.is_symlink():
        path.stat()
