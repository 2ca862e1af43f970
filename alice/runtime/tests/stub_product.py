"""Alice's runner around stand-ins for its processes: `python -m alice.runtime.tests.stub_product`.

The web stand-in answers every request with its process id, the others only live. Files in the
data directory steer them: `web-is-broken` fails new web processes, `hold-prepare` holds it up.
"""

import os
import sys

from alice.runtime.child import ChildSpec
from alice.runtime.config import read_config
from alice.runtime.console import Console
from alice.runtime.errors import CannotRun
from alice.runtime.plan import Plan
from alice.runtime.run import run_alice

WEB = """
import os, select, signal, socket, sys
if os.path.exists(os.path.join(os.environ["ALICE_DATA_DIR"], "web-is-broken")):
    sys.exit(3)
wake, written = os.pipe()
os.set_blocking(written, False)
signal.set_wakeup_fd(written)
signal.signal(signal.SIGTERM, lambda *_: None)
control = socket.socket(fileno=int(os.environ["ALICE_CONTROL_FD"]))
listener = socket.socket(fileno=int(sys.argv[1]))
listener.setblocking(False)
select.select([control, wake], [], [])
control.sendall(b"R")
answer = b"HTTP/1.0 200 OK\\r\\n\\r\\n" + str(os.getpid()).encode()
while wake not in select.select([listener, wake], [], [])[0]:
    try:
        link, _ = listener.accept()
    except BlockingIOError:
        continue
    link.setblocking(True)
    link.recv(4096)
    link.sendall(answer)
    link.close()
"""
PREPARE = """
import os, sys, time
while os.path.exists(os.path.join(os.environ["ALICE_DATA_DIR"], "hold-prepare")):
    time.sleep(0.01)
sys.exit(int(os.environ.get("STUB_PREPARE_CODE", "0")))
"""


def python(*words):
    return (sys.executable, "-I", "-S", "-c", *words)


def stub_plan(config, addresses):
    environ = {**os.environ, "ALICE_DATA_DIR": str(config.data.root)}
    descriptor = addresses.listeners[0].fileno()
    web = [
        ChildSpec(
            name=f"web-{number}",
            command=python(WEB, str(descriptor)),
            environ=environ,
            kept_fds=(descriptor,),
            is_controlled=True,
        )
        for number in range(1, config.web_workers + 1)
    ]
    sleeper = ChildSpec(name="worker", command=("sleep", "1000"), environ=environ)
    return Plan(
        prepare=ChildSpec(name="prepare", command=python(PREPARE), environ=environ),
        web=tuple(web),
        background=(sleeper,),
    )


def main():
    try:
        return run_alice(read_config(os.environ), Console(), stub_plan)
    except CannotRun as error:
        Console(sys.stderr).say(str(error))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
