#!/usr/bin/env python3
"""What is left of work that is killed or canceled: see bench/kill_and_cancel.

Runs a cluster of its own in a temporary folder, as postgres where the caller is root.
"""
import argparse
import glob
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SETTINGS = """SET client_min_messages = warning; SET visclf.checkpoint_interval = 0; SET visclf.convolution = direct;
SET visclf.threads = 1; SET visclf.precision = float32; SET visclf.batch_size = 8; SET search_path = public;"""
OPTIONS = ("'adverts', key_column => 'id', architecture => 'resnet20', image_size => 32, epochs => {epochs}, "
           "freeze_epochs => 1, batch_size => 32, augment => 'light'")
ROWS = 4800                     # that classify_table has to do


class Server:
    def __init__(self, bindir):
        self.bindir = bindir
        self.folder = tempfile.mkdtemp(prefix="kill_and_cancel.")
        self.data = os.path.join(self.folder, "data")
        self.environment = dict(os.environ, PGHOST=self.folder, PGPORT="5432", PGUSER="postgres", PGDATABASE="postgres",
                                LC_ALL="C.UTF-8", PATH=bindir + ":" + os.environ["PATH"])
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write(f"unix_socket_directories = '{self.folder}'\nlisten_addresses = ''\nfsync = off\nvisclf.device = cpu\n"
                       "max_parallel_workers_per_gather = 0\nrestart_after_crash = on\n")
        self.start()

    def run(self, program, *arguments):
        command = [os.path.join(self.bindir, program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-l", os.path.join(self.folder, "log"), "-w", "-t", "120", "start")

    def stop(self, mode):
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def psql(self, sql, check=True):
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input=sql, text=True, capture_output=True, env=self.environment)
        if check and done.returncode != 0:
            raise RuntimeError(f"{sql}\n{done.stderr}")
        return done.stdout.strip()

    def begin(self, sql, name):
        """Runs SQL in the background, as an application of that name."""
        process = subprocess.Popen(["psql", "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, env=dict(self.environment, PGAPPNAME=name))
        process.stdin.write(SETTINGS + sql + "\n")
        process.stdin.close()
        return process

    def wait_ready(self):
        for _ in range(600):
            if subprocess.run(["psql", "-XqAt", "-c", "SELECT 1"], capture_output=True, env=self.environment).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("the server does not come back")

    def backend(self, name):
        return self.psql(f"SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'", check=False)


def prepare(server, epochs):
    with open(os.path.join(server.folder, "adverts"), "w") as file:
        subprocess.run([os.path.join(ROOT, "build/adverts"), "--count", "240", "--labelled", "240"], check=True, stdout=file)
    server.psql("CREATE EXTENSION visclf; CREATE TABLE adverts (id bigint PRIMARY KEY, newspaper text, place text, published date, "
                f"label text, truth text, image bytea);\n\\copy adverts FROM '{server.folder}/adverts'")
    server.psql(SETTINGS + f"CALL visclf.train('whole', {OPTIONS.format(epochs=epochs)});"
                "SELECT visclf.import_model('fixed', visclf.export_model('whole'));"
                "CREATE TABLE pages AS SELECT row_number() OVER () AS id, image FROM adverts, generate_series(1, 20);"
                "CALL visclf.classify_table('fixed', 'pages', 'id', 'whole_said');")


def differences(server, model, table):
    """Rows that are not as those of the undisturbed run; 0 where all is equal."""
    return server.psql(f"""
        WITH a AS (SELECT model_id FROM visclf.model WHERE name = 'whole'), b AS (SELECT model_id FROM visclf.model WHERE name = '{model}')
        SELECT 'weights', count(*) FILTER (WHERE x IS NULL OR y IS NULL OR x.data <> y.data) FROM (SELECT * FROM visclf.weight JOIN a USING (model_id)) x
            FULL JOIN (SELECT * FROM visclf.weight JOIN b USING (model_id)) y USING (name)
        UNION ALL SELECT 'validation', count(*) FILTER (WHERE x IS NULL OR y IS NULL OR (x.key, x.label, x.predicted, x.probabilities, x.loss)
            IS DISTINCT FROM (y.key, y.label, y.predicted, y.probabilities, y.loss)) FROM (SELECT * FROM visclf.validation JOIN a USING (model_id)) x
            FULL JOIN (SELECT * FROM visclf.validation JOIN b USING (model_id)) y USING (row_number)
        UNION ALL SELECT 'epochs', count(*) FILTER (WHERE x IS NULL OR y IS NULL OR (x.train_loss, x.valid_loss, x.accuracy)
            IS DISTINCT FROM (y.train_loss, y.valid_loss, y.accuracy)) FROM (SELECT * FROM visclf.epoch JOIN a USING (model_id)) x
            FULL JOIN (SELECT * FROM visclf.epoch JOIN b USING (model_id)) y USING (phase, epoch)
        UNION ALL SELECT 'models', count(*) - 1 FROM visclf.model WHERE name = '{model}' AND status = 'ready' AND active
        UNION ALL SELECT 'predictions', count(*) FILTER (WHERE x IS NULL OR y IS NULL OR (x.label, x.probabilities, x.model_id)
            IS DISTINCT FROM (y.label, y.probabilities, y.model_id)) FROM whole_said x FULL JOIN {table} y USING (id)
        UNION ALL SELECT 'optimizer', count(*) FROM visclf.optimizer_state JOIN b USING (model_id)""")


def left_behind(server):
    """What should not be there once nothing runs."""
    found = []
    for table in ("weight", "optimizer_state", "epoch", "validation"):
        rows = server.psql(f"SELECT count(*) FROM visclf.{table} t WHERE NOT EXISTS (SELECT FROM visclf.model m WHERE m.model_id = t.model_id)")
        found += [f"{rows} rows of visclf.{table} without a model"] if rows != "0" else []
    locks = server.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'visclf.model'::regclass")
    found += [f"{locks} locks"] if locks != "0" else []
    for path in glob.glob(os.path.join(server.data, "base/pgsql_tmp/**"), recursive=True):
        if os.path.isfile(path) and ("/new." in path or ".visclf/" not in path):
            found.append(os.path.relpath(path, server.data))
    return found


class Killing:
    """One training and one table of predictions at a time, until all kills are used up."""

    def __init__(self, server, options, epochs):
        self.server = server
        self.left = ["backend"] * options.kills + ["server"] * options.stops
        random.shuffle(self.left)
        self.epochs = epochs
        self.bad = []
        self.done = 0
        self.killed = {}

    def work(self, number):
        """Begins, or goes on with, what is not finished; the processes."""
        model, table = f"part_{number}", f"part_{number}_said"
        state = self.server.psql(f"SELECT string_agg(status, ',') FROM visclf.model WHERE name = '{model}'")
        call = {"": f"CALL visclf.train('{model}', {OPTIONS.format(epochs=self.epochs)});",
                "training": f"CALL visclf.resume('{model}');"}.get(state)
        jobs = {"load": self.server.begin("SELECT count((visclf.classify('fixed', image)).label) FROM adverts, generate_series(1, 50);" * 50, "load")}
        if call:
            jobs["resume" if state else "train"] = self.server.begin(call, "resume" if state else "train")
        rows = "0" if self.server.psql(f"SELECT to_regclass('{table}')") == "" else self.server.psql(f"SELECT count(*) FROM {table}")
        if int(rows) < ROWS:
            jobs["classify_table"] = self.server.begin(f"CALL visclf.classify_table('fixed', 'pages', 'id', '{table}');", "classify_table")
        return jobs

    def strike(self, jobs):
        what = self.left.pop()
        if what == "server":
            self.server.stop("immediate")
            self.server.start()
        else:
            names = [name for name in jobs if name != "load" and jobs[name].poll() is None]
            pid = self.server.backend(random.choice(names)) if names else ""
            if pid == "":
                self.left.append(what)
                return
            what = self.server.psql(f"SELECT application_name FROM pg_stat_activity WHERE pid = {pid}", check=False) or "backend"
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                self.left.append("backend")
                return
        self.killed[what] = self.killed.get(what, 0) + 1
        for job in jobs.values():
            job.wait()
        self.server.wait_ready()

    def undisturbed(self, jobs):
        """Lets the work end by itself; true where it has."""
        until = time.time() + random.uniform(0.3, 4)
        while time.time() < until or not self.left:
            if all(jobs[name].poll() is not None for name in jobs if name != "load"):
                return True
            time.sleep(0.05)
        return False

    def run(self):
        while self.left:
            self.done += 1
            while True:
                jobs = self.work(self.done)
                ended = self.undisturbed(jobs)
                if not ended:
                    self.strike(jobs)
                for job in jobs.values():
                    job.kill()
                    job.wait()
                self.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'load'")
                if ended and set(jobs) == {"load"}:
                    break
            found = differences(self.server, f"part_{self.done}", f"part_{self.done}_said")
            if any(not line.endswith("|0") for line in found.split("\n")):
                self.bad.append(f"training {self.done}: {found}")
        return f"{self.done} trainings and tables through {sum(self.killed.values())} kills {self.killed}: {len(self.bad)} differ"


def status(pid, field):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


def figures(pid):
    return f"{status(pid, 'RssAnon') // 1024} MB, {len(os.listdir(f'/proc/{pid}/fd'))} descriptors, {status(pid, 'Threads')} threads"


def cancel(server, cancels, epochs):
    """Cancels calls of one backend at random moments, by a timeout or by another session."""
    session = subprocess.Popen(["psql", "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=server.environment)

    def ask(sql):
        session.stdin.write(sql + "\n\\echo end\n")
        session.stdin.flush()
        lines = iter(session.stdout.readline, "end\n")
        return [line.rstrip() for line in lines]

    ask(SETTINGS)
    pid = int(ask("SELECT pg_backend_pid();")[0])
    canceled = ended = 0
    late = 0.0
    seen = []
    while canceled < cancels:
        state = server.psql("SELECT string_agg(status, ',' ORDER BY version) FROM visclf.model WHERE name = 'canceled'")
        call = random.choice([f"CALL visclf.train('canceled', {OPTIONS.format(epochs=epochs)});"] if "training" not in state else
                             ["CALL visclf.resume('canceled');"] * 2 + ["CALL visclf.drop_model('canceled');"] +
                             ["DROP TABLE IF EXISTS canceled_said; CALL visclf.classify_table('fixed', 'pages', 'id', 'canceled_said');"] * 2)
        wait = random.uniform(0.02, 1.2)
        start = time.time()
        if random.random() < 0.5:
            other = subprocess.Popen(["psql", "-XqAt", "-c", f"SELECT pg_sleep({wait})", "-c", f"SELECT pg_cancel_backend({pid})"],
                                     stdout=subprocess.DEVNULL, env=server.environment)
            out = ask(call)
            took = time.time() - start
            other.wait()
        else:
            out = ask(f"SET statement_timeout = {int(wait * 1000)};\n{call}\nSET statement_timeout = 0;")
            took = time.time() - start
        was = any("canceling statement" in line for line in out)
        other_errors = [line for line in out if "ERROR" in line and "canceling statement" not in line]
        if other_errors:
            seen.append(f"{call}: {other_errors[0]}")
        canceled += was
        ended += not was
        late = max(late, took - wait) if was else late
        if canceled in (20, cancels // 2, cancels) and was:
            print(f"after {canceled} cancels: {figures(pid)}", flush=True)
    ask("CALL visclf.resume('canceled');")
    session.stdin.close()
    session.wait()
    return f"{canceled} canceled, {ended} ended before; the latest {late:.2f} s after it was asked", seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bindir", required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--cancels", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    server = Server(options.bindir)
    bad = []
    try:
        prepare(server, options.epochs)
        if options.kills + options.stops > 0:
            killing = Killing(server, options, options.epochs)
            print(killing.run(), flush=True)
            bad += killing.bad
        if options.cancels > 0:
            told, errors = cancel(server, options.cancels, options.epochs)
            print(told, flush=True)
            bad += errors
        bad += left_behind(server)
    finally:
        server.stop("immediate")
        shutil.rmtree(server.folder)
    print("\n".join(bad) if bad else "nothing lost, doubled or left behind")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
