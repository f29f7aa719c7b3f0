"use strict";
// The page's own script: reads the data beside it, draws SVG, filters and averages. It fits nothing.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const COLORS = ["var(--law)", "var(--forecast)", "var(--validation)", "var(--heldout)", "var(--control)", "var(--train)", "var(--failed)", "#7c6bd6", "#0d8ea8", "#6f8f1d", "#b0603a", "#5577aa"];
const FORM_COLORS = { log: "#fde68a", exponential: "#fecaca", power: "#bfdbfe", rational: "#bbf7d0" };
const ALL = "all";

// ---- forms: L = F + A g(tau), g(0) = 1, g(1) = 0; B(tau) of the joint fits
const FORMS = {
  log: (t, s) => Math.log((1 + s) / (t + s)) / Math.log((1 + s) / s),
  exponential: (t, r) => (Math.exp(-r * t) - Math.exp(-r)) / (1 - Math.exp(-r)),
  power: (t, s, a) => {
    const u = Math.pow((t + s) / s, -a), one = Math.pow((1 + s) / s, -a);
    return (u - one) / (1 - one);
  },
  rational: (t, t0, b) => {
    const h = (x) => 1 / (1 + Math.pow(x / t0, b));
    return (h(t) - h(1)) / (1 - h(1));
  },
};
const JOINT = {
  exp_drift: (t, k) => Math.exp(-k * t),
  power_drift: (t, s, a) => Math.pow(t + s, -a),
  gompertz_shoulder: (t, b, k) => Math.exp(-b * Math.exp(-k * t)),
};
const evaluate = (variant, fit, t) => fit[0] + fit[1] * FORMS[variant.split("_")[0]](t, ...fit.slice(2));
const jointLoss = (form, c, t) => c[0] + c[1] * JOINT[form](t, ...c.slice(3)) + c[2] * t;
const final = (run) => run.loss[run.loss.length - 1];
const jointName = (f) => `joint_${f.scope}_${f.form}`;

// ---- small helpers
const mean = (xs) => xs.reduce((s, x) => s + x, 0) / xs.length;
const unique = (xs) => [...new Set(xs)];
const escape = (s) => String(s).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c]));
const percent = (p) => `${Math.round(100 * p)} %`;
const flops = (c) => (c == null ? "" : c.toExponential(0).replace("+", ""));
const nats = (x, d = 4) => (x == null ? "" : x.toFixed(d));
const options = (select, values, text = (v) => v) => {
  select.innerHTML = values.map((v) => `<option value="${escape(v)}">${escape(text(v))}</option>`).join("");
};
function table(where, head, rows, none) {
  where.innerHTML = rows.length
    ? `<table class="${head.length > 4 ? "stack" : ""}"><thead><tr>${head.map((h) => `<th>${escape(h)}</th>`).join("")}</tr></thead><tbody>${rows
        .map((r) => `<tr>${r.map((c, i) => `<td data-h="${escape(head[i])}">${escape(c)}</td>`).join("")}</tr>`).join("")}</tbody></table>`
    : `<p class="none">${escape(none)}</p>`;
}

