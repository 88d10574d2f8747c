"""Takes from Python what Windows lacks; each process that finds this file imports it first."""

import multiprocessing
import multiprocessing.context
import os
import signal
import sys

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


def _hide(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and arguments[0] in HIDDEN:
        raise FileNotFoundError(2, "No such file or directory", arguments[0])


sys.addaudithook(_hide)
