# ruff: noqa: PTH112, PTH113, PTH123 - pathlib and contextlib take a third of the start
"""The launcher of `sandbox.start`: takes on the limits, then becomes the command.

Run as `python -I -S sandbox_child.py TERMS -- COMMAND...`; it knows the standard library only.
What the kernel or its operator does not allow (namespaces, Landlock) is left out: the other
fences stand. `sandbox.fences` tells which there are.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys

OPEN_FILES = 64

# sched.h, linux/prctl.h
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38

# linux/landlock.h; the numbers of its system calls are the same on every architecture.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15  # TRUNCATE, IOCTL_DEV
RIGHTS_OF_VERSION = {1: 13, 2: 14, 3: 15, 4: 15}  # as the number of low bits; from 5 on 16
BIND_AND_CONNECT_TCP = 3  # from version 4
SCOPE_SOCKETS_AND_SIGNALS = 3  # from version 6

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache")
DEVICES = ("/proc", "/dev/urandom")


def main() -> None:
    terms, command = json.loads(sys.argv[1]), sys.argv[3:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        leave_network(libc)
        # After unshare, which forgets it.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        leave_files(libc, [*terms.pop("readable"), *readable(command)])
    if os.getppid() != terms["parent"]:
        sys.exit("the parent is gone")
    os.nice(terms["niceness"])
    for number in (signal.SIGXFSZ, signal.SIGPIPE):  # ignored by Python, and that is inherited
        signal.signal(number, signal.SIG_DFL)
    take_limits(terms)
    os.execvp(command[0], command)  # noqa: S606 - an argument list from our own code


def leave_network(libc: ctypes.CDLL) -> bool:
    """Move into an empty network namespace; False where the kernel does not let us."""
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) == 0:
        return True
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    # user_namespaces(7): without a map the tool would run as the overflow user.
    entries = {"uid_map": f"{uid} {uid} 1", "setgroups": "deny", "gid_map": f"{gid} {gid} 1"}
    for name, text in entries.items():
        try:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        except OSError:
            pass
    return True


def leave_files(libc: ctypes.CDLL, paths: list[str]) -> bool:
    """Keep to the working directory and, to read, `paths`: landlock(7). False where it lacks."""
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, VERSION_FLAG)
    if version < 1:
        return False
    everything = (1 << RIGHTS_OF_VERSION.get(version, 16)) - 1
    network = BIND_AND_CONNECT_TCP if version >= 4 else 0
    scope = SCOPE_SOCKETS_AND_SIGNALS if version >= 6 else 0
    rules = struct.pack("=QQQ", everything, network, scope)
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0:
        return False
    for path in paths:
        allow(libc, ruleset, path, EXECUTE | READ_FILE | READ_DIR)
    allow(libc, ruleset, "/dev/null", READ_FILE | WRITE_FILE)
    allow(libc, ruleset, ".", everything)
    return bool(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)


def readable(command: list[str]) -> list[str]:
    """What is not in the working directory and may be read all the same.

    The system's programs and libraries, the files whose absolute path is an argument, and those
    that symbolic links in the working directory lead to.
    """
    named = [word for word in command if word.startswith("/") and os.path.isfile(word)]
    linked = [entry.path for entry in os.scandir() if entry.is_symlink() and entry.is_file()]
    return [*SYSTEM, *DEVICES, *named, *linked]


def allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    kept = rights if os.path.isdir(path) else rights & FILE_RIGHTS
    rule = struct.pack("=Qi", kept, descriptor)
    libc.syscall(LANDLOCK_ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
    os.close(descriptor)


def take_limits(terms: dict[str, int]) -> None:
    cpu = terms["cpu_seconds"]
    wanted = {
        resource.RLIMIT_CPU: (cpu, cpu + 1),  # SIGXCPU first, SIGKILL to who ignores it
        resource.RLIMIT_FSIZE: (terms["file_bytes"],) * 2,
        resource.RLIMIT_NOFILE: (OPEN_FILES,) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    if terms["memory_bytes"] is not None:
        wanted[resource.RLIMIT_AS] = (terms["memory_bytes"],) * 2
    for limit, pair in wanted.items():
        _, ceiling = resource.getrlimit(limit)
        soft, hard = (n if ceiling == resource.RLIM_INFINITY else min(n, ceiling) for n in pair)
        resource.setrlimit(limit, (soft, hard))


if __name__ == "__main__":
    main()