// ---- one chart: axes with round ticks, then marks
function ticks(low, high, log) {
  if (log) {
    const out = [];
    for (const steps of [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]]) {
      out.length = 0;
      for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
        for (const m of steps) if (m * 10 ** e >= low * 0.999 && m * 10 ** e <= high * 1.001) out.push(m * 10 ** e);
      if (out.length >= 3) break;
    }
    return out;
  }
  const raw = (high - low) / 7, unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 5, 10].find((m) => m * unit >= raw);
  const out = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9 * step; v += step) out.push(v);
  return out;
}
class Chart {
  constructor({ x, y, xLabel, yLabel, logX = false, logY = false, width = 1040, height = 400, key = [] }) {
    const narrow = window.innerWidth < 620;
    if (narrow) { width = 400; height = Math.min(height, 330) + 17 * key.length; }
    const pad = (r, log) => {
      if (log) { const f = (r[1] / r[0]) ** 0.05 || 1.05; return [r[0] / f, r[1] * f]; }
      const d = 0.05 * (r[1] - r[0]) || 0.05; return [r[0] - d, r[1] + d];
    };
    this.clip = `clip${Chart.made++}`;
    Object.assign(this, { logX, logY, width, height, left: 62, right: 16 + (key.length && !narrow ? 7 * Math.max(...key.map((k) => k[1].length)) + 22 : 0), top: 12, bottom: 44 + (narrow ? 17 * key.length : 0), parts: [] });
    this.few = narrow;
    key.forEach(([color, text], i) => {
      const y = narrow ? height - 17 * (key.length - i) + 10 : this.top + 12 + 17 * i, x = narrow ? this.left : width - this.right + 12;
      this.parts.push(`<rect x="${x}" y="${y - 9}" width="10" height="10" style="fill:${color}"/><text x="${x + 15}" y="${y}">${escape(text)}</text>`);
    });
    this.x = logX ? pad(x, true) : x;
    this.y = pad(y, logY);
    const pretty = (v, log) => (log && (v >= 1e4 || v < 1e-3) ? v.toExponential(0).replace("+", "") : String(+v.toPrecision(6)));
    const shown = ticks(...this.x, logX), skip = narrow && shown.length > 6 ? 2 : 1;
    for (const v of shown.filter((_, i) => i % skip === 0)) {
      this.parts.push(`<line x1="${this.px(v)}" x2="${this.px(v)}" y1="${this.top}" y2="${height - this.bottom}" style="stroke:var(--rule);stroke-width:.6"/>`,
        `<text x="${this.px(v)}" y="${height - this.bottom + 18}" text-anchor="middle">${pretty(v, logX)}</text>`);
    }
    for (const v of ticks(...this.y, logY)) {
      this.parts.push(`<line x1="${this.left}" x2="${width - this.right}" y1="${this.py(v)}" y2="${this.py(v)}" style="stroke:var(--rule);stroke-width:.6"/>`,
        `<text x="${this.left - 6}" y="${this.py(v) + 4}" text-anchor="end">${pretty(v, logY)}</text>`);
    }
    this.parts.push(`<text x="${(width + this.left) / 2}" y="${height - this.bottom + 38}" text-anchor="middle">${escape(xLabel)}</text>`,
      `<text transform="translate(14 ${(height - this.bottom) / 2}) rotate(-90)" text-anchor="middle">${escape(yLabel)}</text>`);
  }
  place(v, range, log, from, to) {
    const f = log ? Math.log : (u) => u;
    return +(from + ((f(v) - f(range[0])) / (f(range[1]) - f(range[0]))) * (to - from)).toFixed(2);
  }
  px(v) { return this.place(v, this.x, this.logX, this.left, this.width - this.right); }
  py(v) { return this.place(v, this.y, this.logY, this.height - this.bottom, this.top); }
  line(points, color, { dash = "", width = 1.8, kind = "" } = {}) {
    const d = points.filter((p) => isFinite(p[1])).map((p, i) => `${i ? "L" : "M"}${this.px(p[0])} ${this.py(p[1])}`).join("");
    this.parts.push(`<path class="${kind}" d="${d}" style="fill:none;stroke:${color};stroke-width:${width}" stroke-dasharray="${dash}" clip-path="url(#${this.clip})"/>`);
  }
  dot(x, y, color, { r = 3, open = false, title = "", kind = "" } = {}) {
    this.parts.push(`<circle class="${kind}" cx="${this.px(x)}" cy="${this.py(y)}" r="${r}" style="fill:${open ? "var(--paper)" : color};stroke:${color}"><title>${escape(title)}</title></circle>`);
  }
  triangle(x, y, color, { open = false, title = "", kind = "" } = {}) {
    const a = this.px(x), b = this.py(y), s = 5.5;
    this.parts.push(`<path class="${kind}" d="M${a} ${b - s}L${a + s} ${b + s}L${a - s} ${b + s}Z" style="fill:${open ? "var(--paper)" : color};stroke:${color};stroke-width:1.4"><title>${escape(title)}</title></path>`);
  }
  cross(x, y, color, title = "", kind = "") {
    const a = this.px(x), b = this.py(y), s = 5;
    this.parts.push(`<path class="${kind}" d="M${a - s} ${b - s}L${a + s} ${b + s}M${a - s} ${b + s}L${a + s} ${b - s}" style="stroke:${color};stroke-width:2"><title>${escape(title)}</title></path>`);
  }
  into(where) {
    const w = this.width - this.left - this.right, h = this.height - this.top - this.bottom;
    where.innerHTML = `<svg viewBox="0 0 ${this.width} ${this.height}" role="img"><defs><clipPath id="${this.clip}"><rect x="${this.left}" y="${this.top}" width="${w}" height="${h}"/></clipPath></defs>${this.parts.join("")}</svg>`;
  }
}
Chart.made = 0;
const range = (xs) => [Math.min(...xs), Math.max(...xs)];
const grid = (from, to, n = 80) => Array.from({ length: n + 1 }, (_, i) => from + ((to - from) * i) / n);

