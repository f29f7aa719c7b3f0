"use strict";
// What changes while a page is open: server-sent events say which run has moved.
const number = (x, digits = 4) => (x === null || x === undefined ? "–" : x.toPrecision(digits).replace("-", "−"));
const index = document.querySelector("[data-live=index]");
if (index) {
  const events = new EventSource("/events");
  events.onmessage = (message) => {
    const run = JSON.parse(message.data);
    const row = [...index.tBodies[0].rows].find((r) => r.dataset.run === run.name);
    if (!row) { if (index.dataset.ready) location.reload(); return; }
    const put = (name, text) => { const cell = row.querySelector(`[data-f=${name}]`); if (cell && cell.textContent !== text) cell.textContent = text; };
    put("state", run.state);
    put("evaluations", String(run.evaluations));
    put("failed", String(run.failed));
    put("error", number(run.error));
    put("r2", number(run.r2));
    put("forecast", number(run.forecast_r2));
    put("law", run.law);
    row.querySelector("progress").value = run.share ?? 0;
  };
  setTimeout(() => { index.dataset.ready = "yes"; }, 2500);
}
// The first run of a folder makes a table where there was none.
if (document.querySelector("[data-live=none]")) new EventSource("/events").onmessage = () => location.reload();
const page = document.querySelector("[data-live=run]");
if (page) {
  const url = `/runs/${encodeURIComponent(page.dataset.run)}`;
  const body = document.getElementById("body");
  let drawn = -1, busy = false, last = 0, wanted = null;
  const draw = async () => {
    // A run that goes on is drawn anew every five seconds at most, when it has moved; what failed is tried again as soon.
    if (busy || wanted === drawn || Date.now() - last < 5000) return;
    busy = true;
    const seq = wanted;
    try {
      const answer = await fetch(`${url}/body`);
      if (!answer.ok) throw new Error(answer.statusText);
      const text = await answer.text();
      const open = [...body.querySelectorAll("details")].map((d) => d.open);
      body.innerHTML = text;
      body.querySelectorAll("details").forEach((d, i) => { d.open = open[i] ?? false; });
      enhance(body);
      drawn = seq;
      document.getElementById("said").textContent = "";
    } catch (error) {
      document.getElementById("said").textContent = `can't be drawn now (${error.message}); trying again`;
    }
    last = Date.now();
    busy = false;
  };
  const events = new EventSource(`${url}/events`);
  events.onmessage = (message) => {
    const run = JSON.parse(message.data);
    for (const [name, text] of [["state", run.state], ["evaluations", String(run.evaluations)], ["failed", String(run.failed)], ["error", number(run.error)]])
      page.querySelector(`[data-f=${name}]`).textContent = text;
    page.querySelector("progress").value = run.share ?? 0;
    wanted = `${run.seq} ${run.state}`;
    draw();
  };
  events.onerror = () => { document.getElementById("said").textContent = "the server does not answer; is it still running?"; };
  setInterval(draw, 1000);
}
const job = document.querySelector("[data-live=job]");
// Where there is a run to follow, there is time to click on it.
if (job) setTimeout(() => location.reload(), document.querySelector("main a[href^='/runs/']") ? 6000 : 1500);
// Two laws of one board are compared: boards are of different rows.
for (const form of document.querySelectorAll("form[action='/compare']")) {
  const picks = [...form.querySelectorAll("input[name=run]")], button = form.querySelector("button:not([type])");
  const count = () => {
    const chosen = picks.filter((p) => p.checked).length;
    picks.forEach((p) => { p.disabled = chosen >= 2 && !p.checked; });
    button.disabled = chosen !== 2;
  };
  form.addEventListener("change", count);
  addEventListener("pageshow", count); // coming back, a browser may put ticks where they were
}
