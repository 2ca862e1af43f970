"""What tests of resumable uploads share."""

import base64
import hashlib

from files.models import Blob, File, StorageUsage, Upload
from files.services.quotas import usage_of
from files.services.uploads import upload_directory
from files.storage.stores import store

UPLOADS = "/api/uploads"
PIECE_TYPE = "application/offset+octet-stream"


def base64_of(content):
    content = content.encode() if isinstance(content, str) else content
    return base64.b64encode(content).decode()


def metadata(**pairs):
    """An Upload-Metadata header."""
    return ",".join(f"{key} {base64_of(value)}" for key, value in pairs.items())


def checksum(content, algorithm="sha1"):
    """An Upload-Checksum header."""
    return f"{algorithm} {base64_of(hashlib.new(algorithm, content).digest())}"


def ask(client, method, path, body=b"", content_type="", environ=None, **headers):
    """A request with headers as `Upload_Length="5"`; None leaves out even Tus-Resumable."""
    headers = {"Tus_Resumable": "1.0.0"} | headers
    extra = {f"HTTP_{name.upper()}": text for name, text in headers.items() if text is not None}
    return client.generic(method, path, body, content_type=content_type, **extra, **environ or {})


def create(client, length, **pairs):
    """The path of a new upload."""
    named = {"Upload_Metadata": metadata(**pairs)} if pairs else {}
    response = ask(client, "POST", UPLOADS, Upload_Length=str(length), **named)
    assert response.status_code == 201, response.content
    return response.headers["Location"]


def append(client, path, offset, content, **headers):
    return ask(client, "PATCH", path, content, PIECE_TYPE, Upload_Offset=str(offset), **headers)


def append_cut_short(client, path, offset, content, **headers):
    """A PATCH of which `content` came before the connection broke, as the bridge hands it on."""
    environ = {"alice.body_is_partial": True}
    return append(client, path, offset, content, environ=environ, **headers)


def offset_of(client, path):
    return int(ask(client, "HEAD", path).headers["Upload-Offset"])


def content_of(upload_id):
    return (upload_directory() / str(upload_id)).read_bytes()


def content_of_blob():
    """The bytes of the one blob that there is."""
    with store().open(Blob.objects.get().name) as file:
        return file.read()


def everything():
    """All that an upload could change: rows, charges, bytes."""
    paths = sorted(upload_directory().glob("*"))
    return {
        "uploads": list(Upload.objects.order_by("pk").values()),
        "files": list(File.objects.order_by("pk").values()),
        "blobs": list(Blob.objects.order_by("pk").values()),
        "usage": list(StorageUsage.objects.order_by("pk").values()),
        "bytes": {path.name: path.read_bytes() for path in paths},
        "stored": sorted(entry.name for entry in store().entries()),
    }


def used_bytes(client):
    return usage_of(client.user.pk).used_bytes
