"""Why a cell failed, in words: the likely cause first, by what is known of the machine, its limits and the cell."""

import errno
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from barlowcli.engines.gpu_errors import one_line, out_of_memory
from barlowcli.machine.facts import free_in_shared_memory, gib, job_memory, limits, memory
from barlowcli.machine.limits import CPU_TIME, address_space, limit_of
from barlowcli.machine.needs import Need

ASKED_ON_CPU = re.compile(r"you tried to allocate (\d+) bytes")
NO_THREAD = ("can't start new thread", "Resource temporarily unavailable", "pthread_create")
NO_MEMORY = ("Cannot allocate memory", "failed to map segment", "cannot allocate memory", "bad_alloc")
SHARED = ("shared memory", "/dev/shm", "shm_open")
ABRUPT = ("SIGSEGV", "SIGABRT", "SIGILL", "SIGFPE")


def in_words(error: BaseException, need: Need | None = None, workers: int = 1) -> tuple[str, str]:
    """Message and hint of an error that is not one of barlow's own: memory, with what was asked for and what is free,
    as far as torch and the system say, threads and files; else its type and text, and no hint."""
    text, less = one_line(error), (need or Need()).less(workers)
    if (on_gpu := out_of_memory(text, less)) is not None:
        return on_gpu
    if found := ASKED_ON_CPU.search(text):
        return f"out of memory: {gib(int(found[1]))} asked for, {_free()}", _raise_limit() + less
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return f"out of memory: {text or 'the system refused some'}, {_free()}", _raise_limit() + less
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
        most = limits().get("open files", "")
        return f"too many open files{f', of {most}' if most else ''}: {text}", "`ulimit -n 4096` before the command"
    if getattr(error, "errno", None) == errno.ENOSPC or any(word in text for word in SHARED):
        free = free_in_shared_memory()
        known = "" if free is None else f" (/dev/shm has {gib(free)} free)"
        return f"no space: {text}{known}", "free some; in a container --shm-size makes /dev/shm larger"
    if any(word in text for word in NO_THREAD):
        return f"no more threads or processes can be started: {text}", no_threads(workers)
    if any(word in text for word in NO_MEMORY):
        return f"out of memory: {text}, {_free()}", _raise_limit() + less
    return f"{type(error).__name__}: {text}", ""


def cannot_start(error: BaseException) -> tuple[str, str]:
    """Message and hint where torch cannot be imported."""
    message, hint = in_words(error)
    if not hint:
        message, hint = str(error), "torch and torchvision must come from the same place; see `barlow doctor`"
    return f"torch cannot be used here: {message}", hint


def no_threads(workers: int) -> str:
    """What to do where no thread can be started: the limits that there are, and the way out."""
    known = [f"{name} {limits()[name]}" for name in ("processes and threads", "address space") if name in limits()]
    there = f" ({'; '.join(known)})" if known else ""
    fewer = f"fewer --workers (now {workers}), or " if workers > 1 else ""
    return f"{fewer}a higher limit of the job{there}; OPENBLAS_NUM_THREADS=1 needs fewer threads"


def _free() -> str:
    found = memory()
    return f"{gib(found.available)} free" + (f" ({found.available_by})" if found.available_by else "")


def _raise_limit() -> str:
    """The limit of the address space, where it is what memory is short by."""
    source = memory().available_by
    limit = next((one for one in address_space() if one.source == source), None)
    return "" if limit is None else f"a higher `{limit.source}` (now {gib(limit.most)} a process), or "


@dataclass
class Death:
    """A worker process that ended by itself. code: as of `Process.exitcode`; need: what it last said that it needs;
    seconds: of the processor that it took; before, after: `killed_for_memory` when the run began and now."""

    code: int
    need: Need = field(default_factory=Need)
    workers: int = 1
    seconds: float = 0.0
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The signal that ended it; "" where none did."""
        try:
            return signal.Signals(-self.code).name if self.code < 0 else ""
        except ValueError:
            return f"signal {-self.code}"

    @property
    def for_memory(self) -> str | None:
        """The limit of whose group the system ended a process for want of memory meanwhile, "" for the machine's own
        memory; None where it ended none."""
        if self.name != "SIGKILL":
            return None
        more = [place for place, count in self.after.items() if count > self.before.get(place, count)]
        return more[0] if more else None

    def in_words(self) -> tuple[str, str]:
        """Message and hint."""
        how = f"killed by {self.name}" if self.name else f"exit code {self.code}"
        message, less = f"the worker process died ({how})", self.need.less(self.workers)
        limit = limit_of(CPU_TIME)
        if limit is not None and (self.name == "SIGXCPU" or (self.name == "SIGKILL" and self.seconds >= limit - 1)):
            return (
                f"{message}: it had used its {limit:,} s of processor time",
                "a higher `ulimit -t`; the same command goes on from the last checkpoint",
            )
        if self.name == "SIGKILL":
            return self._killed(message, less)
        if self.name == "SIGBUS":
            free = free_in_shared_memory()
            shared = "" if free is None else f"; /dev/shm has {gib(free)} free"
            hint = (
                f"a file it was reading was cut short or lies on a disk that failed, or shared memory is full{shared}"
            )
            return message, hint
        if self.name in ABRUPT:
            builds = "torch or a library crashed, perhaps a build that does not suit this processor (`barlow doctor`)"
            return message, f"{self._limited(less)}{builds}; `--rerun failed` tries again"
        if self.name:
            return message, "somebody ended it: --rerun failed runs the cell again"
        return message, f"{self._limited(less)}what it said is above, or in the cell's log.txt"

    def _killed(self, message: str, less: str) -> tuple[str, str]:
        place = self.for_memory
        if place is None:
            if self.after:
                hint = f"not for want of memory, as far as the system counts: somebody ended it; else {less}"
                return message, hint
            return message, f"if it was the system's memory killer: {less}"
        if place:
            most = job_memory()  # the limit may be that of a group above the one where it is counted
            return (
                f"{message}: the job had reached its {gib(most.total)} of memory ({most.total_by or place})",
                f"more memory for the job, or {less}",
            )
        return f"{message}: this machine had no memory left", less

    def _limited(self, less: str) -> str:
        """What the limits of a process have to do with it, where there are any."""
        found = address_space()
        return (
            f"perhaps `{found[0].source}` ({gib(found[0].most)} a process): raise it, or {less}; or " if found else ""
        )
