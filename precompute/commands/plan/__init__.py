"""What a build would take, measured on this machine before anything is built."""

from precompute.commands.plan.estimate import Plan, compared, duration
from precompute.commands.plan.estimate import make as estimate

__all__ = ["Plan", "compared", "duration", "estimate"]
