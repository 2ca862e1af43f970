"""What each output format and quality is: ffmpeg's arguments behind the input, as lists.

The options are those of the manuals ffmpeg(1), ffmpeg-codecs(1), ffmpeg-filters(1) and
ffmpeg-formats(1). Formats and qualities are looked up in the tables here, so no caller's text
ever becomes an argument.
"""

from dataclasses import dataclass
from fractions import Fraction

from media.encoding.probing import Probe

QUALITIES = ("low", "medium", "high")
LONGER_SIDE_MAX = 4096  # what hardware decoders of H.264 take
DEINTERLACED_SIDE_MIN = 16
RUNG_STEP = Fraction(5, 4)
SEGMENT_SECONDS = 6
HLS_SECONDS_MIN = 1.0
MASTER = "master.m3u8"


class UnsuitableFormat(ValueError):
    """A source of this kind cannot become that format, or there is no such format or quality."""


@dataclass(frozen=True)
class Format:
    """A kind of output: what it holds and how it is served."""

    media_type: str
    mime_type: str
    extension: str


@dataclass(frozen=True, kw_only=True)
class VideoQuality:
    """A quality of video: its size, and how much a second of it may take.

    `side` is the most the shorter side may have, so a portrait clip is as sharp as a landscape.
    """

    side: int
    frames_per_second: int
    h264_crf: int
    vp9_crf: int
    video_kbits: int
    audio_kbits: int


@dataclass(frozen=True)
class PictureQuality:
    """A quality of pictures: the longer side in pixels at most, and the encoder's 1-100."""

    side_max: int | None
    quality: int


FORMATS = {
    "mp4": Format("video", "video/mp4", ".mp4"),
    "webm": Format("video", "video/webm", ".webm"),
    "hls": Format("video", "application/vnd.apple.mpegurl", ".m3u8"),
    "mp3": Format("audio", "audio/mpeg", ".mp3"),
    "ogg": Format("audio", "audio/ogg", ".ogg"),
    "wav": Format("audio", "audio/wav", ".wav"),
    "webp": Format("image", "image/webp", ".webp"),
    "jpg": Format("image", "image/jpeg", ".jpg"),
    "png": Format("image", "image/png", ".png"),
}
PART_TYPES = {".m3u8": FORMATS["hls"].mime_type, ".mp4": FORMATS["mp4"].mime_type}

VIDEO = {
    "low": VideoQuality(
        side=360, frames_per_second=30, h264_crf=26, vp9_crf=38, video_kbits=900, audio_kbits=96
    ),
    "medium": VideoQuality(
        side=720, frames_per_second=60, h264_crf=23, vp9_crf=34, video_kbits=3500, audio_kbits=128
    ),
    "high": VideoQuality(
        side=1080, frames_per_second=60, h264_crf=21, vp9_crf=31, video_kbits=7000, audio_kbits=192
    ),
}

AUDIO = {
    ("mp3", "low"): "-c:a libmp3lame -b:a 64k",
    ("mp3", "medium"): "-c:a libmp3lame -b:a 128k",
    ("mp3", "high"): "-c:a libmp3lame -b:a 192k",
    ("ogg", "low"): "-c:a libvorbis -q:a 1",
    ("ogg", "medium"): "-c:a libvorbis -q:a 4",
    ("ogg", "high"): "-c:a libvorbis -q:a 7",
    ("wav", "low"): "-c:a pcm_s16le",
    ("wav", "medium"): "-c:a pcm_s16le",
    ("wav", "high"): "-c:a pcm_s16le",
}
SAMPLE_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
WAV_RATE_MAX = {"low": 22050, "medium": 44100, "high": 48000}

PICTURES = {
    "low": PictureQuality(800, 60),
    "medium": PictureQuality(1600, 80),
    "high": PictureQuality(None, 90),
}


def suitable_formats(media_type: str, *, has_audio: bool) -> tuple[str, ...]:
    """The formats a source can become: of its own kind, and a video with sound also of sound."""
    kinds = {media_type, "audio"} if has_audio else {media_type}
    return tuple(name for name, made in FORMATS.items() if made.media_type in kinds)


