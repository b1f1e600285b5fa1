"use strict";
// Draws every figure of the report from its table, in the colours that the reader's system asks for.
// A figure: {id, kind, x, y, columns, rows, series, range}, as src/page/figure.h has it.

const figures = JSON.parse(document.getElementById("figures").textContent);
const darkWish = matchMedia("(prefers-color-scheme: dark)");
const themes = {
  light: {
    ink: "#1b2128", grid: "#e1e6ec", paper: "#ffffff",
    series: ["#0b62c4", "#c2410c", "#0f766e", "#7c3aed", "#946200", "#be185d", "#475569", "#15803d"],
  },
  dark: {
    ink: "#e6eaef", grid: "#333c46", paper: "#14181d",
    series: ["#6cb6ff", "#ff9e64", "#4fd6be", "#b794f6", "#e5c07b", "#f78fb3", "#a8b3c2", "#7ddc8b"],
  },
};
// Cividis: read alike with and without full colour vision, and in grey.
const heatStops = [[0, 34, 78], [65, 77, 107], [125, 124, 120], [188, 174, 108], [254, 232, 56]];
const heatScale = heatStops.map((rgb, s) => [s / (heatStops.length - 1), `rgb(${rgb})`]);
// CSS pixels between the margins of a page, as page.css has them: 180 mm of A4.
const paperWidth = 680;

const plotOf = (figure) => document.querySelector(`#${figure.id} .plot`);
const colorOf = (series, theme) => theme.series[series.color % theme.series.length];

