"""Who is in the region: one agent for each institution that acts in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.agents.base import Institution

if TYPE_CHECKING:
    from sim.model import StabilityModel


def institutions(model: StabilityModel) -> list[Institution]:
    """Make the institutions of a model, in a fixed order that no result depends on."""
    return [*model.armed_groups]