// ---- curves
const chosen = (run, a, b, scale) =>
  (a === ALL || run.a === a) && (b === ALL || run.b === b) && (scale === ALL || String(run.C) === scale);
function drawCurves() {
  const k = +$("curve-prefix").value, p = data.prefixes[k], variant = $("curve-variant").value;
  const runs = data.runs.filter((r) => chosen(r, $("curve-a").value, $("curve-b").value, $("curve-scale").value));
  $("curve-prefix-text").textContent = percent(p);
  $("curve-table").innerHTML = "";
  if (!runs.length) {
    $("curve-chart").innerHTML = '<p class="none">No run has these settings, so there is nothing to draw or to fit. Set one of the choices to "all".</p>';
    $("curve-text").textContent = "";
    return;
  }
  const losses = runs.flatMap((r) => r.loss.filter((_, i) => r.tau[i] >= 0.02 || r.tau.length < 20));
  const ends = runs.map((r) => r.fits[variant][k]).filter((f) => f).map((f) => f[0]);
  const chart = new Chart({ x: [0, 1.02], y: range(losses.concat(ends)), xLabel: "progress (step / final step)", yLabel: "loss, nats",
    key: runs.length <= 12 ? runs.map((r, i) => [COLORS[i % COLORS.length], `${flops(r.C)} ${r.a} ${r.b}`]) : [] });
  chart.line([[p, chart.y[0]], [p, chart.y[1]]], "var(--muted)", { dash: "4 4", width: 1 });
  runs.forEach((run, i) => {
    const color = COLORS[i % COLORS.length], fit = run.fits[variant][k];
    run.tau.forEach((t, j) => run.loss[j] <= chart.y[1] && chart.dot(t, run.loss[j], color, { r: t <= p ? 2.2 : 1.4, open: t > p, title: `${run.id}: ${run.loss[j]} at ${t}` }));
    if (run.complete) chart.dot(1, final(run), color, { r: 5, open: true, title: `${run.id}: end ${final(run)}`, kind: "end" });
    if (fit) {
      chart.line(grid(0.02, p).map((t) => [t, evaluate(variant, fit, t)]), color, { width: 1.2 });
      chart.line(grid(p, 1).map((t) => [t, evaluate(variant, fit, t)]), color, { dash: "5 3", kind: "continuation" });
      chart.cross(1, fit[0], color, `${run.id}: predicted ${nats(fit[0])}`, "predicted");
    }
  });
  chart.into($("curve-chart"));
  const scored = runs.filter((r) => r.complete && r.fits[variant][k]);
  const errors = scored.map((r) => r.fits[variant][k][0] - final(r));
  $("curve-text").textContent = scored.length
    ? `${variant} at ${percent(p)}: mean error ${nats(mean(errors.map(Math.abs)))}, worst ${nats(Math.max(...errors.map(Math.abs)))}, bias ${nats(mean(errors))} nats over ${scored.length} runs; ${errors.filter((e) => e > 0).length} of them predicted too high.`
    : `Nothing can be fitted here: a fit needs three evaluations or more by ${percent(p)}, one of them near it, and a run that has ended to be checked on.`;
  const names = data.theta[variant.split("_")[0]];
  const bound = (r) => (r.fits[variant][k][0] >= Math.min(...r.loss.filter((_, j) => r.tau[j] <= p + 1e-12)) - 2e-7 ? "F at its bound" : "");
  const inside = (r) => mean(r.tau.flatMap((t, j) => (t <= p + 1e-12 ? [Math.abs(r.loss[j] - evaluate(variant, r.fits[variant][k], t))] : [])));
  table($("curve-table"), ["run", "scale", data.labels[0], data.labels[1], "end", "F (predicted)", "error", "A", ...names, "prefix MAE", "note"],
    scored.map((r, i) => [r.id, flops(r.C), r.a, r.b, nats(final(r)), nats(r.fits[variant][k][0]), nats(errors[i]), ...r.fits[variant][k].slice(1).map((v) => String(+v.toPrecision(3))), nats(inside(r)), bound(r)]), "");
}

