"""Files for tests, received and kept as in life, and forms as clients send them."""

from urllib.request import urlopen

from django.conf import settings

from files.models import File
from files.services import files
from files.storage.incoming import Incoming
from files.storage.stores import store

UPLOAD_URL = "/api/files/upload"
BOUNDARY = "a-boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
    b"\x1f\x15\xc4\x89\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00"
    b"IEND\xaeB`\x82"
)


def make_file(owner, content: bytes = b"hello", name: str = "note.txt", **fields) -> File:
    with Incoming(limit=len(content)) as incoming:
        incoming.write(content)
        return files.upload_file(
            owner_id=owner.pk, received=incoming.finish(), original_filename=name, **fields
        )


def make_files(owner, number: int, **fields) -> list[File]:
    """`number` files, oldest first."""
    return [make_file(owner, f"file {n}".encode(), f"{n}.txt", **fields) for n in range(number)]


def part(name: str, content: bytes, filename: bytes | None = None, declared: str = "") -> bytes:
    """One part of a form, written as it stands."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
    if filename is not None:
        head += b'; filename="' + filename + b'"'
    if declared:
        head += f"\r\nContent-Type: {declared}".encode()
    return head + b"\r\n\r\n" + content + b"\r\n"


def form(content: bytes = b"hello", name: str = "note.txt", declared="text/plain", **fields):
    """The body of an upload."""
    texts = [part(field, value.encode()) for field, value in fields.items()]
    file = part("file", content, name.encode(), declared)
    return b"".join([*texts, file, f"--{BOUNDARY}--\r\n".encode()])


def upload(client, content: bytes = b"hello", name: str = "note.txt", *, headers=None, **fields):
    """What the server answers to an upload."""
    body = form(content, name, **fields)
    return client.post(UPLOAD_URL, body, content_type=FORM, headers=headers)


def body_of(response) -> bytes:
    """The bytes a client ends up with, from us or from where it is sent."""
    if response.status_code == 302:
        with urlopen(response["Location"], timeout=10) as answer:  # noqa: S310 - the test's S3
            return answer.read()
    return b"".join(response.streaming_content)


def stored_names() -> list[str]:
    return sorted(entry.name for entry in store().entries())


def received_files() -> list[str]:
    """What is left in the folder of files that are being received."""
    return [path.name for path in (settings.DATA_DIR / "incoming").glob("*")]
