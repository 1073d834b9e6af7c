"""The hindcast: months and states of the past that the model was not fitted on, forecast and scored."""

from checks.hindcast.bank import HindcastOptions, HindcastSettings, settings_of
from checks.hindcast.results import forecast_skill, hindcast_facts

__all__ = ["HindcastOptions", "HindcastSettings", "forecast_skill", "hindcast_facts", "settings_of"]