function heatRange(figure) {
  if (figure.range) return figure.range;
  const values = figure.rows.flatMap((row) => row.slice(1)).filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

function heatColor(value, [low, high]) {
  const at = Math.min(1, Math.max(0, (value - low) / (high - low))) * (heatStops.length - 1);
  const below = Math.min(Math.floor(at), heatStops.length - 2);
  return heatStops[below].map((channel, c) => channel + (at - below) * (heatStops[below + 1][c] - channel));
}

// Relative luminance as WCAG 2 defines it.
function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// Plotly's own choice, dark grey or white, is hard to read on colours between. Black and white contrast alike on a
// luminance L with (L + 0.05)^2 = 1.05 * 0.05.
function inkHeatLabels(figure) {
  const range = heatRange(figure);
  for (const label of plotOf(figure).querySelectorAll(".heatmap-label text")) {
    const value = Number(label.textContent.replace("\u2212", "-"));
    const light = luminance(heatColor(value, range)) + 0.05 > Math.sqrt(1.05 * 0.05);
    label.style.fill = light ? "#000" : "#fff";
  }
}

function traces(figure, theme) {
  const column = (c) => figure.rows.map((row) => row[c]);
  if (figure.kind === "heat") {
    const [low, high] = heatRange(figure);
    return [{
      type: "heatmap", x: figure.columns.slice(1), y: column(0).map(String),
      z: figure.rows.map((row) => row.slice(1)), zmin: low, zmax: high, colorscale: heatScale,
      texttemplate: "%{z:.3~g}", hoverongaps: false, xgap: 1, ygap: 1,
      hovertemplate: `${figure.x} %{x}<br>${figure.y} %{y}<br><b>%{z:.4~g}</b><extra></extra>`,
      colorbar: {thickness: 14, tickfont: {color: theme.ink}, outlinewidth: 0},
    }];
  }
  return figure.series.map((series) => {
    const trace = {name: series.name, x: column(0), y: column(series.column)};
    if (series.interval) {
      const reach = (end) => figure.rows.map((row) => Math.abs((row[series.column + end] ?? row[series.column]) - row[series.column]));
      trace.error_y = {type: "data", symmetric: false, array: reach(2), arrayminus: reach(1), color: theme.ink};
    }
    if (figure.kind === "bars") {
      return {...trace, x: trace.x.map(String), type: "bar", marker: {color: colorOf(series, theme)}};
    }
    return {
      ...trace, type: "scatter", mode: series.markers ? "lines+markers" : "lines", connectgaps: true,
      line: {color: colorOf(series, theme), dash: series.dash, width: 2}, marker: {size: 6},
    };
  });
}

function layout(figure, theme) {
  const axis = (title) => ({
    title: {text: title, standoff: 8}, gridcolor: theme.grid, linecolor: theme.grid, zerolinecolor: theme.grid,
    tickfont: {color: theme.ink}, automargin: true,
  });
  const heat = figure.kind === "heat";
  return {
    paper_bgcolor: theme.paper, plot_bgcolor: theme.paper, margin: {l: 64, r: 16, t: heat ? 32 : 40, b: 48},
    font: {color: theme.ink, size: 13, family: 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif'},
    xaxis: {...axis(figure.x), type: figure.kind === "lines" ? "linear" : "category"},
    yaxis: heat ? {...axis(figure.y), type: "category", autorange: "reversed"}
                : {...axis(figure.y), range: figure.range, rangemode: figure.kind === "bars" ? "tozero" : "normal"},
    legend: {orientation: "h", x: 0, y: 1.02, yanchor: "bottom"}, showlegend: figure.series.length > 0,
    hovermode: figure.kind === "lines" ? "x unified" : "closest", barmode: "group",
    hoverlabel: {bgcolor: theme.paper, bordercolor: theme.grid, font: {color: theme.ink}},
    modebar: {color: theme.ink, activecolor: theme.ink, bgcolor: "rgba(0,0,0,0)"},
  };
}

const config = (figure) => ({
  responsive: true, displaylogo: false, toImageButtonOptions: {filename: figure.id, scale: 2},
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
});

// Ranges that a reader has chosen: figure's id -> {"xaxis.range": [from, to], ...}.
const zooms = new Map();

// In the width of its place, or in that of paper.
function draw(figure, theme, width) {
  const look = layout(figure, theme);
  for (const [key, range] of Object.entries(zooms.get(figure.id) ?? {})) {
    Object.assign(look[key.split(".")[0]], {range: [...range], autorange: false});
  }
  if (width) Object.assign(look, {width, height: plotOf(figure).clientHeight, autosize: false});
  return Plotly.react(plotOf(figure), traces(figure, theme), look, config(figure));
}

const drawAll = (theme, width) => Promise.all(figures.map((figure) => draw(figure, theme, width)));
const wishedTheme = () => (darkWish.matches ? themes.dark : themes.light);

function keepZoom(figure, change) {
  if (!Object.keys(change).some((key) => /^[xy]axis/.test(key))) return;
  const zoom = {};
  for (const axis of ["xaxis", "yaxis"]) {
    const {autorange, range} = plotOf(figure).layout[axis];
    const given = axis === "yaxis" && figure.kind !== "heat" ? figure.range : undefined;
    if (!autorange && String(range) !== String(given)) zoom[`${axis}.range`] = [...range];
  }
  zooms.set(figure.id, zoom);
}

function listenTo(figure) {
  const plot = plotOf(figure);
  plot.on("plotly_relayout", (change) => keepZoom(figure, change));
  if (figure.kind !== "heat") return;
  plot.on("plotly_afterplot", () => inkHeatLabels(figure));
  inkHeatLabels(figure);
}

// Paper: light, in its width, with nothing folded away.
let unfolded = null;  // while it is being printed
function drawForPaper() {
  unfolded ??= [...document.querySelectorAll("details:not([open])")];
  for (const details of unfolded) details.open = true;
  drawAll(themes.light, paperWidth);
}

function drawForScreen() {
  for (const details of unfolded ?? []) details.open = false;
  unfolded = null;
  drawAll(wishedTheme()).then(() => figures.forEach((figure) => Plotly.Plots.resize(plotOf(figure))));  // a drawing keeps its width
}

// CSV as RFC 4180 has it.
function csvOf(rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function save(name, rows) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvOf(rows)], {type: "text/csv"}));
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function offerCsv() {
  for (const figure of figures) {
    document.querySelector(`#${figure.id} .figure-csv`)
      .addEventListener("click", () => save(figure.id, [figure.columns, ...figure.rows]));
  }
  for (const button of document.querySelectorAll(".table-csv")) {
    const section = button.closest("section");
    button.addEventListener("click", () => save(section.id, [...section.querySelectorAll("tr")].map(
      (row) => [...row.cells].map((cell) => cell.textContent))));
  }
}

