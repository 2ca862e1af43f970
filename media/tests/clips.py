"""Small clips of every shape, made on the spot by ffmpeg from its own test picture."""

import subprocess

import av

from media.encoding.ffmpeg import Order, encode, executable
from media.encoding.probing import probe

PICTURE = "testsrc2=size={size}:rate={rate}:duration={seconds}"
TONE = "sine=frequency=440:sample_rate={rate}:duration={seconds}"
FAST = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def ffmpeg(*arguments):
    """Run ffmpeg with arguments that the test trusts."""
    line = [executable(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    subprocess.run([*line, *map(str, arguments)], check=True)  # noqa: S603 - no shell


def video(path, *options, size="320x180", rate=25, seconds=1, has_audio=True):
    """ffmpeg's moving test picture in H.264, by default with a tone."""
    inputs = ["-f", "lavfi", "-i", PICTURE.format(size=size, rate=rate, seconds=seconds)]
    if has_audio:
        inputs += ["-f", "lavfi", "-i", TONE.format(rate=44100, seconds=seconds)]
    ffmpeg(*inputs, *FAST, *options, path)
    return path


def audio(path, *options, seconds=1, rate=44100):
    """A tone."""
    ffmpeg("-f", "lavfi", "-i", TONE.format(rate=rate, seconds=seconds), *options, path)
    return path


def image(path, size="320x180"):
    """A still picture."""
    shape = PICTURE.format(size=size, rate=1, seconds=1)
    ffmpeg("-f", "lavfi", "-i", shape, "-frames:v", 1, path)
    return path


def cut(source, path, share):
    """A copy that ends early."""
    content = source.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def spoilt(source, path, begin):
    """A copy whose bytes from `begin` on are noise."""
    content = source.read_bytes()
    noise = bytes((place * place * 131 + 89) % 251 for place in range(len(content) - begin))
    path.write_bytes(content[:begin] + noise)
    return path


def order(output_format, quality="low", *, seconds_max=60.0, bytes_max=100 * 1024**2):
    """An order with room enough for what the tests make."""
    return Order(
        output_format=output_format,
        quality=quality,
        seconds_max=seconds_max,
        bytes_max=bytes_max,
    )


def encoded(source, directory, output_format, quality="low"):
    """What comes out of a source, made in a new folder of `directory`."""
    output = directory / f"{output_format}-{quality}"
    output.mkdir()
    wanted = order(output_format, quality)
    return encode(source, probe(source), wanted, directory=output, on_progress=lambda _: None)


def read(path):
    """What PyAV decodes: the codecs, and the size and time of every frame of video."""
    with av.open(str(path)) as container:
        codecs = tuple(stream.codec_context.name for stream in container.streams)
        videos = container.streams.video
        frames = list(container.decode(videos[0])) if videos else []
        sizes = {(frame.width, frame.height) for frame in frames}
        return codecs, sizes, [frame.time for frame in frames]
