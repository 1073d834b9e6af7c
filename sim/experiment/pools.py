"""Executors: in this process, on this machine, on a Dask cluster. Any other ``concurrent.futures.Executor`` works too."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Any

from sim.errors import InputError, Problem, SimError

STARTS = 5
"""How often in a row a process may die before it is ready; some other program may have killed it."""

PATIENCE = "10s"

_SPAWN = get_context("spawn")

_STARTING = threading.Lock()
"""One process at a time is started: meanwhile the caller's script is hidden."""


class WorkerDiedError(BrokenExecutor):
    """The process that had a task is gone; the executor goes on."""


class PoolError(SimError):
    """Workers that cannot be had at all."""


class SerialExecutor(Executor):
    """Runs each task at once in this process: the same code path with one worker."""

    isolates = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now; the future is already finished."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # handed on through the future, like any executor does
            future.set_exception(error)
        return future


class LocalPool(Executor):
    """Spawned processes that fall one at a time.

    The standard pool ends every worker when one dies. Here a worker takes only its own task along, whose future
    gets ``WorkerDiedError``, and another takes its place. One thread of the parent looks after each.
    """

    isolates = True

    def __init__(self, workers: int) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._workers: set[_Worker] = set()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call for the next free worker."""
        if self._closed:
            raise RuntimeError("the pool was shut down")
        future: Future[Any] = Future()
        self._calls.put((future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers: after their calls, or now when not to ``wait``. Their children end with them."""
        for _ in self._threads:
            self._calls.put(None)
        if not wait or cancel_futures:
            with self._lock:
                self._closed = True
                for worker in self._workers:
                    worker.kill()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        worker: _Worker | None = None
        while (item := self._calls.get()) is not None:
            future, call = item
            if self._closed:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                worker = worker or self._hire()
                future.set_result(worker.call(call))
            except BaseException as error:  # whatever it is belongs to whoever waits for the call
                if isinstance(error, WorkerDiedError):
                    self._dismiss(worker)
                    worker = None
                future.set_exception(error)
        self._dismiss(worker)

    def _hire(self) -> _Worker:
        for _ in range(STARTS):
            with self._lock:
                if self._closed:
                    raise WorkerDiedError("the pool was shut down")
                worker = _Worker.start()
                self._workers.add(worker)
            with contextlib.suppress(WorkerDiedError):
                worker.answer()
                return worker
            self._dismiss(worker)
        raise PoolError(
            f"worker processes end as soon as they start (exit code {worker.process.exitcode}); "
            "try --workers 1 to see why"
        )

    def _dismiss(self, worker: _Worker | None) -> None:
        if worker is not None:
            worker.kill()
            worker.process.join()
            worker.pipe.close()
            with self._lock:
                self._workers.discard(worker)


@dataclass(eq=False)
class _Worker:
    """One process and the pipe to it."""

    process: SpawnProcess
    pipe: connection.Connection[Any, Any]

    @classmethod
    def start(cls) -> _Worker:
        here, there = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_work, args=(there,))
        with _script_hidden():
            process.start()
        there.close()
        return cls(process, here)

    def call(self, call: Any) -> Any:
        try:
            self.pipe.send(call)
        except OSError:
            raise WorkerDiedError("the worker process ended before its task") from None
        return self.answer()

    def answer(self) -> Any:
        """Wait for the answer, or for the end of the process."""
        connection.wait([self.pipe, self.process.sentinel])
        try:
            good, value = self.pipe.recv() if self.pipe.poll() else (False, EOFError())
        except (EOFError, OSError) as error:
            good, value = False, error
        if isinstance(value, EOFError | ConnectionError):
            self.kill()
            self.process.join(1)
            raise WorkerDiedError(f"the worker process ended (exit code {self.process.exitcode})")
        if not good:
            raise value
        return value

    def kill(self) -> None:
        """End the process, and what it started: it leads a group of its own once it is ready."""
        with contextlib.suppress(OSError):
            self.process.kill()
        with contextlib.suppress(OSError):
            if self.process.pid is not None:
                os.killpg(self.process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _script_hidden() -> Iterator[None]:
    """Keep a new process from running the caller's script again, as spawned ones do: workers need nothing of it.

    Otherwise a script without ``if __name__ == "__main__":`` would start itself in every worker.
    """
    with _STARTING:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


def _work(pipe: connection.Connection[Any, Any]) -> None:
    """Live as a worker: answer calls until the pipe closes."""
    start_worker()
    pipe.send((True, None))
    while True:
        try:
            function, arguments, options = pipe.recv()
            answer = True, function(*arguments, **options)
        except EOFError:
            return
        except Exception as error:
            answer = False, error
        pipe.send(answer)


def start_worker() -> None:
    """Prepare a worker process: a group of its own, Ctrl-C left to the parent, the end when the parent is gone."""
    from multiprocessing import parent_process

    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setsid()
    parent = parent_process()
    if parent is None:
        return

    def end_with_parent() -> None:
        connection.wait([parent.sentinel])
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


class DaskPool(Executor):
    """The workers of a Dask cluster. The cluster tries a task on several workers before it is given up."""

    isolates = True

    def __init__(self, address: str) -> None:
        self._client = _client(address)
        self._address = address
        self._inner = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call; a task whose workers died gets ``WorkerDiedError``."""
        outer: Future[Any] = Future()

        def hand_on(inner: Future[Any]) -> None:
            error = None if inner.cancelled() else inner.exception()
            if inner.cancelled() or self._client.status != "running":
                outer.set_exception(PoolError(f"{self._address}: the cluster is gone"))
            elif error is None:
                outer.set_result(inner.result())
            elif type(error).__name__ == "KilledWorker":
                outer.set_exception(WorkerDiedError("every worker of the cluster that had the task died"))
            else:
                outer.set_exception(error)

        self._inner.submit(fn, *args, **kwargs).add_done_callback(hand_on)
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the cluster; it stays. Tasks that were not begun are taken back unless to ``wait``."""
        self._inner.shutdown(wait=wait and not cancel_futures)
        self._client.close(timeout=2)


def local_pool(workers: int, *, isolated: bool = False) -> Callable[[], Executor]:
    """Make a factory of executors on this machine: spawned processes, or this one for one worker.

    ``isolated`` puts one worker into a process of its own too, so that nothing a run does can end the parent.
    """
    return SerialExecutor if workers == 1 and not isolated else lambda: LocalPool(workers)


def dask_pool(address: str) -> tuple[Callable[[], Executor], int]:
    """Make a factory of executors on a Dask cluster, and count its workers' threads.

    Raises
    ------
    InputError
        If the extra ``cluster`` is not installed, nobody answers at the address, or no worker is there.
    """
    client = _client(address)
    try:
        threads = sum(client.nthreads().values())
    finally:
        client.close(timeout=2)
    if not threads:
        raise InputError(Problem("the cluster has no worker", key="cluster", got=address, hint="start dask worker"))
    return lambda: DaskPool(address), threads


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            Problem("needs the extra: pip install 'stabsim[cluster]'", key="cluster", got=address)
        ) from None
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            Problem(
                "no Dask scheduler answers there",
                key="cluster",
                got=address,
                allowed="an address such as tcp://host:8786",
                hint=str(error).splitlines()[0][:120] if str(error) else type(error).__name__,
            )
        ) from None


def available_workers() -> int:
    """Count the processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