// ---- records of (run, prefix, method, absolute error): what the map and the search read
const formRecords = data.runs.flatMap((run, i) => !run.complete ? [] : data.variants.flatMap((v) =>
  run.fits[v].flatMap((f, k) => (f ? [{ run: i, prefix: data.prefixes[k], method: v, error: Math.abs(f[0] - final(run)) }] : []))));
const jointRecords = data.joint.fits.flatMap((f) => Object.entries(f.runs).flatMap(([i, c]) => !data.runs[i].complete ? [] :
  [{ run: +i, prefix: f.prefix, method: jointName(f), error: Math.abs(jointLoss(f.form, c, 1) - final(data.runs[i])) }]));
function grouped(records, key) {
  const found = new Map();
  for (const r of records) { const k = key(r); if (!found.has(k)) found.set(k, []); found.get(k).push(r); }
  return found;
}

const brief = (m) => `${m.slice(0, 3)} ${m.endsWith("mae") ? "M" : "H"}`;
function drawMap() {
  const cells = grouped(formRecords, (r) => `${r.prefix}|${data.runs[r.run].C}`);
  const head = `<tr><th>seen</th>${data.scales.map((s) => `<th>${flops(s)} <span class="runs">(${data.runs.filter((r) => r.C === s && r.complete).length})</span></th>`).join("")}</tr>`;
  const rows = data.prefixes.map((p) => `<tr><td>${percent(p)}</td>${data.scales.map((s) => {
    const methods = [...grouped(cells.get(`${p}|${s}`) || [], (r) => r.method)].map(([m, rs]) => [m, mean(rs.map((r) => r.error))]);
    if (!methods.length) return '<td class="cell none">none</td>';
    const [m, e] = methods.reduce((a, b) => (b[1] < a[1] ? b : a));
    return `<td class="cell" style="background:${FORM_COLORS[m.split("_")[0]]}"><span class="whole">${m.replace("_", " ")}</span><span class="brief">${brief(m)}</span><br>${nats(e)}</td>`;
  }).join("")}</tr>`);
  $("map-chart").innerHTML = `<table class="map"><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>`;
}

// ---- every method at every prefix
const simpleRecords = data.runs.flatMap((run, i) => !run.complete ? [] : data.simple.flatMap((m) =>
  run.simple[m].flatMap((v, k) => (v == null ? [] : [{ run: i, prefix: data.prefixes[k], method: m, error: Math.abs(v - final(run)) }]))));
