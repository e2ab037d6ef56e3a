"""Prowl in its own checkout: the plugin that brings every room."""

import pytest


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Name the plugin (``pytest_plugins`` would refuse to be collected from another folder by ``prowl run``)."""
    pluginmanager.import_plugin("prowl.chaos.plugin")
