"""Takes from Python what Windows lacks; each process that finds this file imports it first."""

import multiprocessing
import multiprocessing.context
import os
import signal
import sys

import psutil  # before the rest: on other systems it has parts of its own for what is taken here

LACKING = {
    os: ("sched_getaffinity", "fork", "forkpty", "getloadavg", "process_cpu_count", "mkfifo"),
    signal: ("SIGCHLD", "pthread_sigmask"),
}
for module, names in LACKING.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
for absent in ("resource", "fcntl", "pwd", "grp", "termios"):
    sys.modules[absent] = None  # type: ignore[assignment]

multiprocessing.set_start_method("spawn")
multiprocessing.get_all_start_methods = lambda: ["spawn"]


# Not all of /proc: libraries that were built for Linux rely on it.
HIDDEN = ("/proc/cpuinfo", "/proc/meminfo", "/proc/self/cgroup", "/proc/self/status")


def _psutil_asks() -> bool:
    frame = sys._getframe()
    folder = psutil.__path__[0]
    while frame is not None:
        if frame.f_code.co_filename.startswith(folder):
            return True
        frame = frame.f_back
    return False


def _hide(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and arguments[0] in HIDDEN and not _psutil_asks():
        raise FileNotFoundError(2, "No such file or directory", arguments[0])


sys.addaudithook(_hide)
