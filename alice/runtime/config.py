"""What the environment says about a run, and where a data directory keeps things."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alice.common.env import Env, EnvironmentFaults
from alice.runtime.errors import CannotRun

PROJECT_DIR = Path(__file__).resolve().parents[2]
DEFAULT_DATA_DIR = PROJECT_DIR / ".data"


@dataclass(frozen=True)
class DataDirectory:
    """The fixed places inside one data directory."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        return self.run / "alice.lock"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One run of Alice. An empty URL means that the embedded server is used."""

    data: DataDirectory
    host: str
    port: int
    database_url: str
    redis_url: str
    web_workers: int
    worker_threads: int
    has_fake_stripe: bool


def read_config(environ: Mapping[str, str]) -> RunConfig:
    """Read a run from `environ`; raises `CannotRun` naming every faulty setting at once."""
    env = Env(environ)
    config = RunConfig(
        data=DataDirectory(env.path("ALICE_DATA_DIR", DEFAULT_DATA_DIR)),
        host=env.text("HOST") or "127.0.0.1",
        port=env.integer("PORT", 8000, maximum=65535),
        database_url=env.secret("DATABASE_URL"),
        redis_url=env.secret("REDIS_URL"),
        web_workers=env.integer("WEB_WORKERS", 2, minimum=1, maximum=64),
        worker_threads=env.integer("WORKER_THREADS", 4, minimum=1, maximum=64),
        has_fake_stripe=env.boolean("ALICE_FAKE_STRIPE"),
    )
    if config.has_fake_stripe:
        check_fake_stripe(env)
    try:
        env.raise_faults()
    except EnvironmentFaults as error:
        raise CannotRun(str(error), exit_code=2) from error
    return config


def check_fake_stripe(env: Env) -> None:
    """A stand-in for Stripe gives away what is for sale: never in production, never by mistake."""
    if env.text("ALICE_ENV") == "production":
        env.fault("ALICE_FAKE_STRIPE is for development: in production nobody would pay for real.")
    if env.text("STRIPE_SECRET_KEY") or env.text("STRIPE_SECRET_KEY_FILE"):
        env.fault("ALICE_FAKE_STRIPE and STRIPE_SECRET_KEY are both set: unset one of them.")