// Arrow keys walk through a figure's points, rows and columns; Escape leaves it.
class KeyboardReader {
  constructor(figure) {
    this.figure = figure;
    this.row = -1;
    this.column = 1;
    this.output = document.querySelector(`#${figure.id} .reading`);
    plotOf(figure).addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.target !== plotOf(this.figure)) return;  // a button in it
    const {rows, columns, kind} = this.figure;
    const [back, forth] = kind === "heat" ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
    const within = (value, low, high) => Math.min(high, Math.max(low, value));
    if (event.key === "Escape") {
      this.row = -1;
      this.output.textContent = "";
      Plotly.Fx.unhover(plotOf(this.figure));
      return;
    }
    const jump = event.shiftKey ? Math.max(1, Math.round(rows.length / 20)) : 1;
    if (event.key === back) this.row = within(this.row - jump, 0, rows.length - 1);
    else if (event.key === forth) this.row = within(this.row + jump, 0, rows.length - 1);
    else if (event.key === "Home") this.row = 0;
    else if (event.key === "End") this.row = rows.length - 1;
    else if (kind === "heat" && event.key === "ArrowLeft") this.column = within(this.column - 1, 1, columns.length - 1);
    else if (kind === "heat" && event.key === "ArrowRight") this.column = within(this.column + 1, 1, columns.length - 1);
    else return;
    event.preventDefault();
    this.row = Math.max(this.row, 0);
    this.show();
  }

  show() {
    const {kind, rows, columns, series, x, y} = this.figure;
    const row = rows[this.row];
    const short = (value) => (typeof value === "number" ? Number(value.toPrecision(5)) : value ?? "none");
    if (kind === "heat") {
      this.output.textContent = `${y} ${row[0]}, ${x} ${columns[this.column]}: ${short(row[this.column])}`;
      Plotly.Fx.hover(plotOf(this.figure), [{curveNumber: 0, pointNumber: [this.row, this.column - 1]}]);
      return;
    }
    const present = series.map((_, s) => s).filter((s) => row[series[s].column] !== null);
    const spoken = present.map((s) => `${series[s].name} ${short(row[series[s].column])}`);
    this.output.textContent = `${x} ${row[0]}: ${spoken.join(", ")}`;
    Plotly.Fx.hover(plotOf(this.figure), present.map((s) => ({curveNumber: s, pointNumber: this.row})));
  }
}

// What a reader has zoomed into and unfolded outlives the page's reload, not the tab.
const viewKey = `meap report ${location.pathname}`;
const store = (() => { try { return sessionStorage; } catch { return null; } })();  // a browser may forbid it
const titleOf = (details) => details.querySelector("summary").textContent;

function storeView() {
  const open = [...document.querySelectorAll("details[open]")].map(titleOf);
  store?.setItem(viewKey, JSON.stringify({open, zooms: [...zooms]}));
}

function restoreView() {
  const view = JSON.parse(store?.getItem(viewKey) ?? '{"open": [], "zooms": []}');
  store?.removeItem(viewKey);
  for (const details of document.querySelectorAll("details")) details.open = view.open.includes(titleOf(details));
  const known = view.zooms.map(([id, zoom]) => [figures.find((figure) => figure.id === id), zoom]);
  return Promise.all(known.filter(([figure]) => figure).map(([figure, zoom]) => Plotly.relayout(plotOf(figure), zoom)));
}

// A page that is being followed loads itself anew, as long as nobody is in a figure with the keyboard.
function follow(seconds) {
  if (!(seconds > 0)) return;
  setInterval(() => {
    const reading = document.activeElement?.closest(".plot");
    if (document.hidden || reading || unfolded) return;
    storeView();
    location.reload();
  }, 1000 * seconds);
}

drawAll(wishedTheme()).then(() => {
  figures.forEach(listenTo);
  return restoreView();
}).then(() => {
  document.documentElement.dataset.drawn = figures.length;
});
darkWish.addEventListener("change", () => unfolded ?? drawAll(wishedTheme()));
addEventListener("beforeprint", drawForPaper);
addEventListener("afterprint", drawForScreen);
offerCsv();
figures.forEach((figure) => new KeyboardReader(figure));
follow(Number(document.body.dataset.reload));
