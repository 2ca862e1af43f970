"""Says what is in a video or a sound, as JSON on stdout. Started by `probing`, sandboxed.

Run as `python -I probe_child.py PATH CONTAINER PIXELS_MAX`. `{}` stands for a file that cannot be
read.
"""

import itertools
import json
import sys
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
from av.stream import Disposition

PACKETS_TRIED = 2000
PROBE_BYTES = 8 * 1024 * 1024
MICROSECOND = Fraction(1, 1_000_000)


def main() -> None:
    path, container, pixels_max = sys.argv[1:]
    json.dump(look(path, container, int(pixels_max)), sys.stdout)


def look(path: str, container_name: str, pixels_max: int) -> dict[str, Any]:
    """What FFmpeg's libraries find. The first frame of the leading stream is decoded."""
    # An open file and no protocol: FFmpeg can open nothing itself, whatever the file names.
    options = {
        "format_whitelist": container_name,
        "protocol_whitelist": "none",
        "probesize": str(PROBE_BYTES),
    }
    try:
        with (
            open(path, "rb") as file,  # noqa: PTH123 - no pathlib: it costs more than the rest
            av.open(
                file,
                format=container_name,
                container_options=options,
                metadata_errors="replace",
            ) as container,
        ):
            return _facts(container, pixels_max)
    except av.FFmpegError:
        return {}


def _facts(container: Any, pixels_max: int) -> dict[str, Any]:
    found = [stream for stream in container.streams if stream.codec_context is not None]
    pictures = [stream for stream in found if stream.type == "video"]
    covers = [stream for stream in pictures if stream.disposition & Disposition.attached_pic]
    videos = [stream for stream in pictures if stream not in covers]
    audios = [stream for stream in found if stream.type == "audio"]
    leading = max(videos, key=_area, default=next(iter(audios), None))
    pixels = max(map(_area, pictures), default=0)
    facts = {
        "stream_count": len(container.streams),
        "side": max((max(stream.width, stream.height) for stream in pictures), default=0),
        "pixels": pixels,
        "audio_codec": _codec(audios[0]) if audios else "",
        "has_cover": bool(covers),
    }
    if leading is None or pixels > pixels_max:
        return facts
    return facts | _leading_facts(container, leading)


def _area(stream: Any) -> int:
    return int(stream.width * stream.height)


def _codec(stream: Any) -> str:
    return str(stream.codec_context.codec.canonical_name)


def _leading_facts(container: Any, stream: Any) -> dict[str, Any]:
    clock = Clock()
    frame = _first_frame(clock.watch(container.demux()), stream)
    facts = {"is_playable": frame is not None, "duration": _duration(container, clock)}
    if frame is None or stream.type == "audio":
        return facts
    width, height = round(stream.width * (stream.sample_aspect_ratio or 1)), stream.height
    rate = stream.average_rate or stream.guessed_rate
    if 45 < frame.rotation % 180 < 135:
        width, height = height, width
    return facts | {
        "width": width,
        "height": height,
        "video_codec": _codec(stream),
        "frame_rate": float(rate) if rate else None,
    }


def _first_frame(packets: Iterable[Any], stream: Any) -> Any:
    # Also since only a frame tells how a video is turned.
    stream.codec_context.thread_count = 1  # each thread would hold frames of its own
    own = (packet for packet in packets if packet.stream is stream)
    for packet in itertools.islice(own, PACKETS_TRIED):
        try:
            if frames := packet.decode():
                return frames[0]
        except av.FFmpegError:
            continue
    return None


def _duration(container: Any, clock: "Clock") -> float | None:
    told = container.duration or 0
    if told > 0:
        return float(told * MICROSECOND)
    for _ in clock.watch(container.demux()):  # what browsers record tells no duration
        pass
    return float(clock.seconds) or None


class Clock:
    """How long the packets that went by last, from the first to the end of the last."""

    def __init__(self) -> None:
        self.began: Fraction | None = None
        self.seconds = Fraction(0)

    def watch(self, packets: Iterable[Any]) -> Iterable[Any]:
        for packet in packets:
            if packet.pts is not None and packet.time_base:
                began = packet.pts * packet.time_base
                self.began = began if self.began is None else min(began, self.began)
                ended = began + (packet.duration or 0) * packet.time_base
                self.seconds = max(self.seconds, ended - self.began)
            yield packet


if __name__ == "__main__":
    main()
