"""Transcodes by a real worker that is killed, and uploads that nobody ends."""

import contextlib
import socket
import time
from urllib.parse import urlsplit

import psutil
import pytest

from alice.tests.whole import wait_until, whole_alice
from media.tests import clips

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.xdist_group("media-live")]

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def whole():
    with whole_alice(JOB_LEASE_SECONDS="4", STORAGE_BYTES_FREE=str(10_000 * MIB)) as alice:
        yield alice


@pytest.fixture
def client(whole):
    with whole.client() as signed_in:
        yield signed_in


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Long enough to be killed in the middle."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return clips.video(path, size="960x540", rate=30, seconds=24)


def uploaded(client, path):
    with path.open("rb") as file:
        answer = client.post("/api/media/upload", files={"file": (path.name, file)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def transcode(client, media, output_format="webm", quality="medium"):
    wish = {"output_format": output_format, "quality": quality}
    return client.post(f"/api/media/{media['id']}/transcode", json=wish).json()["job_id"]


def job(client, job_id):
    return client.get(f"/api/jobs/{job_id}").json()


def encoders(whole):
    """The ffmpeg processes that work on a film; those that make posters are over in a moment."""
    found = []
    for process in whole.family():
        with contextlib.suppress(psutil.Error):
            if "libvpx-vp9" in process.cmdline() and "ffmpeg" in process.name():
                found.append(process)
    return found


def stored(whole):
    return [path for path in (whole.data_dir / "blobs").glob("??/*") if path.is_file()]


def wait_for_progress(client, whole, job_id):
    def works():
        state = job(client, job_id)
        return state["status"] == "running" and state["progress"] > 0 and encoders(whole)

    return wait_until(works, seconds=60, what="progress")


def test_killing_ffmpeg_and_then_the_worker_leads_to_one_rendition(whole, client, film):
    source = uploaded(client, film)
    job_id = transcode(client, source)

    (encoder,) = wait_for_progress(client, whole, job_id)
    encoder.kill()
    wait_until(lambda: job(client, job_id)["status"] == "queued", what="another try")
    (encoder,) = wait_for_progress(client, whole, job_id)
    killed = whole.signal("worker")
    wait_until(lambda: not encoder.is_running(), what="the end of its ffmpeg")
    wait_until(lambda: whole.pids().get("worker", killed) != killed, what="a new worker")

    wait_until(lambda: job(client, job_id)["status"] == "completed", seconds=90, what="the end")
    made = client.get(f"/api/media?source_id={source['id']}").json()
    assert [media["id"] for media in made] == [job(client, job_id)["result"]["media_id"]]
    assert client.get(f"/api/media/{source['id']}").json()["transcoded"] is True
    wait_until(lambda: not [*whole.data_dir.glob("work/*")], what="an empty workshop")


def test_a_cancelled_transcode_ends_its_ffmpeg_at_once(whole, client, film):
    source = uploaded(client, film)
    job_id = transcode(client, source)
    (encoder,) = wait_for_progress(client, whole, job_id)

    client.post(f"/api/jobs/{job_id}/cancel")

    wait_until(lambda: job(client, job_id)["status"] == "cancelled", seconds=10, what="the end")
    assert not encoder.is_running()
    assert client.get(f"/api/media?source_id={source['id']}").json() == []


def test_a_film_plays_while_it_is_transcoded(whole, client, film):
    source = uploaded(client, film)
    job_id = transcode(client, source)
    wait_for_progress(client, whole, job_id)

    part = client.get(f"/api/media/{source['id']}/stream", headers={"Range": "bytes=-1000"})

    assert part.content == film.read_bytes()[-1000:]
    assert job(client, job_id)["status"] == "running"
    client.delete(f"/api/media/{source['id']}")
    wait_until(lambda: job(client, job_id)["status"] == "cancelled", seconds=10, what="the end")


def test_a_hundred_aborted_uploads_leave_nothing(whole, client):
    before = len(stored(whole))
    address = urlsplit(whole.base_url)
    head = (
        "POST /api/files/upload HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {client.headers['Authorization']}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {8 * MIB}\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    ).encode()
    for _ in range(100):
        with socket.create_connection((address.hostname, address.port)) as half:
            half.sendall(head + bytes(2 * MIB))

    def spooled():
        paths = [*whole.data_dir.glob("spool/*"), *whole.data_dir.glob("incoming/*")]
        held = [
            file.path
            for process in whole.family()
            for file in open_files(process)
            if file.path.startswith(str(whole.data_dir / "spool"))
        ]
        return paths + held

    wait_until(lambda: not spooled(), seconds=60, what="the end of what was sent")
    assert len(stored(whole)) == before
    assert client.get("/api/files").json() == []


def open_files(process):
    with contextlib.suppress(psutil.Error):
        return process.open_files()
    return []


def test_the_worker_does_other_things_while_it_transcodes(whole, client, film):
    source = uploaded(client, film)
    jobs = [transcode(client, source, "webm", quality) for quality in ("low", "medium", "high")]
    wait_for_progress(client, whole, jobs[0])

    began = time.monotonic()
    export = client.post("/api/auth/export").json()["job_id"]
    wait_until(lambda: job(client, export)["status"] == "completed", seconds=30, what="the export")

    statuses = [job(client, job_id)["status"] for job_id in jobs]
    assert statuses.count("queued") >= 1, f"after {time.monotonic() - began:.1f} s"
    client.delete(f"/api/media/{source['id']}")
