// Draws a figure with Plotly on its first touch. Until then, and without this file, the light picture stands.
"use strict";
let plotly;

function loadPlotly(address) {
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
  return plotly;
}

// "var(--name)" anywhere in the drawing becomes the page's own colour.
function withColours(value, styles) {
  if (typeof value === "string") {
    return value.startsWith("var(--") ? styles.getPropertyValue(value.slice(4, -1)).trim() : value;
  }
  if (Array.isArray(value)) return value.map((item) => withColours(item, styles));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withColours(item, styles)]));
  }
  return value;
}

async function drawingOf(plot) {
  if (!plot.dataset.plotSrc) return JSON.parse(document.getElementById(`plot-${plot.dataset.plot}`).textContent);
  const answer = await fetch(plot.dataset.plotSrc, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`expected 200, got ${answer.status} from ${plot.dataset.plotSrc}`);
  return answer.json();
}

async function draw(plot) {
  const [library, drawing] = await Promise.all([loadPlotly(plot.dataset.plotlySrc), drawingOf(plot)]);
  const { data, layout } = withColours(drawing, getComputedStyle(document.documentElement));
  let live = plot.querySelector(".plot-live");
  if (!live) {
    live = document.createElement("div");
    live.className = "plot-live";
    plot.append(live);
  }
  // The light picture keeps its place underneath: the page does not move.
  await library.react(live, data, { ...layout, autosize: true }, { displayModeBar: false, responsive: true });
  plot.classList.add("is-live");
}

async function wake(plot) {
  if (plot.dataset.state) return;
  plot.dataset.state = "loading";
  plot.setAttribute("aria-busy", "true");
  try {
    await draw(plot);
    plot.dataset.state = "live";
    document.querySelector(`[data-plot-open="${plot.dataset.plot}"]`).classList.remove("is-ready");
  } catch (error) {
    const said = document.createElement("p");
    said.className = "plot-said";
    said.setAttribute("role", "status");
    said.textContent = plot.dataset.failed;
    plot.after(said);
    plot.dataset.state = "failed";
    console.warn(error);
  } finally {
    plot.removeAttribute("aria-busy");
  }
}

function prepareFigures() {
  for (const plot of document.querySelectorAll("[data-plot]")) {
    for (const name of ["pointerenter", "pointerdown", "focusin", "click"]) plot.addEventListener(name, () => wake(plot));
    const open = document.querySelector(`[data-plot-open="${plot.dataset.plot}"]`);
    open.classList.add("is-ready");
    open.addEventListener("click", () => wake(plot));
  }
}
prepareFigures();
document.addEventListener("main-replaced", prepareFigures); // by upload.js

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of document.querySelectorAll("[data-state=live]")) draw(plot);
});
