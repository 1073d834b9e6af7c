// The page: sends requests, keeps recorded frames and shows any month of them. It computes differences and no other number.
"use strict";
(() => {
  const $id = (id) => document.getElementById(id);
  const all = (query, root) => [...(root || document).querySelectorAll(query)];
  const runs = { baseline: null, scenario: null };
  const view = { month: 0, outcome: "tension", scope: "region", mapOutcome: "tension", who: "", only: false };
  let facts = null, state = null, band = null, lessons = [], lesson = null;
  let moveChart = () => {}, moveDifference = () => {}, colourMap = {}, colour = null, drawn = false, playing = null;
  const notes = [];

  // Requests: one edit is sent at a time; of several changes to one control only the last is sent.
  let count = 0, busy = 0;
  const queue = new Map();
  function request(content) { Shiny.setInputValue("request", { ...content, n: ++count }, { priority: "event" }); }
  function edit(path, value) { queue.set(path, { action: "edit", path, value }); flush(); }
  function flush() {
    if (!queue.size || Date.now() - busy < 1500) return;
    const [key, next] = queue.entries().next().value;
    queue.delete(key);
    busy = Date.now();
    request(next);
  }
  setInterval(flush, 200);
  function say(text) { $id("said").textContent = text; }
  const get = (content, path) => path.split(".").reduce((at, key) => (at === undefined || at === null ? undefined : at[key]), content);

  // Controls -----------------------------------------------------------------------------------------------------
  document.addEventListener("input", (event) => {
    const el = event.target;
    if (el.type !== "range" || !el.dataset.path) return;
    partner(el).forEach((other) => { other.value = el.value; });
    mark(el.closest(".control"), Number(el.value));
    edit(el.dataset.path, Number(el.value));
  });
  document.addEventListener("change", (event) => {
    const el = event.target, data = el.dataset;
    if (data.path && el.type !== "range") {
      const empty = el.value.trim() === "";
      const value = el.type === "number" ? (empty ? null : Number(el.value)) : empty ? null : el.value;
      if (data.default !== undefined && empty) { el.value = data.default; edit(data.path, Number(data.default)); return; }
      edit(data.path, value);
    } else if (data.switch) {
      const slider = document.querySelector(`input[type=range][data-path="${data.switch}"]`);
      if (!el.checked) data.before = slider.value;
      edit(data.switch, el.checked ? Number(data.before) || 1 : 0);
    } else if (data.list) {
      const chosen = all(`[data-list="${data.list}"]:checked`).map((one) => one.value);
      edit(data.list, chosen.length ? chosen : null);
    } else if (data.many) {
      const chosen = [...el.selectedOptions].map((one) => one.value);
      edit(data.many, chosen.length ? chosen : null);
    } else if (data.words !== undefined && el.type === "text") {
      const keys = el.value.split(",").map((one) => one.trim()).filter(Boolean);
      edit(data.words, keys.length ? keys : null);
    } else if (data.set) {
      request({ action: "set", name: data.set, value: el.type === "checkbox" ? el.checked : Number(el.value) });
    } else if (data.institutions !== undefined) {
      edit("institutions", el.checked ? "adaptive" : "scripted");
    } else if (data.add && el.value) {
      request({ action: "add", kind: data.add, name: el.value });
      el.value = "";
    } else if (el.id === "pick-open") request({ action: "open", name: el.value });
    else if (el.id === "pick-baseline") request({ action: "set", name: "baseline", value: el.value });
    else if (data.load !== undefined) load(el);
  });
  document.addEventListener("click", (event) => {
    const el = event.target.closest("button, a");
    if (!el) return;
    if (el.dataset.remove) {
      const card = el.closest(".card");
      edit(el.dataset.remove, null);
      if (card) { document.querySelector('[data-add="interventions"]').focus(); say("Removed"); }
    } else if (el.dataset.lesson) openLesson(el.dataset.lesson, 0);
    else if (el.dataset.download) { event.preventDefault(); download(el); }
  });
  function partner(el) { return all(`[data-path="${el.dataset.path}"]`).filter((one) => one !== el); }

  function mark(control, value) {
    if (!control || !control.dataset.control) return;
    const slider = control.querySelector("input[type=range]"), { low, high } = slider.dataset;
    const out = value < Number(low) - 1e-12 || value > Number(high) + 1e-12;
    const span = Number(slider.max) - Number(slider.min) || 1, share = (v) => ((v - slider.min) / span) * 100 + "%";
    slider.style.setProperty("--from", share(low));
    slider.style.setProperty("--to", share(high));
    control.classList.toggle("is-outside", out);
    control.querySelector(".outside").hidden = !out;
    all("input", control).forEach((el) => el.setAttribute("aria-invalid", out ? "true" : "false"));
    const reset = control.querySelector("button[data-remove]");
    if (reset) { control.classList.toggle("is-changed", value !== Number(slider.dataset.default)); reset.hidden = !control.classList.contains("is-changed"); }
  }

  function sync() {
    if (!state) return;
    for (const el of all("[data-path]")) {
      const known = get(state.content, el.dataset.path);
      const value = known !== undefined ? known : el.dataset.default !== undefined ? el.dataset.default : "";
      if (el !== document.activeElement || state.fresh) { if (String(el.value) !== String(value)) el.value = value; }
      if (el.type === "range") mark(el.closest(".control"), Number(value));
    }
    for (const el of all("[data-switch]")) el.checked = Number(get(state.content, el.dataset.switch) ?? 1) > 0;
    for (const el of all("[data-set]")) {
      const value = state.settings[el.dataset.set];
      if (el.type === "checkbox") el.checked = value; else if (el !== document.activeElement) el.value = value;
    }
    document.querySelector("[data-institutions]").checked = state.content.institutions === "adaptive";
    for (const family of all("[data-family]")) {
      const changed = all(".is-changed", family).length;
      const total = all(".parameter", family).length;
      family.querySelector(".count").textContent = changed ? `${total}, ${changed} changed` : total;
    }
  }
  new MutationObserver(sync).observe($id("programmes"), { childList: true });

  $id("find").addEventListener("input", () => {
    const words = $id("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    let hits = 0;
    for (const family of all("[data-family]")) {
      let here = 0;
      for (const row of all(".parameter", family)) {
        row.hidden = !words.every((word) => row.dataset.words.includes(word));
        here += !row.hidden;
      }
      family.hidden = !here;
      family.open = words.length > 0 && here > 0;
      hits += here;
    }
    $id("found").textContent = words.length ? `${hits} parameter${hits === 1 ? "" : "s"}` : "";
  });

  function fill(select, options, value) {
    select.replaceChildren(...options.map(([key, words]) => new Option(words, key)));
    select.value = value;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }
  function list(el, lines) {
    el.replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    el.hidden = !lines.length;
  }

  // Messages -----------------------------------------------------------------------------------------------------
  const handlers = {
    lessons(message) { lessons = message.list; },
    state(message) {
      state = message; busy = 0;
      list($id("problems"), message.problems);
      list($id("warnings"), message.problems.length ? [] : message.warnings);
      document.body.classList.toggle("stale", message.problems.length > 0);
      $id("yaml").value = message.text;
      $id("command").value = message.command;
      $id("save-bare").hidden = !message.bare;
      if (message.baselines) {
        const words = (name) => (name === "without" ? "the same without programmes and shocks" : name.replaceAll("_", " "));
        fill($id("pick-baseline"), message.baselines.map((name) => [name, words(name)]), message.settings.baseline);
      }
      $id("pick-open").value = message.origin;
      sync();
      try { sessionStorage.setItem("stabsim", JSON.stringify({ text: message.text, ...message.settings })); } catch (error) { /* full or forbidden: nothing is kept */ }
      flush();
    },
    problems(message) { busy = 0; list($id("problems"), message.list); $id("problems").scrollIntoView({ block: "nearest" }); flush(); },
    added(message) {
      setTimeout(() => { const card = document.querySelector(`[data-label="${CSS.escape(message.label)}"] input`); if (card) card.focus(); }, 250);
      say("Added");
    },
    facts(message) {
      const fresh = !facts || facts.months !== message.months || facts.start.join() !== message.start.join() || facts.map.districts.length !== message.map.districts.length;
      facts = message; band = null; drawn = false;
      fill($id("outcome"), [...facts.outcomes].sort((a, b) => b.headline - a.headline).map((o) => [o.name, o.label]), view.outcome);
      fill($id("scope"), facts.scopes.map((key, i) => [key, facts.scope_names[i]]), view.scope);
      fill($id("mapOutcome"), facts.map_outcomes.map((m) => [m.name, m.label]), view.mapOutcome);
      readChoosers();
      $id("month").max = facts.months - 1;
      if (fresh) { view.month = facts.months - 1; runs.baseline = runs.scenario = null; }
      if (lesson && lesson.month !== undefined && lesson.month !== null) { view.month = Math.min(lesson.month, facts.months - 1); lesson.month = null; }
      view.month = Math.min(view.month, facts.months - 1);
      $id("pair-title").textContent = facts.titles[0] === facts.titles[1] ? facts.titles[1] : `${facts.titles[1]}, compared with ${facts.titles[0]}`;
      for (const [role, i] of [["baseline", 0], ["scenario", 1]]) {
        const words = (role === "baseline" ? "Baseline: " : "Your scenario: ") + facts.titles[i];
        $id("key-" + role).textContent = words;
        $id("title-" + role).textContent = words;
        $id("log-title-" + role).textContent = words;
        colourMap[role] = Draw.map($id("map-" + role), facts.map, (d) => describe(d));
      }
    },
    frames(message) {
      const part = JSON.parse(message.text);
      if (!facts || message.turn !== facts.turn) return;
      if (part.first === 0) runs[message.role] = { turn: message.turn, ...part };
      else if (runs[message.role] && runs[message.role].turn === message.turn) {
        const run = runs[message.role];
        for (const name in part.series) run.series[name] = run.series[name].concat(part.series[name]);
        for (const name in part.districts) run.districts[name] = run.districts[name].concat(part.districts[name]);
        run.lines = run.lines.concat(part.lines);
        run.months += part.months; run.last = part.last;
      }
      schedule();
    },
    replications(message) { replicated(message); },
  };

  // Drawing ------------------------------------------------------------------------------------------------------
  let scheduled = false;
  function schedule() {
    drawn = false;
    if (!scheduled) { scheduled = true; requestAnimationFrame(() => { scheduled = false; redraw(); }); }
  }
  const both = () => runs.baseline && runs.scenario;
  const column = (run, outcome) => run.series[outcome].map((row) => row[Math.max(facts.scopes.indexOf(view.scope), 0)]);
  const outcome = () => facts.outcomes.find((one) => one.name === view.outcome);

  function redraw() {
    if (!facts || !both()) return;
    const item = outcome(), baseline = column(runs.baseline, item.name), scenario = column(runs.scenario, item.name);
    const n = Math.min(baseline.length, scenario.length), shared = band && view.scope === "region" ? band : null;
    const bands = shared ? ["baseline", "scenario"].map((name) => ({ name, low: shared[name][item.name].region[1], high: shared[name][item.name].region[2] })) : [];
    moveChart = Draw.chart($id("chart"), { months: facts.months, start: facts.start, zero: item.kind === "flow", height: 230, bands,
      lines: [{ name: "baseline", values: baseline }, { name: "scenario", values: scenario }] });
    const difference = []; let sum = 0;
    for (let m = 0; m < n; m++) { sum += scenario[m] - baseline[m]; difference.push(item.kind === "flow" ? sum : scenario[m] - baseline[m]); }
    const rows = shared ? shared.difference[item.name].region : null;
    const lines = [{ name: "gap", values: difference }];
    if (rows) lines.push({ name: "mean", values: rows[0] });
    moveDifference = Draw.chart($id("difference"), { months: facts.months, start: facts.start, zero: true, height: 130, lines,
      bands: rows ? [{ name: "spread", low: rows[3], high: rows[4] }, { name: "interval", low: rows[1], high: rows[2] }] : [] });
    $id("key-band").hidden = !shared;
    view.difference = difference; view.values = { baseline, scenario };
    listAgents();
    colour = Draw.ramp();
    view.limit = Math.max(1e-9, ...["baseline", "scenario"].flatMap((name) => runs[name].districts[view.mapOutcome].map((row) => Math.max(...row))));
    drawScale();
    document.body.dataset.turn = facts.turn;
    document.body.dataset.complete = runs.baseline.last && runs.scenario.last && runs.baseline.turn === facts.turn && runs.scenario.turn === facts.turn;
    drawn = true;
    show();
  }

  const NAMES = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
  function dateOf(month, short) {
    const at = facts.start[0] * 12 + facts.start[1] - 1 + month, name = NAMES[at % 12];
    return short ? `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, "0")}` : `${name} ${Math.floor(at / 12)}`;
  }

  // Everything that depends on the month, and nothing else.
  function show() {
    if (!facts) return;
    const m = view.month, item = outcome(), slider = $id("month");
    slider.value = m;
    slider.setAttribute("aria-valuetext", `${dateOf(m)}, month ${m + 1} of ${facts.months}`);
    $id("when").textContent = `${dateOf(m)} \u00b7 ${m + 1} of ${facts.months}`;
    if (!drawn || !both() || view.values.baseline[m] === undefined || view.values.scenario[m] === undefined) return;
    moveChart(m); moveDifference(m);
    const where = facts.scope_names[facts.scopes.indexOf(view.scope)];
    const { baseline, scenario } = view.values, gap = view.difference[m];
    $id("chart-words").textContent = `${item.label}, ${item.unit}. ${where}, ${dateOf(m)}: baseline ${Draw.number(baseline[m])}, your scenario ${Draw.number(scenario[m])}.`;
    const mean = band && view.scope === "region" ? band.difference[item.name].region : null;
    const many = mean ? ` Mean of ${band.n} pairs ${Draw.number(mean[0][m], true)}, 95 % interval ${Draw.number(mean[1][m], true)} to ${Draw.number(mean[2][m], true)}.` : "";
    $id("difference-words").textContent = `${item.kind === "flow" ? "Difference so far, running total" : "Difference this month"}: ${gap === 0 ? "exactly zero" : Draw.number(gap, true)} in this run.${many}`;
    for (const name of ["baseline", "scenario"]) {
      const values = runs[name].districts[view.mapOutcome][m];
      colourMap[name](values, (v) => colour(shade(v)));
      const top = values.map((v, i) => [v, i]).filter(([v]) => v > 0).sort((a, b) => b[0] - a[0]).slice(0, 3);
      $id("map-words-" + name).textContent = top.length ? "Highest: " + top.map(([v, i]) => `${facts.map.districts[i].name} ${Draw.number(v)}`).join(", ") + "." : "Nothing in any district this month.";
      logs(name, m);
    }
    index(m);
  }

  // Counts are rare and large: their colours follow the square root, so that small ones can be seen.
  const shade = (v) => (view.mapOutcome === "tension" ? v / view.limit : Math.sqrt(v / view.limit));
  function drawScale() {
    const { unit } = facts.map_outcomes.find((one) => one.name === view.mapOutcome);
    const holder = $id("scale"), bar = document.createElement("span"), steps = [0, 0.25, 0.5, 0.75, 1];
    bar.className = "bar";
    bar.style.background = `linear-gradient(to right, ${steps.map((s) => colour(s)).join(",")})`;
    const text = (words) => Object.assign(document.createElement("span"), { textContent: words });
    const half = view.mapOutcome === "tension" ? view.limit / 2 : view.limit / 4;
    holder.replaceChildren(text("0"), bar, text(`${Draw.number(view.limit)}${unit === "0 to 1" ? "" : " " + unit}; middle ${Draw.number(half)}`));
  }
  function describe(district) {
    if (!drawn) return;
    const d = facts.map.districts[district], value = (name) => Draw.number(runs[name].districts[view.mapOutcome][view.month][district]);
    $id("place").textContent = `${d.name} (${d.state}, key ${d.key}): baseline ${value("baseline")}, your scenario ${value("scenario")}`;
  }

  const PARTS = [["stability", "Stability index", 100], ["pressure", "Pressure", 1], ["weakness", "Weakness", 1], ["coping_gap", "Lack of coping", 1]];
  function index(m) {
    const holder = $id("index");
    if (!holder.firstChild) {
      const table = document.createElement("table"), head = table.createTHead().insertRow();
      ["Of the chosen place", "Baseline", "Your scenario", "Difference"].forEach((words) => head.appendChild(Object.assign(document.createElement("th"), { textContent: words, scope: "col" })));
      const body = table.createTBody();
      for (const [name, words] of PARTS) {
        const row = body.insertRow();
        row.dataset.name = name;
        row.appendChild(Object.assign(document.createElement("th"), { textContent: words, scope: "row" }));
        for (const role of ["baseline", "scenario"]) {
          const cell = row.insertCell(), meter = document.createElement("span");
          cell.append(document.createElement("span"), meter);
          meter.className = "meter " + role;
          meter.appendChild(document.createElement("i"));
        }
        row.insertCell();
      }
      holder.appendChild(table);
    }
    PARTS.forEach(([name, , top], i) => {
      const cells = holder.querySelector("tbody").rows[i].cells;
      const values = ["baseline", "scenario"].map((role) => column(runs[role], name)[m]);
      values.forEach((value, w) => {
        cells[w + 1].firstChild.textContent = top === 100 ? value.toFixed(1) : value.toFixed(3);
        cells[w + 1].querySelector("i").style.width = (100 * value) / top + "%";
      });
      cells[3].textContent = Draw.number(values[1] - values[0], true);
    });
  }

  const key = (line) => line.join("|");
  const group = (line) => line[1].split(" (")[0];
  function listAgents() {
    const found = new Set(["baseline", "scenario"].flatMap((name) => runs[name].lines.map(group)));
    fill($id("who"), [["", "everyone"], ...[...found].sort().map((name) => [name, name])], view.who);
    view.who = $id("who").value;
    for (const name of ["baseline", "scenario"]) {
      const other = new Set(runs[name === "baseline" ? "scenario" : "baseline"].lines.map(key));
      runs[name].differs = new Set(runs[name].lines.map(key).filter((one) => !other.has(one)));
    }
  }
  function logs(name, month) {
    const run = runs[name], holder = $id("log-" + name);
    const lines = run.lines.filter((line) => line[0] <= month && (!view.who || group(line) === view.who) && (!view.only || run.differs.has(key(line))));
    const shown = lines.slice(-60).reverse();
    holder.replaceChildren(...shown.map((line) => {
      const item = document.createElement("li"), [m, who, what, why] = line, time = document.createElement("time");
      time.textContent = dateOf(m, true);
      item.append(time, " ");
      if (who !== "programme" && who !== "region") item.append(Object.assign(document.createElement("b"), { textContent: who + " " }));
      item.append(`${what}${why && who !== "region" ? ": " + why : ""}`);
      if (run.differs.has(key(line))) { item.className = "differs"; item.append(Object.assign(document.createElement("em"), { textContent: " only here" })); }
      if (m === month) item.classList.add("fresh");
      return item;
    }));
    if (!shown.length) holder.append(Object.assign(document.createElement("li"), { className: "none", textContent: view.only ? "Nothing differs up to this month." : "No decision up to this month." }));
    else if (lines.length > shown.length) holder.append(Object.assign(document.createElement("li"), { className: "none", textContent: `and ${lines.length - shown.length} earlier; download Decisions (CSV) for all` }));
  }

  // Time ---------------------------------------------------------------------------------------------------------
  function go(month) { if (facts) { view.month = Math.min(Math.max(month, 0), facts.months - 1); show(); } }
  function play(on) {
    const button = $id("play");
    if (playing) cancelAnimationFrame(playing.frame);
    playing = null;
    if (on) {
      if (view.month >= facts.months - 1) go(0);
      playing = { at: performance.now(), from: view.month };
      const tick = (now) => {
        const month = playing.from + Math.floor(((now - playing.at) / 1000) * Number($id("speed").value));
        if (month !== view.month) go(month);
        if (view.month >= facts.months - 1) { play(false); return; }
        playing.frame = requestAnimationFrame(tick);
      };
      playing.frame = requestAnimationFrame(tick);
    } else if (drawn) say($id("chart-words").textContent + " " + $id("difference-words").textContent);
    button.setAttribute("aria-label", on ? "Pause" : "Play");
    button.title = on ? "Pause" : "Play";
    button.querySelector("path").setAttribute("d", on ? "M5 3h4v14H5zM11 3h4v14h-4z" : "M5 3l12 7-12 7z");
  }
  $id("play").addEventListener("click", () => facts && play(!playing));
  for (const [id, to] of [["first", () => 0], ["back", () => view.month - 1], ["step", () => view.month + 1], ["last", () => Infinity]]) {
    $id(id).addEventListener("click", () => { play(false); go(to()); say($id("chart-words").textContent); });
  }
  $id("month").addEventListener("input", () => { if (playing) play(false); go(Number($id("month").value)); });
  $id("speed").addEventListener("change", () => { if (playing) { playing.from = view.month; playing.at = performance.now(); } });
  function readChoosers() { for (const name of ["outcome", "scope", "mapOutcome", "who"]) view[name] = $id(name).value || view[name]; }
  for (const name of ["outcome", "scope", "mapOutcome", "who"]) $id(name).addEventListener("change", () => { view[name] = $id(name).value; redraw(); });
  $id("only").addEventListener("change", () => { view.only = $id("only").checked; show(); });
  let resized = 0;
  new ResizeObserver(() => { const width = $id("chart").clientWidth; if (width !== resized) { resized = width; schedule(); } }).observe($id("chart"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", schedule);

  // Replications, notebook, lessons ------------------------------------------------------------------------------
  function replicated(message) {
    const bar = $id("progress"), words = $id("progress-words"), running = message.kind === "progress" || message.kind === "band";
    if (message.kind === "progress") {
      bar.value = message.done / message.total;
      words.textContent = `${message.done} of ${message.total} runs` + (message.eta ? `, about ${Math.ceil(message.eta)} s left` : "");
    } else if (message.kind === "band") { band = JSON.parse(message.text); schedule(); }
    else if (message.kind === "done") { words.textContent = `${band ? band.n : 0} pairs done.`; table($id("effects"), ["Outcome", "Unit", "Baseline", "Difference", "95 % interval of the mean", "In words"],
      message.table.map((row) => [label(row.outcome), row.unit, Draw.number(row.baseline_mean), Draw.number(row.effect, true), `${Draw.number(row.ci_low, true)} to ${Draw.number(row.ci_high, true)}`, row.in_words])); }
    else if (message.kind === "failed") words.textContent = "It failed: " + message.text;
    else { words.textContent = message.kind === "cancelled" ? "Cancelled." : ""; if (message.kind === "dropped") forget(); }
    bar.hidden = !running;
    $id("cancel").disabled = !running;
    $id("replicate").disabled = running;
  }
  function forget() { band = null; $id("effects").replaceChildren(); schedule(); }
  const label = (name) => (facts.outcomes.find((one) => one.name === name) || { label: name }).label;
  $id("replicate").addEventListener("click", () => { $id("replicate").disabled = true; $id("cancel").disabled = false; $id("progress").hidden = false; $id("progress").removeAttribute("value"); $id("progress-words").textContent = "Starting"; forget(); request({ action: "replicate" }); });
  $id("cancel").addEventListener("click", () => request({ action: "cancel" }));

  function table(holder, heads, rows) {
    const made = document.createElement("table"), head = made.createTHead().insertRow(), body = made.createTBody();
    heads.forEach((words) => head.appendChild(Object.assign(document.createElement("th"), { textContent: words, scope: "col" })));
    for (const cells of rows) { const row = body.insertRow(); cells.forEach((words) => { row.insertCell().textContent = words; }); }
    holder.replaceChildren(made);
  }
  $id("note").addEventListener("click", () => {
    if (!drawn || !both()) return;
    const m = view.month;
    notes.push([facts.titles[1], changesInForce(), String(facts.seed), label(view.outcome), view.scope, dateOf(m, true), Draw.number(view.difference[m], true)]);
    drawNotes(); say("Noted");
  });
  function changesInForce() {
    const doses = Object.entries(state.content.interventions || {}).map(([k, one]) => `${k} ${one.intensity ?? 1}`);
    const shocks = Object.entries(state.content.shocks || {}).map(([k, one]) => `${k} ${one.magnitude ?? 1}`);
    const assumed = ["theories", "parameters"].flatMap((part) => Object.entries(state.content[part] || {}).map(([k, v]) => `${k} ${v}`));
    return [...doses, ...shocks, ...assumed].join(", ");
  }
  function drawNotes() { if (notes.length) table($id("notes"), ["Scenario", "Programmes, shocks, assumptions", "Seed", "Outcome", "Where", "Month", "Difference"], notes); else $id("notes").replaceChildren(); }
  $id("clear-notes").addEventListener("click", () => { notes.length = 0; drawNotes(); });

  function openLesson(name, step) {
    const one = lessons.find((item) => item.key === name), now = one.steps[step];
    lesson = { key: name, step, month: now.month };
    view.outcome = now.outcome; view.scope = now.scope;
    $id("outcome").value = now.outcome; $id("scope").value = now.scope;
    play(false);
    request({ action: "lesson", key: name, step });
    $id("lesson").hidden = false;
    $id("lesson-title").textContent = one.title;
    $id("lesson-question").textContent = one.question;
    $id("lesson-count").textContent = `Step ${step + 1} of ${one.steps.length}`;
    $id("lesson-text").textContent = now.text;
    $id("lesson-look").textContent = now.look;
    $id("lesson-back").disabled = step === 0;
    $id("lesson-next").disabled = step === one.steps.length - 1;
    all("[data-lesson]").forEach((el) => el.setAttribute("aria-pressed", String(el.dataset.lesson === name)));
  }
  $id("lesson-next").addEventListener("click", () => openLesson(lesson.key, lesson.step + 1));
  $id("lesson-back").addEventListener("click", () => openLesson(lesson.key, lesson.step - 1));
  $id("lesson-end").addEventListener("click", () => { $id("lesson").hidden = true; lesson = null; all("[data-lesson]").forEach((el) => el.setAttribute("aria-pressed", "false")); });

  // Files --------------------------------------------------------------------------------------------------------
  function save(name, content) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  const yaml = (text) => new Blob([text], { type: "text/yaml" });
  $id("save-yaml").addEventListener("click", () => save("my_scenario.yaml", yaml(state.text)));
  $id("save-bare").addEventListener("click", () => save("my_baseline.yaml", yaml(state.bare)));
  for (const [id, source] of [["copy-yaml", "yaml"], ["copy-command", "command"]]) {
    $id(id).addEventListener("click", async () => {
      try { await navigator.clipboard.writeText($id(source).value); say("Copied"); } catch (error) { $id(source).select(); document.execCommand("copy"); say("Copied"); }
      const words = $id(id).textContent;
      $id(id).textContent = "Copied";
      setTimeout(() => { $id(id).textContent = words; }, 1500);
    });
  }
  async function load(input) {
    const file = input.files[0];
    input.value = "";
    if (!file) return;
    if (file.size > 262144) { list($id("problems"), [`${file.name}: is too large; got ${file.size.toLocaleString("en-GB")} bytes; allowed at most 262,144`]); return; }
    request({ action: "load", text: await file.text() });
  }
  async function download(link) {
    const words = $id("download-words"), address = state && state.downloads[link.dataset.download];
    if (!address) return;
    words.textContent = "Making the file";
    try {
      const answer = await fetch(address, { credentials: "same-origin" });
      if (!answer.ok) { words.textContent = "Not yet: " + (await answer.text()); return; }
      const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") || "");
      save(name ? name[1] : link.dataset.download, await answer.blob());
      words.textContent = "";
    } catch (error) { words.textContent = "The server does not answer."; }
  }

  // Connection ---------------------------------------------------------------------------------------------------
  function lost() {
    play(false);
    document.body.classList.add("is-lost");
    const tell = (text) => { $id("lost").hidden = false; $id("lost").textContent = text; };
    tell("The connection was lost. Trying again; what you set is kept in this window.");
    const timer = setInterval(async () => {
      try {
        const answer = await fetch("static/page.css", { cache: "no-store" });
        if (answer.ok) { clearInterval(timer); location.reload(); } else tell("stabsim page was restarted: open the address it printed in this window. What you set comes back.");
      } catch (error) { tell("stabsim page does not answer. Start it again, then open the address it prints in this window. What you set comes back."); }
    }, 1500);
  }
  let connected = false;
  jQuery(document).on("shiny:disconnected", lost);
  jQuery(document).on("shiny:sessioninitialized", () => {
    if (connected) return;
    connected = true;
    for (const name in handlers) Shiny.addCustomMessageHandler(name, handlers[name]);
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem("stabsim")); } catch (error) { kept = null; }
    request({ action: "hello", kept });
  });
})();
