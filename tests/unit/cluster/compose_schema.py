"""What of the Compose specification is used here, closed to all else: its JSON schema comes in no Python package."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Build(Strict):
    context: str
    dockerfile: str
    target: str


class Healthcheck(Strict):
    test: list[str]
    interval: str
    timeout: str
    retries: int
    start_period: str = "0s"

    @model_validator(mode="after")
    def _is_a_command(self):
        if self.test[0] not in ("CMD", "CMD-SHELL"):
            raise ValueError("test begins with CMD or CMD-SHELL")
        return self


class Needs(Strict):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Device(Strict):
    driver: str
    count: int
    capabilities: list[str]


class Reservations(Strict):
    devices: list[Device]


class Resources(Strict):
    reservations: Reservations


class Deploy(Strict):
    resources: Resources


class Limit(Strict):
    soft: int
    hard: int


class Service(Strict):
    image: str
    build: Build | None = None
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    environment: dict[str, str] = {}
    ports: list[str] = []
    volumes: list[str] = []
    depends_on: dict[str, Needs] = {}
    healthcheck: Healthcheck | None = None
    restart: Literal["no", "always", "on-failure", "unless-stopped"]
    deploy: Deploy | None = None
    shm_size: str | None = None
    ulimits: dict[str, Limit] = {}
    init: bool = False
    cap_drop: list[str] = []
    security_opt: list[str] = []
    stop_grace_period: str | None = None


class Compose(Strict):
    name: str
    services: dict[str, Service]
    volumes: dict[str, Any] = {}
