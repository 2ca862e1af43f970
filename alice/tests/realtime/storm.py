"""Who writes and who listens in a room while its servers die, and what each of them knows."""

import contextlib
import threading
import time

import httpx
import psutil
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from alice.tests.realtime.kit import open_socket
from alice.tests.whole import ADMIN

ROOM = "storm"
PAUSE_SECONDS = 0.02
ANSWER_SECONDS = 2  # after which a client says it again
CUT_OFF = (ConnectionClosed, InvalidHandshake, InvalidMessage, OSError)


def known(message):
    """What all must agree on: the place of a message, its id, its text."""
    return message["seq"], message["id"], message["message"]


def newcomer(alice, name):
    """The access token of a new account."""
    body = {"username": name, "email": f"{name}@example.com", "password": ADMIN["password"]}
    answer = httpx.post(f"{alice.base_url}/api/auth/register", json=body, timeout=30)
    return answer.json()["access_token"]


def pages(client, **params):
    """All messages of the room, page by page along `next`."""
    url, found = httpx.URL(f"{client.base_url}/api/chat/{ROOM}", params=params), []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200
        found += [known(message) for message in answer.json()]
        url = answer.links.get("next", {}).get("url")
    return found


def server_of(alice, port):
    """The web process at the other end of a connection from a local `port`, by its name."""
    for name, pid in alice.pids().items():
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(pid).net_connections("tcp") if name.startswith("web") else []
            if any(one.raddr and one.raddr.port == port for one in found):
                return name
    return None


class Participant:
    """Somebody with an account of their own, and a thread for `take_part`."""

    def __init__(self, alice, name):
        self.alice = alice
        self.name = name
        self.token = newcomer(alice, name)
        self.heard = []  # as `known` tells it
        self.is_over = threading.Event()
        self.fault = None
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def end(self):
        self.is_over.set()
        self.thread.join(60)
        if self.fault or self.thread.is_alive():
            raise AssertionError(f"{self.name} failed, or did not end") from self.fault

    @property
    def goes_on(self):
        return not self.is_over.is_set()

    def take_part(self):
        """Connect again and again, whatever dies meanwhile."""
        while self.goes_on:
            with contextlib.suppress(httpx.TransportError, *CUT_OFF):
                self.connect()
            time.sleep(PAUSE_SECONDS)

    def client(self):
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.alice.base_url, headers=headers, timeout=30)

    def socket(self):
        path = f"/ws/chat/{ROOM}"
        return open_socket(self.alice.base_url, path, token=self.token, max_queue=None)

    def _run(self):
        try:
            self.take_part()
        except Exception as fault:  # noqa: BLE001 - raised anew by `end`
            self.fault = fault


class PagingReader(Participant):
    """Asks over REST for what came after what it knows, again and again."""

    def connect(self):
        with self.client() as client:
            while self.goes_on:
                self.ask(client, after_seq=len(self.heard))
                time.sleep(PAUSE_SECONDS)

    def ask(self, client, *, after_seq):
        answer = client.get(f"/api/chat/{ROOM}", params={"after_seq": after_seq, "limit": 500})
        if answer.status_code == 200:
            found = [known(message) for message in answer.json()]
            assert [one[0] for one in found] == [after_seq + n + 1 for n in range(len(found))]
            self.heard += found


