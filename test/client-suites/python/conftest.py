"""What the tests of huggingface_hub take for granted and their source distribution lacks.

The tests name these fixtures and markers; what each one does is read off its uses. HF_ENDPOINT names the hub under
test. `run.ts` copies this file beside the tests.
"""

import json
import os
import re
from typing import Protocol

import pytest

from huggingface_hub import HfApi, RepoUrl, constants
from huggingface_hub.utils import _detect_agent

from .testing_constants import ENDPOINT_PRODUCTION, ENDPOINT_STAGING, TOKEN, USER
from .testing_utils import repo_name


class RepoFactory(Protocol):
    """Makes a repository that is gone after the test: of the user behind `TOKEN`, with a new name unless told otherwise."""

    def __call__(self, repo_type: str = "model", *, repo_id: str | None = None, **create: object) -> RepoUrl: ...


@pytest.fixture(scope="session")
def api() -> HfApi:
    return HfApi(endpoint=ENDPOINT_STAGING, token=TOKEN)


@pytest.fixture(scope="session")
def api_prod() -> HfApi:
    return HfApi(endpoint=ENDPOINT_PRODUCTION, token=False)


@pytest.fixture
def repo_factory(api: HfApi):
    made: list[tuple[RepoUrl, str | None]] = []

    def make(repo_type: str = "model", *, repo_id: str | None = None, token: str | None = None, **create) -> RepoUrl:
        url = api.create_repo(repo_id or repo_name(), repo_type=repo_type, token=token, **create)
        made.append((url, token))
        return url

    yield make
    for url, token in made:
        api.delete_repo(url.repo_id, repo_type=url.repo_type, token=token, missing_ok=True)


@pytest.fixture
def new_repo_id(api: HfApi):
    """The name of a model that the test may make; gone after it."""
    repo_id = f"{USER}/{repo_name()}"
    yield repo_id
    api.delete_repo(repo_id, missing_ok=True)


@pytest.fixture(autouse=True)
def a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees what another has downloaded or logged in as."""
    home = tmp_path_factory.mktemp("huggingface")
    places = {
        "HF_HOME": home,
        "HF_HUB_CACHE": home / "hub",
        "HUGGINGFACE_HUB_CACHE": home / "hub",
        "HF_XET_CACHE": home / "xet",
        "HF_ASSETS_CACHE": home / "assets",
        "HUGGINGFACE_ASSETS_CACHE": home / "assets",
        "HF_TOKEN_PATH": home / "token",
        "HF_STORED_TOKENS_PATH": home / "stored_tokens",
    }
    for name, place in places.items():
        monkeypatch.setattr(constants, name, str(place))
    monkeypatch.setattr(_detect_agent, "_registry", {"standardEnvVars": [], "harnesses": {}})


def _id(nodeid: str) -> str:
    return nodeid.removeprefix("tests/")


def _say(nodeid: str, outcome: str, why: str = "") -> None:
    with open(os.environ["SUITES_OUTCOMES"], "a") as outcomes:
        print(json.dumps({"id": _id(nodeid), "outcome": outcome, "why": why}), file=outcomes)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what `SUITES_EXCLUDED` (a pattern a line) names, and tests of the way that this run does not go."""
    patterns = [re.escape(line).replace(r"\*", ".*") for line in os.environ["SUITES_EXCLUDED"].splitlines()]
    excluded = re.compile("|".join(patterns) or "(?!)")
    kept, left_out = [], []
    for item in items:
        other_way = item.get_closest_marker("xet" if constants.HF_HUB_DISABLE_XET else "no_xet")
        is_out = other_way or item.get_closest_marker("git_lfs") or excluded.fullmatch(_id(item.nodeid))
        (left_out if is_out else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)
    for item in left_out:
        _say(item.nodeid, "excluded")


_worst: dict[str, tuple[str, str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test is its set-up, its call and what it clears away: the worst of the three counts."""
    if report.failed or (report.skipped and report.nodeid not in _worst):
        crash = getattr(report.longrepr, "reprcrash", None)
        why = crash.message.splitlines()[0] if crash else str(report.longrepr)
        _worst[report.nodeid] = ("failed", why[:300]) if report.failed else ("excluded", "")
    if report.when == "teardown":
        _say(report.nodeid, *_worst.pop(report.nodeid, ("passed", "")))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _say(report.nodeid, "failed", "could not be collected")