const allRecords = formRecords.concat(simpleRecords);
const methodName = (m) => m.replace(/_/g, " ").replace("auto", "the predictor");
function scoredBy(records) {
  return [...grouped(records, (r) => `${r.prefix}|${r.method}`).values()].map((rs) =>
    ({ prefix: rs[0].prefix, method: rs[0].method, mean: mean(rs.map((r) => r.error)), worst: Math.max(...rs.map((r) => r.error)), n: rs.length }));
}
const scores = scoredBy(allRecords);
function drawMethods() {
  const p = data.prefixes[+$("method-prefix").value];
  $("method-prefix-text").textContent = percent(p);
  if (!scores.length) {
    $("method-chart").innerHTML = '<p class="none">No run has ended, so no method can be scored.</p>';
    return;
  }
  const names = data.simple.concat(data.variants).filter((m) => scores.some((s) => s.method === m));
  const lines = names.map((m) => [m, scores.filter((s) => s.method === m).map((s) => [s.prefix, s.mean])]);
  const chart = new Chart({ x: [0.08, 0.92], y: range(scores.map((s) => s.mean).filter((v) => v > 0)), logY: true, xLabel: "seen", yLabel: "mean error of the end, nats", height: 400,
    key: lines.map(([m], i) => [COLORS[i % COLORS.length], methodName(m)]) });
  chart.line([[p, chart.y[0]], [p, chart.y[1]]], "var(--muted)", { dash: "4 4", width: 1 });
  lines.forEach(([m, points], i) => chart.line(points, COLORS[i % COLORS.length], { width: data.variants.includes(m) ? 1.2 : 2.2, dash: data.variants.includes(m) ? "" : "7 3", kind: "method" }));
  chart.into($("method-chart"));
  const row = (s) => [methodName(s.method), nats(s.mean), nats(s.worst), s.n];
  table($("method-table"), ["method", "mean", "worst", "runs"], scores.filter((s) => s.prefix === p).sort((a, b) => a.mean - b.mean).map(row), `Nothing can be fitted at ${percent(p)}.`);
  table($("method-all"), ["method", "seen", "mean", "worst"], [...scores].sort((a, b) => a.prefix - b.prefix || a.mean - b.mean).map((s) => [methodName(s.method), percent(s.prefix), nats(s.mean), nats(s.worst)]), "");
  const c = data.choice;
  $("method-choice").textContent = c
    ? `Which one would one have chosen? On the runs up to ${flops(data.heldOut)}, the earliest pair nearly as good as the best (within 10 % and 0.002 nats) is ${methodName(c.method)} at ${percent(c.prefix)}: mean error ${nats(c.mean, 5)} there` + (c.heldOutMean == null ? "." : `, ${nats(c.heldOutMean, 5)} on the held-out scales, which had no say.`)
    : "";
}

// ---- target search: a (prefix, method) counts only if it predicts every completed run of the regime within the target
function search(records, runs, target) {
  const inside = new Set(runs);
  const rows = [];
  for (const rs of grouped(records.filter((r) => inside.has(r.run)), (r) => `${r.prefix}|${r.method}`).values()) {
    const errors = rs.map((r) => r.error), worst = Math.max(...errors);
    if (rs.length === inside.size && worst <= target)
      rows.push({ prefix: rs[0].prefix, method: rs[0].method, worst, mean: mean(errors), n: rs.length, scales: unique(rs.map((r) => data.runs[r.run].C)).sort((a, b) => a - b) });
  }
  return rows.sort((a, b) => a.prefix - b.prefix || a.worst - b.worst || a.mean - b.mean);
}
function drawSearch() {
  const target = +$("search-target").value;
  const indices = (test) => data.runs.flatMap((r, i) => (r.complete && test(r) ? [i] : []));
  const regime = (r) => chosen(r, $("search-a").value, $("search-b").value, ALL);
  const head = ["seen", "method", "worst", "mean", "runs", "scales"];
  const show = (r) => [percent(r.prefix), methodName(r.method), nats(r.worst), nats(r.mean), r.n, r.scales.map(flops).join(" ")];
  const whole = (id, records, runs) => table($(id), head, search(records, runs, target).slice(0, 12).map(show),
    !runs.length ? "No completed run has these settings." : !records.length ? "Nothing could be fitted." : `No prefix and method predicts all ${runs.length} runs to within ${target}.`);
  const perScale = (id, records, test) => {
    const parts = data.scales.map((s) => [s, indices((r) => test(r) && r.C === s)]).filter(([, runs]) => runs.length);
    table($(id), ["scale", ...head.slice(0, 5)], parts.flatMap(([s, runs]) => {
      const found = search(records, runs, target).slice(0, 5);
      return found.length ? found.map((r) => [flops(s), ...show(r).slice(0, 5)]) : [[flops(s), "none", `no method meets ${target}`, "", "", runs.length]];
    }), "No completed run has these settings.");
  };
  whole("search-regime", formRecords, indices(regime));
  perScale("search-scale", formRecords, regime);
  whole("search-all", formRecords, indices(() => true));
  perScale("search-all-scale", formRecords, () => true);
  whole("joint-regime", jointRecords, indices(regime));
  perScale("joint-scale", jointRecords, regime);
}

