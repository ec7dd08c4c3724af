"""A pytest plugin: graphql-core's own tests, with the compiling executor as the default class.

`make conformance` loads it into a run of the tests that come with graphql-core's source
distribution. Every document is compiled at first sight, so that the tests meet compiled plans.
"""

import sys

import graphql.execution
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

from gateway.execution.executor import Compiling, CompilingExecutor


class CompilingThrowingOnIncremental(Compiling, ExecutorThrowingOnIncremental):
    """What `subscribe` uses by default, compiling."""


def pytest_configure() -> None:
    """Make the executors compile from the first sight on, and take the place of the stock ones."""
    Compiling.patience = 0
    module = sys.modules[graphql.execution.execute.__module__]
    module.IncrementalExecutor = CompilingExecutor  # type: ignore[attr-defined]
    module.ExecutorThrowingOnIncremental = CompilingThrowingOnIncremental  # type: ignore[attr-defined]
