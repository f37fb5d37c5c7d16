#!/usr/bin/env python3
"""Makes odd files of every format and compares what is decoded with Pillow.

    bench/check_formats.py [--decoder build/decode_images] [--size 48] [--keep FOLDER] [FILE...]

Each file must give Pillow's pixels (transparent ones on white, turned upright, 16 bits as
their upper 8), within what is said beside it, or be refused with a reason where Pillow refuses
it too or this script says why it may.  Files that are given are compared instead.  At sizes of
half an image or less JPEG 2000 is decoded at a smaller resolution, and differs.
"""
import argparse
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import scratch_venv

scratch_venv.enter("build/venv-formats", packages=["pillow", "numpy", "tifffile", "imagecodecs"])

import numpy  # noqa: E402
import tifffile  # noqa: E402
import imagecodecs  # noqa: E402
from PIL import Image, ImageFile, ImageOps, PngImagePlugin, TiffImagePlugin  # noqa: E402

size = 48
random = numpy.random.default_rng(7)


def picture(width=97, height=61, channels=3, bits=8):
    """Smooth, so that lossy formats keep it, with some noise."""
    y, x = numpy.mgrid[0:height, 0:width]
    planes = [(x * (c + 1) * 3 + y * (3 - c) * 2 + 40 * c) % 256 for c in range(channels)]
    values = numpy.stack(planes, -1).astype(numpy.float64)
    values = (numpy.abs(values - 128) * 2).clip(0, 255)
    if bits > 8:
        return ((values * 257).astype(numpy.uint32) >> (16 - bits)).astype(numpy.uint16).squeeze()
    return values.astype(numpy.uint8).squeeze()


def pil(**kwargs):
    return Image.fromarray(picture(**kwargs))


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def with_alpha(mode="RGBA", **kwargs):
    image = pil(**kwargs).convert("RGB" if mode == "RGBA" else "L")
    image.putalpha(pil(channels=1).resize(image.size))
    return image


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


XMP = ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>')


def png_chunks(data):
    at = 8
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += 12 + length


def png_of(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)


def raw_png(width, height, bits, kind, rows, interlace=0, more=()):
    """A PNG of packed rows, without filters."""
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return png_of([(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlace)), *more,
                   (b"IDAT", body), (b"IEND", b"")])