// ---- endpoint laws
const lawValue = (form, fit, C) => (form === "floor" ? fit.E + fit.A * Math.pow(C / data.laws.unit, -fit.alpha) : Math.exp(fit.intercept + fit.slope * Math.log(C)));
function drawLaws() {
  const k = +$("law-cutoff").value, stop = data.laws.stops[k], form = $("law-loglog").checked ? "loglog" : "floor", a = $("law-a").value;
  const mine = (p) => a === ALL || p.a === a;
  const points = data.laws.points.filter(mine);
  if (!points.length || stop === undefined) {
    $("law-chart").innerHTML = '<p class="none">Nothing can be fitted: endpoint laws need completed runs of one recipe at three scales or more (a log-log line: two).</p>';
    return;
  }
  const fits = data.laws.fits[form][k].filter(mine);
  const recipes = unique(points.map((p) => `${p.a}|${p.b}`)), span = range(points.map((p) => p.C));
  const beyond = points.filter((p) => p.C > stop * 1.000001).flatMap((p) => {
    const fit = fits.find((f) => f.a === p.a && f.b === p.b);
    return fit ? [{ ...p, predicted: lawValue(form, fit, p.C) }] : [];
  });
  const chart = new Chart({ x: span, y: range(points.map((p) => p.loss).concat(beyond.map((p) => p.predicted))), logX: true, logY: true, xLabel: "compute, FLOPs", yLabel: "final loss, nats", height: 440,
    key: recipes.length <= 12 ? recipes.map((r, i) => [COLORS[i % COLORS.length], r.replace("|", " ")]) : [] });
  const edge = stop * 1.25;
  chart.line([[edge, chart.y[0]], [edge, chart.y[1]]], "var(--muted)", { dash: "5 4", width: 1.2, kind: "cutoff" });
  const steps = grid(Math.log(span[0]), Math.log(span[1])).map(Math.exp);
  for (const fit of fits) {
    const color = COLORS[recipes.indexOf(`${fit.a}|${fit.b}`) % COLORS.length];
    chart.line(steps.map((C) => [C, lawValue(form, fit, C)]), color, { kind: "law" });
  }
  for (const p of points) {
    const color = COLORS[recipes.indexOf(`${p.a}|${p.b}`) % COLORS.length], open = p.C > stop * 1.000001, title = `${p.a} ${p.b}: ${p.loss} at ${flops(p.C)}`;
    if (p.C > data.heldOut * 1.000001) chart.triangle(p.C, p.loss, color, { open, title, kind: "held-out" });
    else chart.dot(p.C, p.loss, color, { r: 4, open, title, kind: "rung" });
  }
  for (const p of beyond) chart.cross(p.C, p.predicted, COLORS[recipes.indexOf(`${p.a}|${p.b}`) % COLORS.length], `predicted ${nats(p.predicted)}`);
  chart.into($("law-chart"));
  $("law-cutoff-text").textContent = flops(stop);
  $("law-floor").hidden = form !== "floor";
  $("law-line").hidden = form === "floor";
  $("law-says").textContent = form === "floor"
    ? `E is the loss that no compute goes below, A what a run of ${flops(data.laws.unit)} is above it, α how fast that falls; least squares of the loss, E below the least loss seen.`
    : "No floor: b is the slope, a the intercept; least squares of the log loss.";
  $("law-formulas").innerHTML = fits.map((f) => `<li>${escape(f.a)} ${escape(f.b)}: ${form === "floor"
    ? `L = ${f.E.toFixed(4)} + ${f.A.toFixed(4)}·(C/${flops(data.laws.unit)})<sup>−${f.alpha.toFixed(4)}</sup>`
    : `L = exp(${f.intercept.toFixed(4)} ${f.slope < 0 ? "−" : "+"} ${Math.abs(f.slope).toFixed(4)}·ln C)`}</li>`).join("")
    || '<li class="none">No recipe has enough endpoints up to this cut-off: nothing can be fitted.</li>';
  $("law-remark").textContent = `All recipes, ${data.laws.remarks[form][k]}.`;
  beyond.sort((p, q) => (p.a < q.a ? -1 : p.a > q.a ? 1 : 0) || (p.b < q.b ? -1 : p.b > q.b ? 1 : 0) || p.C - q.C);
  table($("law-misses"), [data.labels[0], data.labels[1], "scale", "actual", "predicted", "error", "|error|", "%", "|%|"],
    beyond.map((p) => { const e = p.predicted - p.loss, r = (100 * e) / p.loss; return [p.a, p.b, flops(p.C), nats(p.loss, 5), nats(p.predicted, 5), nats(e, 5), nats(Math.abs(e), 5), r.toFixed(2), Math.abs(r).toFixed(2)]; }),
    "Every endpoint is fitted: nothing is left to check against.");
  const constants = form === "floor" ? ["E", "A", "alpha"] : ["slope", "intercept"];
  table($("law-fits"), [data.labels[0], data.labels[1], "n", ...constants, "R² (loss)", form === "floor" ? "RMSE" : "RMSE (log)", "at bound"],
    fits.map((f) => [f.a, f.b, f.n, ...constants.map((c) => f[c].toFixed(4)), nats(f.r2), nats(form === "floor" ? f.rmse : f.rmse_log, 5), f.at_bound.join(" ")]),
    "Nothing can be fitted: no recipe has enough endpoints up to the cut-off.");
}

