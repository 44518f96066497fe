/* What a gallery does itself because no server and no plotly.js stands behind it. It comes after selection.js, before the views. */
(function () {
  "use strict";
  const atlas = window.atlas, PAGE = "index.html", served = location.protocol !== "file:";
  const root = new URL("../", document.currentScript.src).href;

  /* An address of the app, or of a file → of the file that a folder needs, or of the folder that a server sends it for. */
  function placed(address) {
    const url = new URL(address, location.href);
    if (!url.href.startsWith(root) || url.href.startsWith(root + "assets/")) return address;
    let path = url.pathname.replaceAll(`/${PAGE}`, "/").replace(/([^:])\/{2,}/g, "$1/");
    if (path.endsWith("/") || !/\.\w+$/.test(path)) path = path.replace(/\/?$/, served ? "/" : `/${PAGE}`);
    return path + url.search + url.hash;
  }
  function lead(link) {
    if (!link.hasAttribute("href") || link.hasAttribute("download") || link.getAttribute("href").startsWith("#")) return;
    const url = new URL(link.href), address = placed(link.href);
    if (address !== link.href && address !== url.pathname + url.search + url.hash) link.setAttribute("href", address);
  }
  if (served && location.pathname.endsWith("/" + PAGE)) history.replaceState(history.state, "", placed(location.href));
  for (const link of document.links) lead(link);
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === 1) {
      if (node.matches("a")) lead(node);
      for (const link of node.querySelectorAll("a")) lead(link);
    }
  }).observe(document.body, { childList: true, subtree: true });
  atlas.go = (address) => location.assign(placed(address));
  for (const place of document.querySelectorAll(".here")) place.textContent = new URL(placed("./"), location.href).href.split(/[?#]/)[0];

  /* Data are scripts, since a page in a folder may not fetch: named in the page, or asked for when first needed. */
  const brought = {};
  /* Run a script, then say what it brought; null where it did not come. */
  function bring(address, found) {
    const script = atlas.element("script", { src: address });
    return new Promise((done) => {
      script.onload = () => done(found());
      script.onerror = () => done(null);
      document.body.append(script);
    });
  }
  atlas.load = (address) => {
    const name = address.split(/[?#]/)[0].split("/").pop().replace(/\.\w+$/, ""), found = () => unpacked(name, (window.atlasData || {})[name]);
    brought[name] = brought[name] || (name in (window.atlasData || {}) ? Promise.resolve(found()) : bring(address, found));
    brought[name].then((content) => { if (!content) delete brought[name]; });
    return brought[name];
  };
  function unpacked(name, data) {
    if (!data) return null;
    if ("base" in data && !data.base) data.base = root.replace(/\/$/, "");
    if (name === "classes") {
      const keys = Object.keys(data.classes), n = keys.length ? data.classes[keys[0]].length : 0;
      data.classes = [...Array(n).keys()].map((i) => Object.fromEntries(keys.map((key) => [key, data.classes[key][i]])));
      for (const entry of data.classes) {
        entry.url = `${data.base}/class/${entry.wnid}`;
        entry.picture = entry.picture ? `${data.base}/pictures/${entry.wnid}/class-small.webp` : null;
      }
    }
    return data;
  }

  /* The twin of a picture without its transparency; the smallest have none. */
  atlas.raw = (address) => address.includes("-small.") ? address : address.replace(/(-opaque)?\.webp(?=$|[?#])/, "-opaque.webp");
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

  const STYLES = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "paint-order", "font-size", "font-weight", "font-family"];
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
    const photos = document.querySelector('script[src*="data/n"]').getAttribute("src");
    bring(photos.replace(/\.js(?=$|[?#])/, "-heat.js"), () => atlas.mark());
  }

  /* Pictures far from the screen wait for a first sign of the reader (early.js); then the browser fetches them, all of them to print. */
  function wake() {
    for (const image of document.querySelectorAll("img[loading=lazy][data-src]:not([src])")) image.src = image.dataset.src;
  }
  for (const sign of ["pointerdown", "keydown", "wheel", "touchstart", "scroll"]) addEventListener(sign, wake, { once: true, passive: true });
  addEventListener("beforeprint", wake);

  /* Paper is white. */
  let mode;
  addEventListener("beforeprint", () => { mode = document.documentElement.dataset.mode; document.documentElement.dataset.mode = "light"; });
  addEventListener("afterprint", () => { if (mode) document.documentElement.dataset.mode = mode; else delete document.documentElement.dataset.mode; });
})();
