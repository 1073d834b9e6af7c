"""Executors: in this process, on this machine, on a Dask cluster. Any other ``concurrent.futures.Executor`` works too.

`LocalPool` is our own because the standard pool ends every worker when one dies. In it a crash loses only its own
task: each worker process has a pipe and a thread of the parent to itself, so that nothing is shared that a killed
process could leave locked or half written.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing import connection, get_context, parent_process
from types import ModuleType
from typing import Any

from sim.errors import InputError, Problem, SimError

STARTS = 5
"""How often in a row a process may die before it is ready; some other program may have killed it."""

PATIENCE = "10s"
"""How long to wait for the scheduler of a Dask cluster."""

_SPAWN = get_context("spawn")

_STARTING = threading.Lock()
"""One process at a time is started: meanwhile the caller's script is hidden."""


class WorkerDiedError(BrokenExecutor):
    """The process that had a task is gone; the executor goes on."""


class PoolError(SimError):
    """Workers that cannot be had at all."""


def local_pool(workers: int, *, isolated: bool = False) -> Callable[[], Executor]:
    """Make a factory of executors on this machine: spawned processes, or this one for one worker.

    ``isolated`` puts one worker into a process of its own too, so that nothing a run does can end the parent.
    """
    return SerialExecutor if workers == 1 and not isolated else lambda: LocalPool(workers)


def available_workers() -> int:
    """Count the processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class SerialExecutor(Executor):
    """Runs each task at once in this process: the same code path with one worker."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now; the future is already finished."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # handed on through the future, like any executor does
            future.set_exception(error)
        return future


class LocalPool(Executor):
    """Spawned processes, of which a crash loses only its own task.

    The future of that task gets ``WorkerDiedError``; another process is started for the next task.
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
        """Pass calls to one worker process after another; a thread runs this."""
        worker: _Worker | None = None
        while (item := self._calls.get()) is not None:
            future, call = item
            if self._closed:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                worker = worker or self._start()
                future.set_result(worker.call(call))
            except BaseException as error:  # whatever it is belongs to whoever waits for the call
                if isinstance(error, WorkerDiedError):
                    self._end(worker)
                    worker = None
                future.set_exception(error)
        self._end(worker)

    def _start(self) -> _Worker:
        for _ in range(STARTS):
            with self._lock:
                if self._closed:
                    raise WorkerDiedError("the pool was shut down")
                worker = _Worker()
                self._workers.add(worker)
            with contextlib.suppress(WorkerDiedError):
                worker.answer()
                return worker
            self._end(worker)
        raise PoolError(
            f"worker processes end as soon as they start (exit code {worker.process.exitcode}); "
            "try --workers 1 to see why"
        )

    def _end(self, worker: _Worker | None) -> None:
        if worker is not None:
            worker.kill()
            worker.process.join()
            worker.pipe.close()
            with self._lock:
                self._workers.discard(worker)


class _Worker:
    """One process and the pipe to it.

    The caller's script is hidden while the process starts. A spawned process runs it again otherwise, so that a
    script without ``if __name__ == "__main__":`` would start itself in every worker.
    """

    def __init__(self) -> None:
        self.pipe, there = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_work, args=(there,))
        with _STARTING:
            script = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                self.process.start()
            finally:
                sys.modules["__main__"] = script
        there.close()

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


def _work(pipe: connection.Connection[Any, Any]) -> None:
    """Worker main loop: answer calls until the pipe closes."""
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
