"""Shared by the tests of ECG: pages that several tests look at are drawn and read once a session."""
from collections.abc import Iterator

import pytest
from read_pages import FlatPage, ReadPage, digitize_once, draw_and_flatten, draw_and_read
from threadpoolctl import threadpool_limits

from ecg import process_file
from ecg.simulate.draw import Style


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """As `ecg.digitize` limits it: threads of linear algebra on small matrices mostly wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def usual_page() -> ReadPage:
    """Three rows of four leads and a rhythm strip."""
    return draw_and_read(Style())


@pytest.fixture(scope="session")
def three_leads_page() -> ReadPage:
    """I, II and III for ten seconds."""
    return draw_and_read(Style(layout="3x1"))


@pytest.fixture(scope="session")
def flat_page() -> FlatPage:
    return draw_and_flatten()


@pytest.fixture(scope="session")
def _pages_read_once() -> Iterator[None]:
    """Runs in this process read each page once a session: for tests of what is done with a page that was read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_file, "digitize", digitize_once)
        yield
