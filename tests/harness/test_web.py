"""The web app on a real socket: pages in every state of a run, doors that stay shut, forms that do what commands do."""

import http.client
import json
import shutil
import sys
import threading
import time
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
import uvicorn

from harness.commands.serve import main, parser
from harness.web import forms
from harness.web.app import make_app
from harness.web.guard import POLICY
from harness.web.listing import Listing
from harness.web.server import listen
from tests.harness.run_folders import EVIL, begun, candidate, ended, outcome, user_task

TOKEN = "a-token-of-this-test"


class Site:
    """A server in a thread, and the least of a browser."""

    def __init__(self, root, token=None):
        sock = listen("127.0.0.1", 0)
        self.root, self.port = root, sock.getsockname()[1]
        config = uvicorn.Config(
            make_app(root, token, weak=True), log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [sock]})
        self.thread.start()

    def close(self):
        self.server.should_exit = True
        self.thread.join()

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        own = {"Host": f"127.0.0.1:{self.port}"}
        if method == "POST":
            own |= {
                "Origin": f"http://127.0.0.1:{self.port}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        own |= {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method, path, body, {k: v for k, v in own.items() if v is not None})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, fields, **headers):
        return self.ask("POST", path, urlencode(fields), **headers)

    def upload(self, path, fields, name, data):
        mark = "a-mark-between-parts"
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'
            for k, v in fields.items()
        ]
        parts.append(
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{data}\r\n--{mark}--\r\n'
        )
        return self.ask("POST", path, "".join(parts), Content_Type=f"multipart/form-data; boundary={mark}")

    def done(self, job):
        """The page of a command once it has ended."""
        for _ in range(600):
            _, text = self.get(job)
            if 'data-live="job"' not in text:
                return text
            time.sleep(0.1)
        raise AssertionError("the command did not end")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as patch:
        user_task(root, patch)
        ended(root / "runs", name="one")
        ended(root / "runs", name="two", law="E + A*N**-beta")
        begun(root / "runs", n=5, name="begun")
        (root / "runs" / "damaged").mkdir()
        (root / "runs" / "damaged" / "journal.sqlite").write_bytes(b"no journal")
        (root / "secret.txt").write_text("a secret")
        site = Site(root / "runs")
        yield site
        site.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "damaged"),
        ("/leaderboard", "last point"),
        ("/score", "fit_scaling_law"),
        ("/tasks/add", "columns a law may use"),
        ("/fit", "resamples"),
        ("/runs/one", "the page as one file"),
        ("/runs/begun", "unfinished"),
        ("/runs/damaged/body", "not a readable journal"),
        ("/runs/one/report.html", "asks no network"),
        ("/compare?run=one&run=two", "Two laws side by side"),
    ],
)
def test_every_page_answers_and_shows_foreign_text_as_text(site, path, words):
    answer, text = site.get(path)
    assert answer.status == 200 and words in text
    assert "<img src=x" not in text and "alert(2)</script>" not in text
    policy = answer.getheader("content-security-policy")
    assert policy.startswith("default-src 'none'") and (policy == POLICY or "sha256-" in policy)


def test_a_page_of_two_runs_has_every_id_once(site):
    _, text = site.get("/compare?run=one&run=two")
    ids = [part.split('"', 1)[0] for part in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids)) > 20


@pytest.mark.parametrize(
    "name", ["..", "../secret.txt", "..%2fsecret.txt", ".web", "nothing", "%00", "a" * 300]
)
def test_no_path_leads_out_of_the_runs_folder(site, name):
    for tail in ("", "/body", "/program.py", "/report.html"):
        answer, text = site.get(f"/runs/{name if '%' in name else quote(name, safe='')}{tail}")
        assert answer.status == 404 and "a secret" not in text


def test_a_link_out_of_the_runs_folder_is_not_followed(site, tmp_path):
    ended(tmp_path, name="elsewhere")
    (site.root / "linked").symlink_to(tmp_path / "elsewhere")
    try:
        assert site.get("/runs/linked")[0].status == 404
    finally:
        (site.root / "linked").unlink()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_starts_nothing(site, headers):
    answer, text = site.post("/runs", {"task": "mine", "minutes": "0.1"}, **headers)
    assert answer.status == 403 and "refused" in text


def test_another_sites_page_reads_nothing_and_no_other_name_leads_here(site):
    assert (
        site.get("/runs/one/program.py", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[
            0
        ].status
        == 403
    )
    assert site.get("/", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})[0].status == 200
    for host in ("rebound.example", "[", "127.0.0.1.example"):
        assert site.get("/", Host=host)[0].status == 403
    assert site.post("/runs", {"task": "mine"}, Origin="http://[")[0].status == 403


def test_a_token_is_asked_once_and_leaves_the_address(tmp_path):
    site = Site(tmp_path, TOKEN)
    try:
        assert site.get("/")[0].status == 401
        assert site.get("/?token=wrong")[0].status == 401
        answer, _ = site.get(f"/?token={TOKEN}&task=mine")
        assert (answer.status, answer.getheader("location")) == (303, "/?task=mine")
        cookie = answer.getheader("set-cookie")
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        answer, text = site.get("/", Cookie=cookie.split(";")[0], Host="host.example")
        assert answer.status == 200 and "No run yet" in text and TOKEN not in text
    finally:
        site.close()


