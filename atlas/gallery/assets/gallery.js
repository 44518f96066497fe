/* What a gallery does itself because no server and no plotly.js stands behind it. It comes after selection.js, before the views. */
(function () {
  "use strict";
  const atlas = window.atlas, PAGE = "index.html";
  const short = (address) => address.replace(/\/index\.html(?=$|[?#])/, "/").replace(/^index\.html(?=$|[?#])/, "./");

  /* A folder needs the file's name, a server does not: there the addresses are those of the app. */
  const served = location.protocol !== "file:";
  if (served) {
    if (location.pathname.endsWith("/" + PAGE)) history.replaceState(history.state, "", short(location.pathname) + location.search + location.hash);
    for (const link of document.links) if (link.getAttribute("href").includes(PAGE)) link.setAttribute("href", short(link.getAttribute("href")));
    for (const entry of ((window.atlasData || {}).classes || {}).classes || []) entry.url = short(entry.url);
  }
  for (const place of document.querySelectorAll(".here")) place.textContent = short(location.href.split(/[?#]/)[0]);

  /* A search begun on another page. */
  const field = document.getElementById("search");
  if (document.querySelector("[data-page=home]")) field.value = new URLSearchParams(location.search).get("q") || "";

  /* The drawn graph takes the part of a live one: it tells which dot is meant, and can be saved. */
  const drawing = document.querySelector("svg.still");
  if (drawing) {
    const listeners = {};
    const dots = [...drawing.querySelectorAll("path.point")];
    for (const dot of dots) dot.querySelector("title").remove(); // the thumbnail says it better
    drawing.on = (name, listener) => { listeners[name] = listener; };
    const tell = (name, event) => {
      const i = dots.indexOf(event.target);
      if (i >= 0 && listeners[name]) listeners[name]({ points: [{ pointNumber: i }], event });
    };
    drawing.addEventListener("pointerover", (event) => tell("plotly_hover", event));
    drawing.addEventListener("pointerout", (event) => tell("plotly_unhover", event));
    drawing.addEventListener("click", (event) => tell("plotly_click", event));
    window.Plotly = { downloadImage: download };
  }

  const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "paint-order", "font-size", "font-weight", "font-family"];
  function download(svg, wanted) {
    const copy = svg.cloneNode(true), [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    const old = [svg, ...svg.querySelectorAll("*")], made = [copy, ...copy.querySelectorAll("*")];
    made.forEach((node, i) => { const style = getComputedStyle(old[i]); for (const name of STYLES) node.style.setProperty(name, style.getPropertyValue(name)); });
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const source = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
    const give = (address) => { const link = atlas.element("a", { href: address, download: `${wanted.filename}.${wanted.format}` }); link.click(); };
    if (wanted.format === "svg") return give(source);
    const image = new Image();
    image.onload = () => {
      const canvas = atlas.element("canvas", { width: width * wanted.scale, height: height * wanted.scale });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      give(canvas.toDataURL("image/png"));
    };
    image.src = source;
  }

  /* Where a concept lies on a photo: the maps of all photos come in one script, when one is first asked for. */
  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  let asked = false;
  atlas.veil = (data, photo, concept) => {
    const heat = window.atlasHeat;
    if (!heat) { if (!asked) ask(); return BLANK; }
    if (!heat.bytes) heat.bytes = atob(heat.levels);
    const canvas = atlas.element("canvas", { width: heat.width, height: heat.height }), pen = canvas.getContext("2d");
    const veil = pen.createImageData(heat.width, heat.height), cells = heat.width * heat.height;
    const start = (photo * heat.m + data.heat[photo].indexOf(concept)) * cells;
    for (let cell = 0; cell < cells; cell += 1) {
      const at = start + cell, byte = heat.bytes.charCodeAt(at >> 1), level = at % 2 ? byte & 15 : byte >> 4;
      veil.data.set([255, 138, 0, level * 17 * 0.8], cell * 4);
    }
    pen.putImageData(veil, 0, 0);
    return canvas.toDataURL();
  };
  function ask() {
    asked = true;
    const brought = document.querySelector('script[src*="data/n"]').getAttribute("src");
    const script = atlas.element("script", { src: brought.replace(/\.js$/, "-heat.js") });
    script.onload = () => atlas.mark();
    document.body.append(script);
  }

  /* Paper is white. */
  let mode;
  addEventListener("beforeprint", () => { mode = document.documentElement.dataset.mode; document.documentElement.dataset.mode = "light"; });
  addEventListener("afterprint", () => { if (mode) document.documentElement.dataset.mode = mode; else delete document.documentElement.dataset.mode; });
})();