// ---- joint fits
function drawJoint() {
  const method = $("joint-method").value, p = +$("joint-prefix").value, fit = data.joint.fits.find((f) => jointName(f) === method && f.prefix === p);
  if (!data.joint.fits.length) {
    $("joint-errors").innerHTML = `<p class="none">No joint fit could be made with these runs. ${escape(data.joint.skipped[0] || "They need numbers among the labels, and three completed runs of a scale.")}</p>`;
    return;
  }
  const methods = unique(data.joint.fits.map(jointName));
  const lines = methods.map((m) => [m, [...grouped(jointRecords.filter((r) => r.method === m), (r) => r.prefix)].map(([q, rs]) => [q, mean(rs.map((r) => r.error))])]);
  const best = data.prefixes.map((q) => [q, Math.min(...[...grouped(formRecords.filter((r) => r.prefix === q), (r) => r.method).values()].map((rs) => mean(rs.map((r) => r.error))))]).filter((b) => isFinite(b[1]));
  const shown = best.filter((b) => b[0] >= Math.min(...data.joint.prefixes) - 1e-9);
  const errors = new Chart({ x: [0.2, 0.95], y: range(lines.concat([["", shown]]).flatMap((l) => l[1].map((q) => q[1]))), logY: true, xLabel: "seen", yLabel: "mean endpoint error, nats", width: 1040, height: 360,
    key: lines.map(([m], i) => [COLORS[i % COLORS.length], m.replace("joint_", "")]).concat([["var(--muted)", "best single form, in hindsight"]]) });
  errors.line(shown, "var(--muted)", { dash: "4 3" });
  lines.forEach(([m, points], i) => { errors.line(points, COLORS[i % COLORS.length], { width: m === method ? 3 : 1.3 }); points.forEach((q) => errors.dot(...q, COLORS[i % COLORS.length], { title: `${m}: ${nats(q[1])}` })); });
  errors.into($("joint-errors"));
  if (!fit) { $("joint-text").textContent = `${method} could not be fitted at ${percent(p)}.`; return; }
  const pairs = Object.entries(fit.runs).filter(([i]) => data.runs[i].complete).map(([i, c]) => [final(data.runs[i]), jointLoss(fit.form, c, 1), data.runs[i]]);
  const both = range(pairs.flatMap((q) => [q[0], q[1]]));
  const scatter = new Chart({ x: [both[0] - 0.02, both[1] + 0.02], y: both, xLabel: "observed end, nats", yLabel: "predicted end, nats", width: 520, height: 360 });
  scatter.line([[both[0], both[0]], [both[1], both[1]]], "var(--muted)", { dash: "4 3", width: 1 });
  pairs.forEach(([x, y, r]) => scatter.dot(x, y, COLORS[data.scales.indexOf(r.C) % COLORS.length], { r: 4, title: r.id, kind: "pair" }));
  scatter.into($("joint-scatter"));
  const i = +$("joint-run").value, run = data.runs[i], c = fit.runs[i];
  const chart = new Chart({ x: [0, 1.02], y: range(run.loss.filter((_, j) => run.tau[j] >= 0.02).concat(c ? [jointLoss(fit.form, c, 1)] : [])), xLabel: "progress", yLabel: "loss, nats", width: 520, height: 360 });
  run.tau.forEach((t, j) => run.loss[j] <= chart.y[1] && chart.dot(t, run.loss[j], COLORS[0], { r: 2, open: t > p }));
  chart.line([[p, chart.y[0]], [p, chart.y[1]]], "var(--muted)", { dash: "4 4", width: 1 });
  if (c) { chart.line(grid(0.01, 1).map((t) => [t, jointLoss(fit.form, c, t)]), COLORS[3], { kind: "joint-line" }); chart.cross(1, jointLoss(fit.form, c, 1), COLORS[3]); }
  if (run.complete) chart.dot(1, final(run), COLORS[0], { r: 5, open: true });
  chart.into($("joint-curve"));
  const sizes = pairs.map((q) => Math.abs(q[1] - q[0]));
  $("joint-text").textContent = `${method} at ${percent(p)}: mean error ${nats(mean(sizes))}, worst ${nats(Math.max(...sizes))} nats over ${pairs.length} runs.` + (c ? "" : ` ${run.id} is in no joint fit of this scope.`);
}