def test_what_is_too_large_is_refused_before_it_is_read(site):
    assert site.ask("POST", "/fit", None, Content_Length="90000000")[0].status == 413


def test_a_run_that_grows_is_told_as_it_grows(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request("GET", "/runs/begun/events", headers={"Host": f"127.0.0.1:{site.port}"})
    stream = connection.getresponse()

    def told():
        while not (line := stream.readline().decode()).startswith("data: "):
            assert line
        return json.loads(line[6:])

    assert told()["evaluations"] == 5
    with _journal(site, "begun") as journal:
        journal.append(candidate(5), outcome(5), 60.0)
    after = told()
    assert (after["evaluations"], after["failed"], after["seconds"]) == (6, 1, 60.0) and after["share"] > 0.2
    stream.close()
    connection.close()


def test_a_page_drawn_again_reads_what_is_new_alone(site):
    from harness.pages.view import Known, view_of

    known, path = Known(), site.root / "begun"
    before = view_of(path, known)
    with _journal(site, "begun") as journal:
        journal.append(candidate(90), outcome(90), 90.0)
    after = view_of(path, known)
    assert len(after.points) == len(before.points) + 1 and after.seconds == 90.0
    assert after.points == view_of(path).points and known.entries == len(after.points) + 1, (
        "the start is an entry"
    )


def test_a_page_drawn_again_sees_what_is_new_and_damaged_and_forgets_what_was_replaced(site):
    import sqlite3

    from harness.pages.view import Known, view_of

    known, path = Known(), site.root / "begun"
    n = len(view_of(path, known).points)
    with _journal(site, "begun") as journal:
        journal.append(candidate(80), outcome(81), 95.0)
        journal.append(candidate(81), outcome(82), 96.0)

    def change(statement, *given):
        with sqlite3.connect(path / "journal.sqlite") as db:
            db.execute(statement, given)
        db.close()

    change("UPDATE entries SET n_constants = 77 WHERE candidate = 'c000080'")
    after = view_of(path, known)
    assert after.state == "damaged" and "c000080" in " ".join(after.problems)
    assert len(after.points) == n + 1 == len(view_of(path, known).points)
    change("UPDATE entries SET n_constants = ? WHERE candidate = 'c000080'", outcome(81).n_constants)
    whole = view_of(path, known)
    assert (whole.state, len(whole.points)) == ("unfinished", n + 2) and not whole.problems
    # Another journal in the same place: what was known of the one before leads nowhere.
    known.sound = replace(known.sound, hash="0" * 64)
    again = view_of(path, known)
    assert again.points == whole.points and again.seconds == 96.0


def _journal(site, name):
    from harness.record.run_folder import RunFolder

    return RunFolder(site.root / name).journal()


def test_a_summary_that_lacks_something_costs_its_own_run_alone(site):
    path = ended(site.root, name="lacking").path
    try:
        summary = json.loads((path / "summary.json").read_text())
        for less in ("config", "data", "validation"):
            changed = {k: v for k, v in summary.items() if k != less}
            (path / "summary.json").write_text(json.dumps(changed))
            answer, text = site.get("/leaderboard")
            assert answer.status == 200 and "lacking: left out, its summary is damaged" in text
            assert 'value="one"' in text and 'value="lacking"' not in text
    finally:
        shutil.rmtree(path)


def test_a_task_that_has_other_columns_by_now_is_told_and_the_rest_is_drawn(site, monkeypatch):
    from tasks import spec

    path = ended(site.root, name="columns").path
    try:
        monkeypatch.setattr("harness.pages.view.spec", lambda name: spec("moe"))
        answer, text = site.get("/runs/columns/body")
        assert answer.status == 200 and "has other columns now" in text
        assert 'id="search"' in text and 'id="data"' not in text
    finally:
        shutil.rmtree(path)


def test_a_page_that_fails_is_a_page(site, monkeypatch):
    def broken(root):
        raise RuntimeError("a folder of this machine")

    monkeypatch.setattr("harness.web.boards.boards_of", broken)
    answer, text = site.get("/leaderboard")
    assert answer.status == 500 and "RuntimeError" in text and "a folder of this machine" not in text
    assert answer.headers["content-security-policy"] == POLICY


def test_a_list_reads_again_what_has_changed_alone(site, monkeypatch):
    import harness.web.listing as module

    listing, read = Listing(site.root), []
    real = module._read
    monkeypatch.setattr(module, "_read", lambda path, held: read.append(path.name) or real(path, held))
    listing.lines()
    assert sorted(read) == ["begun", "damaged", "one", "two"]
    read.clear()
    with _journal(site, "begun") as journal:
        journal.record("note")
    assert len(listing.lines()) == 4 and read == ["begun"]
    (line,) = [line for line in listing.lines() if line.name == "begun"]
    assert (line.state, line.law) == ("unfinished", "E + A*N**-alpha")


def test_a_table_becomes_a_task(site):
    rows = "N,loss\n" + "\n".join(f"{10**k},{2 + 5 * 10 ** (-0.3 * k):.5f}" for k in range(2, 14))
    fields = {"features": "N", "target": "loss", "extrapolate": "N"}
    answer, text = site.upload("/tasks/add", fields, "my table.csv", rows)
    assert answer.status == 200 and "start a run on my_table" in text
    assert "<option selected>my_table" in site.get("/?task=my_table")[1]
    answer, text = site.upload("/tasks/add", fields | {"features": '"N'}, "my table.csv", rows)
    assert answer.status == 400 and 'name="features" value="&#34;N"' in text


STAND_IN = """
import json, pathlib, sys
options = dict(a.removeprefix("--").partition("=")[::2] for a in sys.argv[2:] if a.startswith("--"))
if sys.argv[1] == "fit":
    out = pathlib.Path(options["out"])
    out.mkdir()
    fit = {"law": options["law"], "variables": ["N"], "target": "loss", "constants": {"E": 2.0, "A": 5.0, "alpha": 0.3}}
    saved = {"fit": fit, "intervals": {"E": {"low": 1.9, "high": 2.1}}, "level": 0.95, "interval_method": "sandwich", "warnings": []}
    (out / "fit.json").write_text(json.dumps(saved))
    (out / "report.html").write_text("the page of the fit")
    print(f"alpha = 0.3\\nwrote {out}")
else:
    sys.exit(f"error: {sys.argv[2]}: no column 'nothing'")
"""


@pytest.fixture
def stand_in(monkeypatch):
    """A command that writes what `harness fit` writes and refuses all else, in no time; the real ones have tests of their own."""
    monkeypatch.setattr("harness.web.jobs.COMMAND", (sys.executable, "-S", "-c", STAND_IN))


def test_what_is_wrong_with_a_table_is_said_without_where_it_lies(site, stand_in):
    answer, text = site.upload("/tasks/add", {"features": "N", "target": "nothing"}, "a.csv", "N,loss\n1,2\n")
    assert answer.status == 400 and "no column" in text and str(site.root) not in text


def test_a_law_is_fitted_to_an_uploaded_table(site, stand_in):
    answer, _ = site.upload("/fit", {"law": "E + A*N**-alpha", "target": "loss"}, "rows.csv", "N,loss\n1,2\n")
    assert answer.status == 303
    job = answer.getheader("location")
    text = site.done(job)
    assert "<math>" in text and "alpha" in text and "0.3" in text and str(site.root) not in text
    answer, page = site.get(f"{job}/report.html")
    assert f'href="{job}/report.html"' in text and page == "the page of the fit"
    assert "script-src 'sha256-" in answer.getheader("content-security-policy")
    assert site.get("/jobs/other/report.html")[0].status == 404


def test_a_command_that_ends_while_its_page_is_made_is_shown_as_running(site, stand_in, monkeypatch):
    answer, _ = site.upload("/fit", {"law": "E + A*N**-alpha", "target": "loss"}, "rows.csv", "N,loss\n1,2\n")
    job = answer.getheader("location")
    assert "<math>" in site.done(job)
    codes = iter([None])
    monkeypatch.setattr("harness.web.jobs.Job.code", property(lambda job: next(codes, 0)))
    assert 'data-live="job"' in site.get(job)[1]
    assert "<math>" in site.get(job)[1]


def test_a_pasted_program_is_scored_in_the_sandbox(site):
    answer, _ = site.post("/score", {"task": "mine", "program": "import os\nprint(os.getcwd())"})
    assert answer.status == 303
    text = site.done(answer.getheader("location"))
    assert "missing_function" in text and "broken" in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": EVIL}, "task: no task"),
        ({"task": "mine", "minutes": "many"}, "minutes: expected a number from 0.1 to 1440"),
        ({"task": "mine", "evaluations": "1.5"}, "evaluations: expected an integer"),
        ({"task": "mine", "seed": "--help"}, "seed: expected an integer"),
    ],
)
def test_a_wrong_field_is_said_on_a_page(site, fields, words):
    answer, text = site.post("/runs", fields)
    assert answer.status == 400 and words in text and "<img" not in text


def test_no_value_can_be_taken_for_an_option_or_a_path(tmp_path):
    argv = forms.fit_argv({"law": "--out=/tmp", "target": "-x"}, tmp_path / "rows.csv")
    assert argv[2] == f"--out={tmp_path / 'fit'}" and "--law=--out=/tmp" in argv and "--target=-x" in argv
    assert forms.file_name("../../etc/Pass wd.CSV") == "pass_wd.csv"
    with pytest.raises(forms.BadForm, match="expected one of"):
        forms.file_name("a.exe")


def test_a_port_that_is_taken_is_said_in_one_line(site, tmp_path, capsys):
    assert main(["--out", str(tmp_path), "--port", str(site.port)]) == 2
    assert "choose another with --port" in capsys.readouterr().err
    assert parser().parse_args([]).host == "127.0.0.1"
