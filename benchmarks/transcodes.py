"""What a transcode costs beside the same ffmpeg command, run by hand."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from benchmarks.client import Client
from benchmarks.processes import command_line, cpu_seconds, tree
from benchmarks.readings import Reading
from benchmarks.requests import form
from benchmarks.server import CannotMeasure, Server
from benchmarks.telling import tell

ROUNDS = 3
CLIP_SECONDS = 20
WISH = {"output_format": "mp4", "quality": "medium"}
ENCODER = "libx264"
NICENESS = 10  # the product's: neither of the two comes before what else the machine does
LOOK_EVERY_SECONDS = 0.1
PATIENCE_SECONDS = 600
RATIO = 1.15


@dataclass(frozen=True, kw_only=True)
class Transcode:
    """CPU seconds of a job in the worker with all its children, and ffmpeg's command line."""

    cpu_seconds: float
    command: Sequence[str]


def measure_transcodes(server: Server) -> list[Reading]:
    """Transcode a clip and run the worker's own command by hand, in turn; the least of each."""
    client = Client(server.port, server.users[0].token)
    client.require("/api/media")
    jobs, by_hand = [], []
    with tempfile.TemporaryDirectory(dir=server.data) as folder:
        clip = make_clip(Path(folder))
        for _ in range(ROUNDS):
            job = transcode(server, client, clip)
            jobs.append(job.cpu_seconds)
            by_hand.append(run_by_hand(job.command, clip))
            tell(f"transcode {jobs[-1]:.2f} s CPU, by hand {by_hand[-1]:.2f} s")
    what = f"{CLIP_SECONDS} s of 720p to MP4 in medium quality"
    return [
        Reading(f"{what}: CPU of the worker, s", min(jobs)),
        Reading("the same ffmpeg command by hand: CPU, s", min(by_hand)),
        Reading("worker / by hand", min(jobs) / min(by_hand), RATIO),
    ]


def make_clip(folder: Path) -> Path:
    """A film with sound that takes an encoder about as long as a filmed one does."""
    clip = folder / "clip.mp4"
    picture = f"testsrc2=size=1280x720:rate=30:duration={CLIP_SECONDS},noise=alls=6:allf=t"
    sound = f"sine=frequency=440:duration={CLIP_SECONDS}"
    sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    encoders = ["-c:v", ENCODER, "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *sources, *encoders]
    subprocess.run([*command, str(clip)], check=True)  # noqa: S603
    return clip


def transcode(server: Server, client: Client, clip: Path) -> Transcode:
    """Upload the clip anew, since a rendition is made once, and have it transcoded."""
    media = client.upload("/api/media/upload", form(clip.read_bytes(), clip.name))
    server.settle()  # posters are made now, of this one and of the rendition before
    worker = server.groups()["background"]
    before = cpu_seconds(worker)
    job = client.post(f"/api/media/{media['id']}/transcode", WISH)
    command = watch(client, job["job_id"], worker)
    return Transcode(cpu_seconds=cpu_seconds(worker) - before, command=command)


def watch(client: Client, job_id: int, worker: Sequence[int]) -> list[str]:
    """Wait for the job to be completed; the command line of the ffmpeg that was seen below."""
    command: list[str] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := client.get(f"/api/jobs/{job_id}"))["status"] in {"queued", "running"}:
        if time.monotonic() > deadline:
            raise CannotMeasure(f"The transcode was not done after {PATIENCE_SECONDS} s.")
        command = command or encoding_below(worker)
        time.sleep(LOOK_EVERY_SECONDS)
    if job["status"] != "completed" or not command:
        raise CannotMeasure(f"The transcode ended {job['status']}, ffmpeg was {command}: {job}")
    return command


def encoding_below(roots: Sequence[int]) -> list[str]:
    """The command line of an ffmpeg that encodes a film, if one runs."""
    for words in map(command_line, tree(roots)):
        if words and "ffmpeg" in Path(words[0]).name and ENCODER in words:
            return words
    return []


def run_by_hand(command: Sequence[str], clip: Path) -> float:
    """The CPU seconds of that command on the same clip."""
    words = list(command)
    words[words.index("-i") + 1] = str(clip)
    words = ["nice", "-n", str(NICENESS), *words]
    with tempfile.TemporaryDirectory(dir=clip.parent) as folder:
        process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CannotMeasure(f"By hand, ffmpeg ended with {process.returncode}: {words}")
    return usage.ru_utime + usage.ru_stime