def require_suitable(facts: Probe, *, output_format: str, quality: str) -> None:
    """Raise `UnsuitableFormat` unless the source can become that format in a known quality."""
    suitable = suitable_formats(facts.media_type, has_audio=bool(facts.audio_codec))
    if output_format not in suitable:
        raise UnsuitableFormat("This cannot become that format.")
    if quality not in QUALITIES:
        raise UnsuitableFormat("There is no such quality.")


def main_name(output_format: str) -> str:
    """How the file is called that a player opens first."""
    return MASTER if output_format == "hls" else "output" + FORMATS[output_format].extension


def part_names(facts: Probe, *, output_format: str, quality: str) -> list[str]:
    """The files that a player fetches after the main one, by the names the playlists give them."""
    if output_format != "hls":
        return []
    sides = rungs(facts, quality=quality)
    return [f"v{side}{extension}" for side in sides for extension in (".m3u8", ".mp4")]


def output_arguments(facts: Probe, *, output_format: str, quality: str) -> list[str]:
    """What follows the input on ffmpeg's command line to make a video or a sound.

    The files are written to the working directory. Nothing of the source's metadata (places,
    titles, chapters), pictures, subtitles and data streams goes along.
    Raises `UnsuitableFormat`.
    """
    require_suitable(facts, output_format=output_format, quality=quality)
    clean = ["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"]
    # A stream that begins late makes the others wait: more packets than the default 128.
    clean += ["-max_muxing_queue_size", "4096"]
    if output_format == "hls":
        return [*clean, *_hls(facts, quality)]
    if FORMATS[output_format].media_type == "audio":
        made = _sound(output_format, quality)
    else:
        made = _film(facts, output_format, quality)
    return [*clean, *made, main_name(output_format)]


def shown_size(facts: Probe, *, side: int) -> tuple[int, int]:
    """Width and height of a video made from the source: both even, the aspect kept.

    The shorter side is `side` or less: nothing is enlarged.
    """
    if not facts.width or not facts.height:
        raise UnsuitableFormat("The size of the source is not known.")
    shorter, longer = sorted((facts.width, facts.height))
    ratio = min(Fraction(1), Fraction(side, shorter), Fraction(LONGER_SIDE_MAX, longer))
    return _even(facts.width, ratio), _even(facts.height, ratio)


def rungs(facts: Probe, *, quality: str) -> dict[int, VideoQuality]:
    """The sizes that an HLS player can choose from: shorter side and what it may take.

    A rung above the source is cut to the source, and left out when the one below is nearly as
    large: of 1080 lines come 360, 720 and 1080, of 480 come 360 and 480, of 400 come 360.
    """
    ladder: dict[int, VideoQuality] = {}
    for name in QUALITIES[: QUALITIES.index(quality) + 1]:
        side = min(shown_size(facts, side=VIDEO[name].side))
        if side >= max(ladder, default=0) * RUNG_STEP:
            ladder[side] = VIDEO[name]
    return ladder


