"""Where classes run. Add an engine: a module with ``run``, listed here."""

from precompute.engine import local, ray
from precompute.engine.base import Engine, Job, Outcome, Resources, Task

ENGINES: dict[str, Engine] = {"local": local, "ray": ray}

__all__ = ["ENGINES", "Engine", "Job", "Outcome", "Resources", "Task"]
