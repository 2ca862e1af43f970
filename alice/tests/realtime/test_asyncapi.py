"""docs/asyncapi.yaml and docs/websockets.md say what the sockets say."""

import io
import json
import re

import pytest
import yaml
from django.core.management import call_command
from jsonschema import Draft7Validator

from alice.common.events import publish
from alice.common.realtime import close_codes, consumers
from alice.common.realtime.asyncapi import document
from alice.common.realtime.groups import room_group, user_group
from alice.common.realtime.messages import GAP, channel_of, encode
from alice.common.redis_client import client as redis
from alice.tests.node import packages_of
from alice.tests.realtime.kit import open_socket
from alice.tests.whole import PROJECT
from billing.events import SubscriptionChanged
from collaboration.consumers import ChatConsumer
from collaboration.models import Room
from system.events import JobEnded, JobProgressed

PUBLISHED = PROJECT / "alice/tests/realtime/asyncapi"
SCHEMA = "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
GUIDE = PROJECT / "docs/websockets.md"
TYPE_LITERAL = re.compile(r'"type": "([a-z]+)"')
DESCRIBING = {"asyncapi.py", "described.py"}
TELLING = ["*/consumers.py", "*/subscribers.py", "*/services/*.py", "alice/common/realtime/*.py"]
TELLING_BY = ["push(", "RoomTold(", "SocketConsumer", "error_frame("]


@pytest.fixture(scope="module")
def described():
    return document()


def kinds(described, channel, direction):
    """The types of frames of one direction that are described."""
    names = described["channels"][channel]["messages"]
    return {name.partition(".")[2] for name in names if name.startswith(f"{direction}.")}


def faults(described, channel, direction, frame):
    """What is wrong with a frame by its description."""
    name = f"{channel}.{direction}.{frame['type']}"
    if name not in described["components"]["messages"]:
        return [f"{name} is not described"]
    ref = {"$ref": f"#/components/messages/{name}/payload", "components": described["components"]}
    unknown = frame.keys() - fields(described, described["components"]["messages"][name])
    found = [error.message for error in Draft7Validator(ref).iter_errors(frame)]
    return found + [f"{name} has no {field}" for field in unknown]


def fields(described, message):
    """The names of all fields of a message."""
    parts = message["payload"].get("allOf", [message["payload"]])
    names = [part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part]
    schemas = [*parts, *(described["components"]["schemas"][name] for name in names)]
    return {field for schema in schemas for field in schema.get("properties", {})}


def test_the_file_is_what_the_command_writes():
    written = io.StringIO()
    call_command("asyncapi", stdout=written)

    is_fresh = (PROJECT / "docs/asyncapi.yaml").read_text() == written.getvalue()
    assert is_fresh, "Run: python manage.py asyncapi > docs/asyncapi.yaml"


def test_json_and_yaml_say_the_same():
    written = io.StringIO()
    call_command("asyncapi", format="json", stdout=written)

    assert json.loads(written.getvalue()) == yaml.safe_load(
        (PROJECT / "docs/asyncapi.yaml").read_text()
    )


def test_it_is_an_asyncapi_document_by_the_published_schema(described):
    schema = json.loads((packages_of(PUBLISHED) / SCHEMA).read_text())

    assert [error.message for error in Draft7Validator(schema).iter_errors(described)] == []


def test_every_reference_leads_somewhere(described):
    for path in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(described))):
        node = described
        for step in path.split("/"):
            node = node[step]


def test_its_examples_are_frames_as_it_describes_them(described):
    for name, message in described["components"]["messages"].items():
        channel, direction, _kind = name.split(".")
        for example in message["examples"]:
            assert (name, faults(described, channel, direction, example["payload"])) == (name, [])


def test_clients_may_send_what_is_handled(described):
    everywhere = {"auth", "ping"}

    assert kinds(described, "events", "received") == everywhere
    assert kinds(described, "chat", "received") == everywhere | ChatConsumer.frame_handlers.keys()


def test_every_type_in_the_code_is_described(described):
    paths = {path for pattern in TELLING for path in PROJECT.glob(pattern)}
    sources = [path.read_text() for path in paths if path.name not in DESCRIBING]
    telling = [source for source in sources if any(call in source for call in TELLING_BY)]
    written = {kind for source in telling for kind in TYPE_LITERAL.findall(source)}

    names = {name.split(".")[2] for name in described["components"]["messages"]}
    assert {"message", "job", "notification", "presence", "error"} < written <= names


