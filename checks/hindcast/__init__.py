"""The hindcast: months and states of the past that the model was not fitted on, forecast and scored."""

from checks.hindcast.results import forecast_skill, hindcast_facts
from checks.hindcast.settings import Asked, Settings, settings_of

__all__ = ["Asked", "Settings", "forecast_skill", "hindcast_facts", "settings_of"]
