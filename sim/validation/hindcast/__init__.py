"""The hindcast: months and states of the past that the model was not fitted on, forecast and scored."""

from sim.validation.hindcast.results import forecast_skill, hindcast_facts
from sim.validation.hindcast.settings import Asked, Settings, settings_of

__all__ = ["Asked", "Settings", "forecast_skill", "hindcast_facts", "settings_of"]
