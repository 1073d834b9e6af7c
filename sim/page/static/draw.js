// Drawing from recorded numbers: line charts and maps as SVG. Text is always set as text.
"use strict";
const Draw = (() => {
  const SPACE = "http://www.w3.org/2000/svg";

  function make(name, attributes, parent, text) {
    const node = document.createElementNS(SPACE, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.appendChild(node);
    return node;
  }

  // A number with few digits and a true minus sign.
  function number(value, signed) {
    if (value === null || value === undefined || Number.isNaN(value)) return "";
    const size = Math.abs(value);
    let text = "0";
    if (size >= 1e6) text = (size / 1e6).toPrecision(3) + " M";
    else if (size >= 1000) text = Math.round(size).toLocaleString("en-GB");
    else if (size >= 100) text = String(Number(size.toFixed(1)));
    else if (size >= 1e-6) text = signed || size < 1e-3 ? String(Number(size.toPrecision(3))) : Number.isInteger(size) ? String(size) : size.toPrecision(4);
    else if (size > 0) text = "<0.000001";
    return (value < 0 ? "\u2212" : signed && size > 0 ? "+" : "") + text;
  }

  function ticks(low, high, count) {
    const span = high - low || 1, raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
    const out = [];
    for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) {
      out.push(Math.abs(at) < step * 1e-9 ? 0 : at);
    }
    return out;
  }

  // Numbers of an axis, all in one unit, with the digits that tell them apart.
  function tickTexts(values) {
    const top = Math.max(...values.map(Math.abs));
    const [scale, suffix] = top >= 1e6 ? [1e6, " M"] : top >= 1e4 ? [1e3, " k"] : [1, ""];
    const step = values.length > 1 ? Math.abs(values[1] - values[0]) / scale : 1;
    const digits = Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / 10 ** Math.floor(Math.log10(step) + 1e-9) === 2.5 ? 1 : 0)), 8);
    return values.map((v) => (v < 0 ? "\u2212" : "") + Math.abs(v / scale).toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }) + (v ? suffix : ""));
  }

  // As fair_range of the figures: from zero unless that would flatten it; a change of under a tenth of the level does not fill the chart.
  function fair(low, high) {
    if (low >= 0 && low < 0.6 * high) return [0, high];
    const half = Math.max(high - low, 0.1 * Math.max(Math.abs(low), Math.abs(high))) / 2, middle = (low + high) / 2;
    return [middle - half, middle + half];
  }

  // spec: {months, start: [year, month], lines: [{name, values}], bands: [{name, low, high}], zero, height}
  // Returns a function that moves the mark of the current month.
  function chart(holder, spec) {
    holder.replaceChildren();
    const width = Math.max(holder.clientWidth, 260), height = spec.height;
    const left = 58, right = 10, top = 8, bottom = 22;
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, holder);
    let low = Infinity, high = -Infinity;
    for (const row of [...spec.lines.map((l) => l.values), ...spec.bands.flatMap((b) => [b.low, b.high])]) {
      for (const v of row) { if (v < low) low = v; if (v > high) high = v; }
    }
    if (spec.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
    if (!(low <= high)) { low = 0; high = 1; }
    if (!spec.zero) [low, high] = fair(low, high);
    if (high - low < 1e-12 * Math.max(1, Math.abs(high))) {
      const room = Math.abs(high) * 0.1 || 1;
      low -= room; high += room;
    } else { const room = (high - low) * 0.06; low -= low === 0 ? 0 : room; high += room; }
    const last = Math.max(spec.months - 1, 1);
    const x = (m) => left + (m / last) * (width - left - right);
    const y = (v) => top + ((high - v) / (high - low)) * (height - top - bottom);
    const marks = ticks(low, high, height > 160 ? 5 : 3), texts = tickTexts(marks);
    marks.forEach((v, i) => {
      make("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), class: v === 0 && spec.zero ? "zero" : "grid" }, svg);
      make("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, svg, texts[i]);
    });
    const [year, first] = spec.start, short = last <= 36, apart = short ? 6 : 12;
    const every = Math.max(1, Math.ceil(last / apart / (width / 70)));
    for (let m = (apart + 1 - (first % apart)) % apart, n = 0; m <= last; m += apart, n++) {
      const at = first - 1 + m, words = String(year + Math.floor(at / 12)) + (short ? "-" + String((at % 12) + 1).padStart(2, "0") : "");
      if (n % every === 0) make("text", { x: Math.min(x(m), width - 20), y: height - 6, "text-anchor": "middle" }, svg, words);
      make("line", { x1: x(m), x2: x(m), y1: height - bottom, y2: height - bottom + 4, class: "tick" }, svg);
    }
    const key = "past-" + holder.id, clip = make("clipPath", { id: key }, make("defs", {}, svg));
    const past = make("rect", { x: 0, y: 0, width: 0, height }, clip);
    const path = (row) => row.map((v, m) => `${m ? "L" : "M"}${x(m).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    for (const band of spec.bands) {
      const back = band.low.map((v, m) => `L${x(m).toFixed(1)} ${y(v).toFixed(1)}`).reverse().join("");
      make("path", { d: path(band.high) + back + "Z", class: "band " + band.name }, svg);
    }
    for (const line of spec.lines) make("path", { d: path(line.values), class: "line future " + line.name }, svg);
    const shown = make("g", { "clip-path": `url(#${key})` }, svg);
    for (const line of spec.lines) make("path", { d: path(line.values), class: "line " + line.name }, shown);
    const mark = make("line", { y1: top, y2: height - bottom, class: "now" }, svg);
    const dots = spec.lines.map((line) => make("circle", { r: 3.5, class: "dot " + line.name }, svg));
    return (month) => {
      past.setAttribute("width", x(month) + 1);
      mark.setAttribute("x1", x(month)); mark.setAttribute("x2", x(month));
      dots.forEach((dot, i) => {
        const value = spec.lines[i].values[month];
        dot.setAttribute("visibility", value === undefined ? "hidden" : "visible");
        if (value !== undefined) { dot.setAttribute("cx", x(month)); dot.setAttribute("cy", y(value)); }
      });
    };
  }

  // Draws outlines and districts once; returns a function that colours the districts.
  function map(holder, shapes, pick) {
    holder.replaceChildren();
    const svg = make("svg", { viewBox: `0 0 ${shapes.width} ${shapes.height}`, "aria-hidden": "true" }, holder);
    for (const one of shapes.outlines) {
      make("path", { d: one.points.map((p, i) => `${i ? "L" : "M"}${p[0]} ${p[1]}`).join("") + "Z", class: "outline" }, svg);
    }
    const order = shapes.districts.map((d, i) => i).sort((a, b) => shapes.districts[b].radius - shapes.districts[a].radius);
    const spots = [];
    for (const i of order) {
      const d = shapes.districts[i];
      spots[i] = make("circle", { cx: d.at[0], cy: d.at[1], r: d.radius, class: "district" }, svg);
      spots[i].addEventListener("pointerenter", () => pick(i));
    }
    return (values, colour) => {
      for (let i = 0; i < spots.length; i++) spots[i].setAttribute("fill", colour(values[i] || 0));
    };
  }

  // A colour for a share from 0 to 1, between the three stops of the style sheet.
  function ramp() {
    const style = getComputedStyle(document.documentElement);
    const stops = ["--ramp-0", "--ramp-1", "--ramp-2"].map((name) => {
      const hex = style.getPropertyValue(name).trim();
      return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    });
    return (share) => {
      const at = Math.min(Math.max(share, 0), 1) * 2, from = Math.min(Math.floor(at), 1), rest = at - from;
      return `rgb(${stops[from].map((v, i) => Math.round(v + (stops[from + 1][i] - v) * rest)).join(",")})`;
    };
  }
  return { chart, map, ramp, number };
})();