def _even(length: int, ratio: Fraction) -> int:
    return max(2, min(round(length * ratio / 2), length // 2) * 2)


def _sound(output_format: str, quality: str) -> list[str]:
    rate_max = WAV_RATE_MAX[quality] if output_format == "wav" else SAMPLE_RATES[-1]
    encoder = AUDIO[output_format, quality].split()
    return ["-map", "0:a:0", "-vn", "-af", _sound_shape(rate_max), *encoder]


def _sound_shape(rate_max: int = SAMPLE_RATES[-1]) -> str:
    """Mono or stereo, at the allowed rate nearest to the source's: the filter picks it."""
    rates = "|".join(str(rate) for rate in SAMPLE_RATES if rate <= rate_max)
    return f"aformat=sample_rates={rates}:channel_layouts=mono|stereo"


def _film(facts: Probe, output_format: str, quality: str) -> list[str]:
    wanted = VIDEO[quality]
    filters = [*_combed_out(facts), _scaled(facts, wanted.side)]
    encode = _webm if output_format == "webm" else _mp4
    return [
        *("-map", "0:V:0", "-vf", ",".join(filters)),
        *_one_sound(facts),
        *_frames(wanted),
        *encode(wanted),
    ]


def _one_sound(facts: Probe) -> list[str]:
    return ["-map", "0:a:0", "-af", _sound_shape()] if facts.audio_codec else []


def _frames(wanted: VideoQuality) -> list[str]:
    """As many frames a second as the source, or the most allowed; at a steady pace.

    The pace of a source that varies is not kept: the lengths of HLS segments come out wrong.
    """
    rate_max = str(wanted.frames_per_second)
    return ["-fps_mode", "cfr", "-fpsmax", rate_max, "-pix_fmt", "yuv420p"]


def _mp4(wanted: VideoQuality) -> list[str]:
    return [*_h264_and_aac(wanted, 0), "-movflags", "+faststart"]


def _webm(wanted: VideoQuality) -> list[str]:
    # "realtime" costs a quarter of "good" and a seventh more bytes at the same likeness.
    speed = ["-deadline", "realtime", "-cpu-used", "5", "-row-mt", "1"]
    rate = ["-crf", str(wanted.vp9_crf), "-b:v", f"{wanted.video_kbits}k"]
    sound = ["-c:a", "libopus", "-b:a", f"{wanted.audio_kbits}k"]
    return ["-c:v", "libvpx-vp9", *speed, *rate, *sound]


def _h264_and_aac(wanted: VideoQuality, index: int) -> list[str]:
    kbits = wanted.video_kbits
    return [
        *(f"-c:v:{index}", "libx264", f"-preset:v:{index}", "veryfast"),
        *(f"-crf:v:{index}", str(wanted.h264_crf)),
        *(f"-maxrate:v:{index}", f"{kbits}k", f"-bufsize:v:{index}", f"{2 * kbits}k"),
        *(f"-c:a:{index}", "aac", f"-b:a:{index}", f"{wanted.audio_kbits}k"),
    ]


def _combed_out(facts: Probe) -> list[str]:
    """The filter for interlaced frames, which lets others pass, where it can work at all."""
    is_tiny = min(facts.width or 0, facts.height or 0) < DEINTERLACED_SIDE_MIN
    return [] if is_tiny else ["bwdif=mode=send_frame:deint=interlaced"]


def _drawn_out(facts: Probe) -> list[str]:
    """The filter that holds the last frame of a clip too short for a playlist."""
    lacking = HLS_SECONDS_MIN - (HLS_SECONDS_MIN if facts.duration is None else facts.duration)
    return [f"tpad=stop_mode=clone:stop_duration={lacking:.3f}"] if lacking > 0 else []


def _scaled(facts: Probe, side: int) -> str:
    width, height = shown_size(facts, side=side)
    return f"scale={width}:{height},setsar=1"


def _hls(facts: Probe, quality: str) -> list[str]:
    """One command for all rungs: each is one fragmented MP4 beside its playlist (RFC 8216)."""
    ladder = rungs(facts, quality=quality)
    streams = [_stream(index, side, facts) for index, side in enumerate(ladder)]
    arguments = ["-filter_complex", _split(facts, ladder)]
    for index, (side, wanted) in enumerate(ladder.items()):
        arguments += ["-map", f"[v{side}]", *_one_sound(facts), *_h264_and_aac(wanted, index)]
    return [
        *arguments,
        *_frames(VIDEO[quality]),
        *("-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_SECONDS})"),
        *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod"),
        *("-hls_segment_type", "fmp4", "-hls_flags", "single_file+independent_segments"),
        *("-hls_segment_filename", "v%v.mp4", "-master_pl_name", MASTER),
        *("-var_stream_map", " ".join(streams), "v%v.m3u8"),
    ]


def _stream(index: int, side: int, facts: Probe) -> str:
    sound = f",a:{index}" if facts.audio_codec else ""
    return f"v:{index}{sound},name:{side}"


def _split(facts: Probe, ladder: dict[int, VideoQuality]) -> str:
    copies = "".join(f"[s{side}]" for side in ladder)
    shared = [*_combed_out(facts), *_drawn_out(facts), f"split={len(ladder)}{copies}"]
    scaled = [f"[s{side}]{_scaled(facts, side)}[v{side}]" for side in ladder]
    return ";".join(["[0:V:0]" + ",".join(shared), *scaled])
