"""Loads files by visclf-load and by psycopg's COPY, in turns, and a catalogue of 1 GB.

    bench/speed_load.py [--files 10000] [--bytes 40000] [--rounds 3] [--catalogue-gb 1] CONNECTION

CONNECTION is a connection string of a database in which tables bench_load_* may be made
and dropped.  psycopg's rows are written as its documentation says, (name, bytes) by
write_row, into the table that a user of it would make, and once more with visclf-load's storage.
"""
import argparse
import os
import pathlib
import subprocess
import tempfile
import time

import scratch_venv

scratch_venv.enter("build/venv-load", packages=["psycopg[binary]"])

import psycopg  # noqa: E402


def make_files(folder, files, size):
    """Files that begin as JPEGs do and cannot be compressed."""
    for i in range(files):
        (folder / f"{i:06}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(size - 4))


def by_psycopg(connection, folder, binary, external):
    """psycopg, in text as it does by default, or in binary."""
    with psycopg.connect(connection) as conn:
        conn.execute("CREATE TABLE bench_load_psycopg (file text PRIMARY KEY, image bytea)")
        if external:
            conn.execute("ALTER TABLE bench_load_psycopg ALTER image SET STORAGE EXTERNAL")
        how = "(FORMAT binary)" if binary else ""
        with conn.cursor().copy(f"COPY bench_load_psycopg FROM STDIN {how}") as copy:
            if binary:
                copy.set_types(["text", "bytea"])
            for path in sorted(folder.iterdir()):
                copy.write_row((path.name, path.read_bytes()))


def by_visclf(connection, folder):
    subprocess.run(["visclf-load", "--quiet", "--dbname", connection, "--table", "bench_load_visclf", folder], check=True)


def check(connection, table, files, size):
    """All is there."""
    with psycopg.connect(connection) as conn:
        got = conn.execute(f"SELECT count(*), sum(octet_length(image)) FROM {table}").fetchone()
        assert got == (files, files * size), got
        conn.execute(f"DROP TABLE {table}")


def catalogue(connection, folder, gigabytes):
    """Seconds and peak memory of a catalogue of so many GB."""
    path = folder.parent / "catalogue.csv"
    line = "nowhere/{:012}.jpg," + "x" * 979 + "\n"
    with open(path, "w") as out:
        out.write("file,note\n")
        for i in range(int(gigabytes * 1e6)):
            out.write(line.format(i))
    begun = time.perf_counter()
    run = subprocess.run(["time", "-f", "%M", "visclf-load", "--quiet", "--dry-run", "--dbname", connection, "--table",
                          "bench_load_none", "--catalogue", path, folder], check=True, stderr=subprocess.PIPE, text=True)
    path.unlink()
    return time.perf_counter() - begun, int(run.stderr.split()[-1]) / 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--bytes", type=int, default=40000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--catalogue-gb", type=float, default=1)
    parser.add_argument("connection")
    o = parser.parse_args()
    ways = {
        "visclf-load": lambda folder: by_visclf(o.connection, folder),
        "psycopg, text": lambda folder: by_psycopg(o.connection, folder, False, False),
        "psycopg, binary": lambda folder: by_psycopg(o.connection, folder, True, False),
        "psycopg, binary, EXTERNAL": lambda folder: by_psycopg(o.connection, folder, True, True),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "files"
        folder.mkdir()
        make_files(folder, o.files, o.bytes)
        for turn in range(o.rounds):
            for way, load in ways.items():
                begun = time.perf_counter()
                load(folder)
                seconds = time.perf_counter() - begun
                check(o.connection, "bench_load_visclf" if way == "visclf-load" else "bench_load_psycopg", o.files, o.bytes)
                print(f"{way}: {seconds:.2f} s, {o.files / seconds:.0f} files/s", flush=True)
        if o.catalogue_gb > 0:
            seconds, peak = catalogue(o.connection, folder, o.catalogue_gb)
            print(f"catalogue of {o.catalogue_gb:g} GB: {seconds:.1f} s, {peak:.0f} MB at the most")


main()
