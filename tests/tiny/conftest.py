import pytest

from lmkit.tiny import load_world


@pytest.fixture(scope="session")
def world():
    return load_world()