def png_files():
    rgb, grey = pil(), pil(channels=1)
    yield "rgb", saved(rgb, "PNG")
    yield "grey", saved(grey, "PNG")
    yield "rgba", saved(with_alpha(), "PNG")
    yield "grey-alpha", saved(with_alpha("LA", channels=1), "PNG")
    yield "bilevel", saved(grey.convert("1"), "PNG")
    for bits in (1, 2, 4, 8):
        yield f"palette-{bits}", saved(rgb.quantize(2 ** bits), "PNG", bits=bits)
    for bits in (1, 2, 4):
        rows = [bytes(random.integers(0, 256, (97 * bits + 7) // 8, numpy.uint8)) for _ in range(61)]
        yield f"grey-{bits}", raw_png(97, 61, bits, 0, rows)
    yield "rgb-16", imagecodecs.png_encode(picture(bits=16))
    yield "rgba-16", imagecodecs.png_encode(picture(channels=4, bits=16))
    yield "grey-16", imagecodecs.png_encode(picture(channels=1, bits=16))
    yield "palette-transparent", saved(rgb.quantize(16), "PNG", transparency=3)
    yield "palette-transparencies", saved(rgb.quantize(16), "PNG", transparency=bytes(range(0, 256, 16)))
    yield "grey-transparent", saved(grey, "PNG", transparency=int(grey.getpixel((5, 5))))
    yield "rgb-transparent", saved(rgb, "PNG", transparency=rgb.getpixel((5, 5)))
    yield "interlaced", interlaced(picture())
    yield "interlaced-1x1", interlaced(picture(width=1, height=1).reshape(1, 1, 3))
    yield "interlaced-grey", interlaced(picture(channels=1))
    for orientation in (3, 5, 6, 8):
        yield f"exif-{orientation}", saved(rgb, "PNG", exif=exif(orientation))
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP % 6)
    yield "xmp-6", saved(rgb, "PNG", pnginfo=info)
    yield "exif-1-xmp-6", saved(rgb, "PNG", pnginfo=info, exif=exif(1))
    whole = saved(rgb, "PNG")
    yield "profile", saved(rgb, "PNG", icc_profile=b"no profile at all")
    yield "unknown-chunk", png_of([c for t, d in png_chunks(whole) for c in ([(b"IHDR", d), (b"juNK", b"x" * 9)] if t == b"IHDR" else [(t, d)])])
    yield "small-idats", png_of([c for t, d in png_chunks(whole) for c in
                                 ([(t, d[i:i + 7]) for i in range(0, len(d), 7)] if t == b"IDAT" else [(t, d)])])
    yield "animated", saved(rgb, "PNG", save_all=True, append_images=[pil(width=97, height=61).rotate(90)])
    yield "trailing", whole + b"rubbish"
    yield "one-pixel", saved(Image.new("RGB", (1, 1), (9, 200, 3)), "PNG")
    yield "narrow", saved(pil(width=3, height=400), "PNG")
    yield "cut-end", whole[:-12]
    yield "cut-third", whole[:len(whole) * 2 // 3]
    yield "cut-most", whole[:len(whole) // 8]
    yield "cut-header", whole[:20]
    yield "wrong-checksum", whole[:60] + bytes([whole[60] ^ 255]) + whole[61:]
    yield "no-data", png_of([(t, d) for t, d in png_chunks(whole) if t != b"IDAT"])
    yield "no-palette", png_of([(t, d) for t, d in png_chunks(saved(rgb.quantize(16), "PNG")) if t != b"PLTE"])
    yield "huge", png_of([(b"IHDR", struct.pack(">IIBBBBB", 2 ** 31 - 1, 2 ** 31 - 1, 16, 6, 0, 0, 1)), (b"IDAT", b"")])


def interlaced(array):
    """Adam7, by hand: no library that Python has writes it."""
    if array.ndim == 2:
        array = array[:, :, None]
    height, width, channels = array.shape
    body = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        part = array[y0::dy, x0::dx]
        if part.size:
            body += b"".join(b"\0" + row.tobytes() for row in part)
    kind = {1: 0, 3: 2}[channels]
    return png_of([(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 1)), (b"IDAT", zlib.compress(body)), (b"IEND", b"")])


def tiff_by(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()


def bits_tiff(bits, width=97, height=61):
    """Grey of fewer bits than 8, by hand."""
    rows = bytes(random.integers(0, 256, (width * bits + 7) // 8 * height, numpy.uint8))
    tags = [(256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
            (278, 3, height), (279, 4, len(rows))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return struct.pack("<2sHI", b"II", 42, 8 + len(rows) + len(rows) % 2) + rows + bytes(len(rows) % 2) + directory + bytes(4)


def tiff_files():
    rgb, grey = pil(), pil(channels=1)
    bilevel = grey.convert("1")
    yield "rgb", saved(rgb, "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma", "zstd", "jpeg"):
        yield compression, saved(rgb, "TIFF", compression=compression)
    for compression in ("group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw"):
        yield f"bilevel-{compression}", saved(bilevel, "TIFF", compression=compression)
    yield "bilevel-raw", saved(bilevel, "TIFF")
    yield "grey", saved(grey, "TIFF")
    yield "grey-jpeg", saved(grey, "TIFF", compression="jpeg")
    yield "palette", saved(rgb.quantize(200), "TIFF")
    yield "cmyk", saved(rgb.convert("CMYK"), "TIFF")
    yield "cmyk-lzw", saved(rgb.convert("CMYK"), "TIFF", compression="tiff_lzw")
    yield "rgba", saved(with_alpha(), "TIFF")
    yield "grey-alpha", saved(with_alpha("LA", channels=1), "TIFF")
    yield "lab", saved(Image.fromarray(picture(), "LAB"), "TIFF")
    yield "ycbcr", saved(rgb.convert("YCbCr"), "TIFF")
    yield "grey-16", tiff_by(picture(channels=1, bits=16), photometric="minisblack")
    yield "grey-16-big-endian", tiff_by(picture(channels=1, bits=16), photometric="minisblack", byteorder=">")
    yield "grey-16-deflate-predictor", tiff_by(picture(channels=1, bits=16), photometric="minisblack", compression="zlib", predictor=True)
    yield "rgb-16", tiff_by(picture(bits=16), photometric="rgb")
    yield "rgb-16-planes", tiff_by(numpy.moveaxis(picture(bits=16), -1, 0), photometric="rgb", planarconfig="separate")
    yield "planes", tiff_by(numpy.moveaxis(picture(), -1, 0), photometric="rgb", planarconfig="separate")
    yield "min-is-white", tiff_by(picture(channels=1), photometric="miniswhite")
    yield "big-endian", tiff_by(picture(), photometric="rgb", byteorder=">")
    yield "bigtiff", tiff_by(picture(), photometric="rgb", bigtiff=True)
    yield "tiles", tiff_by(picture(), photometric="rgb", tile=(16, 32))
    yield "tiles-lzw", tiff_by(picture(200, 150), photometric="rgb", tile=(64, 64), compression="lzw")
    yield "tiles-grey-jpeg", tiff_by(picture(200, 150, 1), photometric="minisblack", tile=(64, 64), compression="jpeg")
    yield "strips-1", tiff_by(picture(), photometric="rgb", rowsperstrip=1, compression="lzw")
    yield "strips-7", tiff_by(picture(), photometric="rgb", rowsperstrip=7, compression="zlib", predictor=True)
    yield "pages", saved(rgb, "TIFF", save_all=True, append_images=[grey, bilevel])
    for orientation in (2, 4, 5, 6, 7, 8):
        yield f"orientation-{orientation}", saved(rgb, "TIFF", tiffinfo={0x0112: orientation})
    yield "xmp-6", saved(rgb, "TIFF", tiffinfo={700: (XMP % 6).encode()})
    yield "webp", tiff_by(picture(), photometric="rgb", compression="webp")
    yield "cmyk-16", tiff_by(picture(channels=4, bits=16), photometric="separated")
    yield "rgb-extra", tiff_by(picture(channels=5), photometric="rgb", extrasamples=("unspecified", "unspecified"))
    yield "associated", tiff_by(picture(channels=4), photometric="rgb", extrasamples=("assocalpha",))
    yield "grey-4", bits_tiff(4)
    yield "grey-2", bits_tiff(2)
    yield "float", tiff_by(picture(channels=1).astype(numpy.float32), photometric="minisblack")
    yield "int-32", tiff_by(picture(channels=1).astype(numpy.uint32), photometric="minisblack")
    yield "one-pixel", saved(Image.new("RGB", (1, 1), (9, 200, 3)), "TIFF")
    yield "lerc", tiff_by(picture(channels=1), photometric="minisblack", compression="lerc")
    whole = tiff_by(picture(), photometric="rgb", rowsperstrip=4)
    yield "trailing", whole + b"rubbish"
    yield "cut-third", whole[:len(whole) * 2 // 3]
    yield "cut-most", whole[:len(whole) // 8]
    yield "cut-directory", saved(rgb, "TIFF")[:60]
    broken = bytearray(saved(rgb, "TIFF", compression="tiff_lzw"))
    broken[len(broken) // 2:len(broken) // 2 + 200] = b"\xff" * 200
    yield "broken-lzw", bytes(broken)


def webp_files():
    rgb = pil()
    yield "lossless", saved(rgb, "WEBP", lossless=True)
    for quality in (0, 30, 75, 100):
        yield f"lossy-{quality}", saved(rgb, "WEBP", quality=quality)
    yield "alpha-lossless", saved(with_alpha(), "WEBP", lossless=True, exact=True)
    yield "alpha-lossy", saved(with_alpha(), "WEBP", quality=80)
    yield "alpha-quality", saved(with_alpha(), "WEBP", quality=80, alpha_quality=20)
    yield "grey", saved(pil(channels=1), "WEBP", lossless=True)
    yield "palette", saved(rgb.quantize(8).convert("RGB"), "WEBP", lossless=True)
    for orientation in (2, 3, 6, 7):
        yield f"exif-{orientation}", saved(rgb, "WEBP", lossless=True, exif=exif(orientation))
    yield "exif-prefixed", saved(rgb, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6).tobytes()[6:])
    yield "xmp-8", saved(rgb, "WEBP", lossless=True, xmp=(XMP % 8).encode())
    yield "profile", saved(rgb, "WEBP", lossless=True, icc_profile=b"no profile at all")
    yield "animated", saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)])
    yield "animated-alpha", saved(with_alpha(), "WEBP", lossless=True, save_all=True, append_images=[with_alpha().rotate(90)])
    yield "one-pixel", saved(Image.new("RGB", (1, 1), (9, 200, 3)), "WEBP", lossless=True)
    yield "narrow", saved(pil(width=3, height=400), "WEBP", lossless=True)
    yield "wide", saved(pil(width=4000, height=5), "WEBP", quality=90)
    whole = saved(pil(width=400, height=300), "WEBP", quality=90)
    yield "trailing", whole + b"rubbish"
    yield "cut-little", whole[:len(whole) * 9 // 10]
    yield "cut-most", whole[:len(whole) // 8]
    yield "cut-header", whole[:25]
    lossless = saved(pil(width=400, height=300), "WEBP", lossless=True)
    yield "cut-lossless", lossless[:len(lossless) * 3 // 4]
    broken = bytearray(lossless)
    broken[len(broken) // 3:] = bytes(random.integers(0, 256, len(broken) - len(broken) // 3, numpy.uint8))
    yield "broken", bytes(broken)


def jp2_files():
    rgb, grey = pil(), pil(channels=1)
    yield "rgb", saved(rgb, "JPEG2000", irreversible=False)
    yield "lossy", saved(rgb, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[10])
    yield "grey", saved(grey, "JPEG2000")
    yield "rgba", saved(with_alpha(), "JPEG2000")
    yield "grey-alpha", saved(with_alpha("LA", channels=1), "JPEG2000")
    yield "codestream", saved(rgb, "JPEG2000", no_jp2=True)
    yield "codestream-grey", saved(grey, "JPEG2000", no_jp2=True)
    yield "tiles", saved(rgb, "JPEG2000", tile_size=(32, 32))
    yield "tiles-offset", saved(rgb, "JPEG2000", tile_size=(32, 32), tile_offset=(0, 0), offset=(5, 3))
    yield "no-mct", saved(rgb, "JPEG2000", mct=0)
    for progression in ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL"):
        yield f"order-{progression}", saved(rgb, "JPEG2000", progression=progression)
    yield "layers", saved(rgb, "JPEG2000", quality_mode="rates", quality_layers=[40, 20, 5, 1])
    yield "resolutions-1", saved(rgb, "JPEG2000", num_resolutions=1)
    yield "resolutions-3", saved(rgb, "JPEG2000", num_resolutions=3)
    yield "precincts", saved(rgb, "JPEG2000", precinct_size=(32, 32), codeblock_size=(16, 16))
    yield "grey-16", imagecodecs.jpeg2k_encode(picture(channels=1, bits=16), level=0)
    yield "rgb-16", imagecodecs.jpeg2k_encode(picture(bits=16), level=0)
    yield "grey-12", imagecodecs.jpeg2k_encode(picture(channels=1, bits=12), level=0, bitspersample=12)
    yield "ycc", saved(rgb.convert("YCbCr"), "JPEG2000")
    yield "comment", saved(rgb, "JPEG2000", comment="x")
    yield "reduced", saved(pil(width=900, height=700), "JPEG2000")
    yield "one-pixel", saved(Image.new("RGB", (1, 1), (9, 200, 3)), "JPEG2000", num_resolutions=1)
    yield "narrow", saved(pil(width=3, height=400), "JPEG2000", num_resolutions=1)
    uuid = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    packet = (XMP % 6).encode()
    whole = saved(rgb, "JPEG2000")
    yield "xmp-6", whole[:32] + struct.pack(">I", 24 + len(packet)) + b"uuid" + uuid + packet + whole[32:]
    yield "trailing", whole + b"rubbish"
    yield "cut-little", whole[:len(whole) * 9 // 10]
    yield "cut-half", whole[:len(whole) // 2]
    yield "cut-header", whole[:100]
    broken = bytearray(whole)
    broken[len(broken) // 2:len(broken) // 2 + 300] = b"\x55" * 300
    yield "broken", bytes(broken)


FILES = {"png": png_files, "tif": tiff_files, "webp": webp_files, "jp2": jp2_files}

# Where Pillow's pixels are not those, and by how much or why
TOLERANCE = {
    "rgb-16.tif": (1, "libtiff rounds 16 bits, Pillow cuts"),
    "cmyk.tif": (1, "libtiff cuts where Pillow rounds"), "cmyk-lzw.tif": (1, "libtiff cuts where Pillow rounds"),
    "reduced.jp2": (60, "decoded at a smaller resolution"),
    "xmp-6.jp2": (255, "Pillow does not look for XMP in JPEG 2000"),
    "lab.tif": (255, "libtiff converts by the white point, Pillow without a profile not at all"),
    "rgba.tif": (2, "libtiff multiplies by alpha first"), "grey-alpha.tif": (2, "libtiff multiplies by alpha first"),
    "associated.tif": (1, "Pillow divides by alpha and multiplies again"),
    "ycc.jp2": (2, "rounding"), "ycbcr.tif": (2, "rounding"),
    "jpeg.tif": (3, "libjpeg-turbo's versions"), "grey-jpeg.tif": (3, "libjpeg-turbo's versions"),
    "tiles-grey-jpeg.tif": (3, "libjpeg-turbo's versions"),
}
# What Pillow misreads: compared with what was written
TRUTH = {"rgb-16-planes.tif": picture(bits=16) >> 8, "rgb-16.jp2": picture(bits=16) >> 8}
REFUSED = {
    "no-palette.png": "there is no palette, which Pillow passes over",
    "float.tif": "samples that are no brightness", "int-32.tif": "samples that are no brightness",
    "cmyk-16.tif": "libtiff makes no RGB of it", "lerc.tif": "a library that may throw",
}


def expected(data):
    """Pillow's picture, upright, on white, RGB; its upper 8 bits where it has 16."""
    image = Image.open(io.BytesIO(data))
    image.load()
    if image.mode.startswith("I"):
        values = numpy.asarray(image).astype(numpy.int64)
        image = Image.fromarray((values >> 8 if values.max() > 255 else values).astype(numpy.uint8)) if image.mode != "I" else image
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def resize(image):
    bilinear = Image.Resampling.BILINEAR
    return image.resize((size, image.height), bilinear).resize((size, size), bilinear)


def decode(decoder, path):
    with tempfile.NamedTemporaryFile() as out:
        run = subprocess.run([decoder, "-s", str(size), "-o", out.name, path], capture_output=True, text=True)
        if run.returncode < 0:
            return None, f"DIED of signal {-run.returncode}"
        status, _, message = run.stdout.rstrip("\n").split("\t", 2)
        if run.stderr:
            message += f" STDERR {run.stderr!r}"
        pixels = numpy.frombuffer(out.read(), numpy.uint8).reshape(size, size, 3)
        return (pixels if status == "0" else None), message


def compare(decoder, path, name):
    """A line about a file; True where it is right."""
    pixels, message = decode(decoder, path)
    try:
        truth = Image.fromarray(TRUTH[name].astype(numpy.uint8)) if name in TRUTH else expected(path.read_bytes())
        reference = numpy.asarray(resize(truth)).astype(int)
    except Exception as e:
        reference, why = None, f"{type(e).__name__}: {str(e)[:60]}"
    if "DIED" in message or "STDERR" in message:
        return False, message
    if pixels is None:
        return reference is None or name in REFUSED, f"refused: {message}" + ("" if reference is None else " (Pillow reads it)")
    if reference is None:
        return True, f"read, with [{message}]; Pillow: {why}"
    worst = int(numpy.abs(pixels.astype(int) - reference).max())
    turned = any(f"{kind}-{n}." in name for kind in ("exif", "xmp", "orientation", "exif-prefixed") for n in (5, 6, 7, 8)) or "prefixed" in name
    allowed, why = TOLERANCE.get(name, (1, "turned after resampling") if turned else (0, ""))
    return worst <= allowed, f"worst {worst}" + (f" of {allowed}: {why}" if allowed else "") + (f" [{message}]" if message else "")


def main():
    global size
    parser = argparse.ArgumentParser()
    parser.add_argument("--decoder", default="build/decode_images")
    parser.add_argument("--keep")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=48)
    o = parser.parse_args()
    size = o.size
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(o.keep or temporary)
        folder.mkdir(exist_ok=True)
        files = [(path, path.name) for path in o.files]
        for extension, make in FILES.items() if not o.files else ():
            for name, data in make():
                path = folder / f"{name}.{extension}"
                path.write_bytes(data)
                files.append((path, path.name))
        for path, name in files:
            good, text = compare(o.decoder, path, name)
            bad += not good
            print("ok   " if good else "WRONG", name, text, flush=True)
    print(f"{len(files)} files, {bad} wrong")
    sys.exit(bad > 0)


main()