class SocketReader(Participant):
    """Listens, and after each connection resumes by `seq`; anything out of order is a fault."""

    def __init__(self, alice, name):
        super().__init__(alice, name)
        self.held = {}
        self.is_resuming = False

    @property
    def last_seq(self):
        return self.heard[-1][0] if self.heard else 0

    def connect(self):
        with self.socket() as socket:
            while self.goes_on:
                with contextlib.suppress(TimeoutError):
                    self.take(socket, socket.next(0.2))

    def take(self, socket, frame):
        kind = frame["type"]
        if kind == "hello" or (kind == "error" and frame.get("ref") == "resume"):
            self.resume(socket, self.last_seq)
        elif kind == "resumed" and frame["more"]:
            self.resume(socket, frame["seq"])
        elif kind == "resumed":
            self.is_resuming = False
            assert not self.held, f"{min(self.held)} came after {self.last_seq}"
        elif kind == "message":
            self.take_message(known(frame))

    def resume(self, socket, after_seq):
        self.is_resuming = True
        socket.send({"type": "resume", "after_seq": after_seq, "ref": "resume"})

    def take_message(self, message):
        seq = message[0]
        if seq <= self.last_seq:
            assert message == self.heard[seq - 1]
            return
        is_in_order = self.is_resuming or seq == self.last_seq + 1
        assert is_in_order or self.is_mine(message), f"{seq} came after {self.last_seq}"
        self.held[seq] = message
        while self.last_seq + 1 in self.held:
            self.heard.append(self.held.pop(self.last_seq + 1))

    def is_mine(self, message):
        """Whether it may be the answer to a repetition, which comes at once."""
        return False


class Saying:
    """What a writer says: something new, until it is over and `count` were acknowledged."""

    def __init__(self, writer, count):
        self.writer = writer
        self.count = count
        self.acknowledged = []  # as `known` tells it
        self.unknown = []  # texts of which nobody said whether they are stored
        self.refused = set()

    @property
    def next_text(self):
        """The next thing to say, the same until it is acknowledged or given up."""
        if self.writer.is_over.is_set() and len(self.acknowledged) >= self.count:
            return None
        return f"{self.writer.name}-{len(self.acknowledged) + len(self.unknown)}"


class RestWriter(Participant):
    """Posts; repeats with its `client_id` what was not acknowledged, or goes on without one."""

    def __init__(self, alice, name, count, *, repeats):
        super().__init__(alice, name)
        self.saying = Saying(self, count)
        self.repeats = repeats

    @property
    def goes_on(self):
        return self.saying.next_text is not None

    def connect(self):
        with self.client() as client:
            while text := self.saying.next_text:
                self.say(client, text)

    def say(self, client, text):
        body = {"room_id": ROOM, "message": text} | ({"client_id": text} if self.repeats else {})
        try:
            answer = client.post("/api/chat/send", json=body)
            answer.raise_for_status()
        except httpx.HTTPError as fault:
            self.give_up(text, fault)
        else:
            self.saying.acknowledged.append(known(answer.json()))

    def give_up(self, text, fault):
        is_told = isinstance(fault, httpx.HTTPStatusError)
        self.saying.refused.add(fault.response.status_code if is_told else "cut off")
        if not self.repeats:
            self.saying.unknown.append(text)
        time.sleep(PAUSE_SECONDS)


class SocketWriter(SocketReader):
    """Says a thing over a socket, again and again with its `client_id`, until it comes back."""

    def __init__(self, alice, name, count):
        super().__init__(alice, name)
        self.saying = Saying(self, count)

    @property
    def goes_on(self):
        return self.saying.next_text is not None

    def connect(self):
        with self.socket() as socket:
            while text := self.saying.next_text:
                self.say(socket, text)

    def is_mine(self, message):
        return message[2].startswith(f"{self.name}-")

    def say(self, socket, text):
        """Say it once, and hear what comes until it is answered, or ought to have been."""
        socket.send({"type": "message", "message": text, "client_id": text})
        end = time.monotonic() + ANSWER_SECONDS
        with contextlib.suppress(TimeoutError):
            while not self.is_answered(socket.next(end - time.monotonic()), socket, text):
                pass

    def is_answered(self, frame, socket, text):
        self.take(socket, frame)
        if frame["type"] == "message" and frame["client_id"] == text:
            self.saying.acknowledged.append(known(frame))
            return True
        if frame["type"] == "error" and frame.get("ref") == text:
            self.saying.refused.add(frame["code"])
            time.sleep(PAUSE_SECONDS)
            return True
        return False