def test_every_close_code_is_told_in_both(described):
    named = {code for code in vars(close_codes).values() if isinstance(code, int)}
    of_the_protocol = {1002, 1007}

    codes = {int(code) for code in described["x-close-codes"]}
    assert codes == named | set(consumers.CLOSE_CODES.values()) | of_the_protocol
    rows = re.findall(r"^\| (\d{4}) \|", GUIDE.read_text(), re.MULTILINE)
    assert {int(row) for row in rows} == codes


def told(socket, last):
    """What a socket is told up to the first frame of a type."""
    frames = [socket.next()]
    while frames[-1]["type"] != last:
        frames.append(socket.next())
    return frames


def lose_something(group):
    redis().publish(channel_of(group), encode({"type": GAP}))


@pytest.mark.django_db(transaction=True)
def test_a_room_says_what_is_described(web_server, alice, bob, described):
    alice.post("/api/chat/rooms", {"room_id": "garden"})
    with open_socket(web_server, "/ws/chat/garden", token=alice.access_token) as socket:
        frames = told(socket, "hello")
        with open_socket(web_server, "/ws/chat/garden", token=bob.access_token):
            frames += told(socket, "presence")
        sent = bob.post("/api/chat/send", {"room_id": "garden", "message": "Hello!"}).json()
        path = f"/api/chat/messages/{sent['id']}"
        bob.put(f"{path}/reactions/x")
        bob.patch(path, {"message": "Better."})
        bob.delete(path)
        alice.post("/api/chat/garden/read", {"seq": 1})
        alice.patch("/api/chat/rooms/garden", {"title": "The garden"})
        bob.post("/api/chat/garden/typing", {"typing": True})
        frames += told(socket, "typing")
        socket.send("garbage", {"type": "ping", "ref": 1}, {"type": "resume", "after_seq": 0})
        frames += told(socket, "resumed")
        lose_something(room_group(Room.objects.get().pk))
        frames += told(socket, "resync")

    assert {frame["type"] for frame in frames} == kinds(described, "chat", "sent")
    for frame in frames:
        assert (frame["type"], faults(described, "chat", "sent", frame)) == (frame["type"], [])


@pytest.mark.django_db(transaction=True)
def test_events_say_what_is_described(web_server, alice, described):
    job = {"job_id": 9, "owner_id": alice.user.pk, "kind": "accounts.export"}
    with open_socket(web_server, token=alice.access_token) as socket:
        frames = told(socket, "hello")
        alice.post("/api/notify/send", {"title": "Hello!"})
        frames += told(socket, "unread")
        publish(JobProgressed(**job, progress=40))
        publish(JobEnded(**job, status="completed", progress=100))
        publish(SubscriptionChanged(user_id=alice.user.pk, tier="pro", status="active"))
        frames += socket.take(3)
        socket.send("garbage", {"type": "ping"})
        frames += told(socket, "pong")
        lose_something(user_group(alice.user.pk))
        frames += told(socket, "resync")

    assert {frame["type"] for frame in frames} == kinds(described, "events", "sent")
    for frame in frames:
        assert (frame["type"], faults(described, "events", "sent", frame)) == (frame["type"], [])


def examples_in(text):
    """Frames of the guide as (channels, direction, frame), by the headings they stand under."""
    channels, direction = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            channels = [name for name in ("chat", "events") if f"/ws/{name}" in line]
        elif line.startswith("### "):
            direction = {"### You send": "received", "### You are sent": "sent"}.get(line, "")
        elif direction and line.startswith('{"type"'):
            yield channels or ["chat", "events"], direction, json.loads(line)


def test_the_guide_shows_every_frame_as_it_is(described):
    shown = set()
    for channels, direction, frame in examples_in(GUIDE.read_text()):
        for channel in channels:
            shown.add(f"{channel}.{direction}.{frame['type']}")
            assert (frame, faults(described, channel, direction, frame)) == (frame, [])

    assert shown == described["components"]["messages"].keys()