// ---- controls
$("title").textContent = document.title = data.title;
for (const side of [0, 1]) for (const e of document.querySelectorAll(side ? ".name-b" : ".name-a")) e.textContent = data.labels[side];
const as = [ALL, ...unique(data.runs.map((r) => r.a)).sort()], bs = [ALL, ...unique(data.runs.map((r) => r.b)).sort()];
options($("curve-a"), as); options($("curve-b"), bs); options($("search-a"), as); options($("search-b"), bs);
options($("curve-scale"), [ALL, ...data.scales], (v) => (v === ALL ? v : flops(v)));
options($("curve-variant"), data.variants);
$("curve-variant").value = "rational_huber";
$("curve-prefix").max = data.prefixes.length - 1;
$("curve-prefix").value = data.prefixes.indexOf(0.5);
$("method-prefix").max = data.prefixes.length - 1;
$("method-prefix").value = data.prefixes.indexOf(0.5);
$("curve-scale").value = String(data.scales.length ? data.scales[0] : ALL);
options($("search-target"), data.targets);
$("search-target").value = "0.02";
if (as.includes("p33m67")) $("search-a").value = "p33m67";
options($("law-a"), [ALL, ...unique(data.laws.points.map((p) => p.a)).sort()]);
$("law-a").value = $("law-a").options[Math.min(1, $("law-a").options.length - 1)].value;
$("law-cutoff").max = Math.max(data.laws.stops.length - 1, 0);
$("law-cutoff").value = data.laws.start;
options($("joint-method"), unique(data.joint.fits.map(jointName)));
if (data.joint.fits.some((f) => jointName(f) === "joint_by_flop_power_drift")) $("joint-method").value = "joint_by_flop_power_drift";
options($("joint-prefix"), data.joint.prefixes, percent);
$("joint-prefix").value = String(data.joint.prefixes[data.joint.prefixes.length - 1]);
options($("joint-run"), data.runs.map((_, i) => i), (i) => data.runs[i].id);
$("joint-run").value = String(data.runs.findIndex((r) => r.C === data.scales[data.scales.length - 1]));
for (const [draw, ids] of [
  [drawCurves, ["curve-a", "curve-b", "curve-scale", "curve-variant", "curve-prefix"]],
  [drawMethods, ["method-prefix"]],
  [drawSearch, ["search-target", "search-a", "search-b"]],
  [drawLaws, ["law-a", "law-cutoff", "law-loglog"]],
  [drawJoint, ["joint-method", "joint-prefix", "joint-run"]],
]) for (const id of ids) $(id).addEventListener("input", draw);
const drawAll = () => { drawCurves(); drawMethods(); drawMap(); drawSearch(); drawLaws(); drawJoint(); };
let narrow = window.innerWidth < 620;
window.addEventListener("resize", () => { if (narrow !== window.innerWidth < 620) { narrow = !narrow; drawAll(); } });
drawAll();
