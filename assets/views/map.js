/* The map of all concepts on a canvas: pan, zoom, find, lasso. Whatever is chosen stands in the list beside it. */
(function () {
  "use strict";
  const { element } = window.atlas;
  const RAMPS = { light: ["#d9bf4a", "#7c7b78", "#00224e"], dark: ["#4a5f94", "#a59c74", "#fee838"] };
  const UNITS = { contribution: " logits", stability: "", };
  const LISTED = 48, CELL = 200, FEW = 20;
  let data = null, inks = [], order = [], cells = new Map(), colours = [], by = "group", lassoing = false, words = "", enclosed = null, listed = LISTED;
  let canvas, context, width = 0, height = 0, view = { x: 0, y: 0, scale: 1 }, hovered = -1, path = null, waiting = false, settle = 0;

  const folded = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const dark = () => token("color-scheme") === "dark" || getComputedStyle(document.documentElement).colorScheme === "dark";
  const named = (i) => data.owner[i] < 0 ? `shared concept ${data.index[i]}` : `concept ${data.index[i]} of ${data.classes[data.owner[i]][1]}`;
  const owner = (i) => data.owner[i] < 0 ? "shared" : data.classes[data.owner[i]][0];
  const address = (i) => data.owner[i] < 0 ? `${data.base}/shared/${data.index[i]}` : `${data.base}/class/${owner(i)}/${data.index[i]}`;
  const pictureOf = (i) => `${data.base}/pictures/${owner(i)}/${String(data.index[i]).padStart(2, "0")}.webp?`;
  const shade = (g) => g < 10 && data.groups[g] !== "everything else" ? "c-" + g : "c-other";
  const groupOf = (i) => data.group[i];
  const across = (i) => (data.x[i] - view.x) * view.scale, down = (i) => (data.y[i] - view.y) * view.scale;

  function said(i) {
    const value = by === "group" ? null : data[by][i];
    if (by === "group") return data.groups[groupOf(i)];
    if (value === null) return `${by} unknown`;
    if (by === "reliability") return data.dominates[i] < FEW ? `right on ${Math.round(value * data.dominates[i] / 100)} of ${data.dominates[i]} photos it leads` : `right on ${value} % of ${data.dominates[i]} photos it leads`;
    return `${by} ${(value / 100).toFixed(2).replace("-", "−")}${UNITS[by]}`;
  }
  /* What a dot is coloured by; how often a concept is right is not told by a handful of photos. */
  const shown = (i) => by === "reliability" && !(data.dominates[i] >= FEW) ? null : data[by][i];

  /* The range of what is coloured by: between the 2nd and the 98th hundredth, so that one extreme does not grey the rest. */
  function range() {
    const known = data.x.map((_, i) => shown(i)).filter((value) => value !== null).sort((a, b) => a - b);
    return known.length ? [known[Math.floor(known.length * 0.02)], known[Math.floor((known.length - 1) * 0.98)]] : [0, 1];
  }
  function mixed(stops, t) {
    const at = Math.min(Math.max(t, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    const part = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
    return "rgb(" + [0, 1, 2].map((k) => Math.round(part(stops[low], k) + (part(stops[low + 1], k) - part(stops[low], k)) * (at - low))).join(",") + ")";
  }
  function paint() {
    if (by === "group") {
      const palette = data.groups.map((_, g) => token(shade(g).replace("-", "").replace("cother", "other")));
      colours = data.x.map((_, i) => palette[groupOf(i)]);
    } else {
      const [low, high] = range(), stops = RAMPS[dark() ? "dark" : "light"], unknown = token("line");
      colours = data.x.map((_, i) => shown(i)).map((value) => value === null ? unknown : mixed(stops, Math.round(12 * (value - low) / (high - low || 1)) / 12));
    }
    inks = Uint32Array.from(colours, ink);
    order = Uint32Array.from(data.x.keys()).sort((a, b) => colours[a] < colours[b] ? -1 : colours[a] > colours[b] ? 1 : a - b);
    legend();
    draw();
  }
  function inSight() {
    let count = 0;
    for (let i = 0; i < data.X.length; i++) { const x = across(i), y = down(i); count += x >= 0 && y >= 0 && x <= width && y <= height; }
    return count;
  }
  function legend() {
    const place = document.getElementById("map-legend");
    if (by === "group") {
      const drawn = new Set(data.group);
      place.replaceChildren(...data.groups.map((name, g) => !drawn.has(g) ? "" : element("span", {}, element("span", { class: `swatch ${shade(g)}` }), name)));
      return;
    }
    const [low, high] = range(), show = (value) => by === "reliability" ? value + " %" : (value / 100).toFixed(2).replace("-", "−");
    const bar = element("span", { class: "ramp" });
    bar.style.background = `linear-gradient(90deg, ${RAMPS[dark() ? "dark" : "light"].join(",")})`;
    const unknown = data.x.filter((_, i) => shown(i) === null).length;
    place.replaceChildren(element("span", {}, show(low)), bar, element("span", {}, show(high)), element("span", {}, unknown ? `${unknown} unknown${by === "reliability" ? " or leading fewer than 20 photos" : ""}, pale` : ""));
  }

  /* Chosen: enclosed by the lasso, else found by the words, else all. */
  function chosen() {
    if (enclosed) return enclosed;
    if (!words) return null;
    const parts = words.split(/\s+/);
    return data.texts.flatMap((text, i) => parts.every((part) => text.includes(part)) ? [i] : []);
  }
  let lit = null;

  function draw() {
    if (waiting || !context) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; frame(); });
  }
  function frame() {
    const ratio = canvas.width / width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const size = Math.min(Math.max(view.scale * 70, data.x.length < 300 ? 11 : data.x.length < 2000 ? 6 : 3), 12), round = size > 4.5, half = size / 2;
    const { X, Y } = data, { x: left, y: top, scale } = view, many = round && inSight() > 2500;
    context.globalAlpha = lit ? 0.15 : 1;
    let last = "";
    if (!lit && (many || !round)) dots(size, ratio);
    else for (let k = 0; k < order.length; k++) {
      const i = order[k], x = (X[i] - left) * scale, y = (Y[i] - top) * scale;
      if (x < -half || y < -half || x > width + half || y > height + half) continue;
      if (colours[i] !== last) context.fillStyle = last = colours[i];
      if (!round || many) context.fillRect(x - half, y - half, size, size);
      else { context.beginPath(); context.arc(x, y, half, 0, 7); context.fill(); }
    }
    context.globalAlpha = 1;
    if (lit) for (const i of lit) { context.fillStyle = colours[i]; context.beginPath(); context.arc(across(i), down(i), half + 1, 0, 7); context.fill(); }
    if (hovered >= 0) { context.strokeStyle = token("accent"); context.lineWidth = 3; context.beginPath(); context.arc(across(hovered), down(hovered), half + 4, 0, 7); context.stroke(); }
    if (path && path.length > 1) {
      context.strokeStyle = token("accent"); context.lineWidth = 2; context.fillStyle = "rgba(128,128,128,.15)";
      context.beginPath(); path.forEach(([x, y], k) => k ? context.lineTo(x, y) : context.moveTo(x, y)); context.closePath(); context.fill(); context.stroke();
    }
    if (performance.now() > settle) return;
    clearTimeout(frame.later);
    frame.later = setTimeout(list, 160);
  }
  /* Ten thousand small squares, written as pixels: a tenth of the time of ten thousand calls. */
  function dots(size, ratio) {
    const wide = canvas.width, tall = canvas.height, image = context.createImageData(wide, tall), pixels = new Uint32Array(image.data.buffer);
    const side = Math.max(1, Math.round(size * ratio)), { X, Y } = data, scale = view.scale * ratio;
    for (let k = 0; k < order.length; k++) {
      const i = order[k], left = Math.round((X[i] - view.x) * scale - side / 2), top = Math.round((Y[i] - view.y) * scale - side / 2);
      if (left < 0 || top < 0 || left + side > wide || top + side > tall) continue;
      for (let y = top; y < top + side; y++) pixels.fill(inks[i], y * wide + left, y * wide + left + side);
    }
    context.putImageData(image, 0, 0);
  }
  function ink(colour) {
    const [red, green, blue] = colour.startsWith("#") ? [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) : colour.match(/\d+/g).map(Number);
    return (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
  }
  function moved() { settle = performance.now() + 400; draw(); clearTimeout(frame.later); frame.later = setTimeout(list, 160); }

  function list() {
    let shown = chosen();
    lit = shown;
    const status = document.getElementById("chosen-status");
    if (shown) status.textContent = `${shown.length} of ${data.x.length} ${enclosed ? "enclosed" : "found"}`;
    else {
      const middle = (i) => (across(i) - width / 2) ** 2 + (down(i) - height / 2) ** 2;
      shown = data.x.map((_, i) => i).filter((i) => across(i) >= 0 && down(i) >= 0 && across(i) <= width && down(i) <= height).sort((a, b) => middle(a) - middle(b));
      status.textContent = `${shown.length} in view, from the middle outwards`;
    }
    const now = `${by} ${shown.length} ${shown.slice(0, listed)}`;
    if (now === list.shown) return draw();
    list.shown = now;
    const rest = shown.length - listed;
    const rows = shown.slice(0, listed).map(item);
    if (rest > 0) {
      const more = element("button", { type: "button", class: "quiet" }, `show ${Math.min(rest, 200)} more`);
      more.addEventListener("click", () => { listed += 200; list(); });
      rows.push(element("li", { class: "wide" }, more));
    }
    document.getElementById("chosen").replaceChildren(...rows);
    draw();
  }
  /* What is found or enclosed, else what is in view, as a table. */
  function taken() {
    const inside = (i) => across(i) >= 0 && down(i) >= 0 && across(i) <= width && down(i) <= height;
    const shown = chosen() || data.x.map((_, i) => i).filter(inside), scaled = (values, i) => values[i] === null ? null : values[i] / 100;
    return {
      columns: ["concept_id", "class", "group", "x", "y", "contribution_logits", "stability", "reliability", "dominates"],
      rows: shown.map((i) => [`${owner(i)}/${data.index[i]}`, data.owner[i] < 0 ? "" : data.classes[data.owner[i]][1], data.groups[groupOf(i)], data.x[i], data.y[i],
        scaled(data.contribution, i), scaled(data.stability, i), scaled(data.reliability, i), data.dominates[i]]),
    };
  }
  function item(i) {
    const picture = data.pictured[i] ? element("img", { class: "picture synthesised", alt: "", width: 96, height: 96, "data-src": pictureOf(i) }) : element("span", { class: "absent" }, "no picture");
    const link = element("a", { href: address(i) }, element("span", { class: "visualization" }, picture), element("span", {}, named(i)), element("small", {}, said(i)));
    for (const [event, value] of [["focus", i], ["pointerenter", i], ["blur", -1], ["pointerleave", -1]]) link.addEventListener(event, () => { hovered = value; draw(); });
    return element("li", {}, link);
  }

  function nearest(x, y) {
    const wide = 14 / view.scale, cx = view.x + x / view.scale, cy = view.y + y / view.scale;
    let best = -1, least = wide * wide;
    if (wide > 20 * CELL) return -1;
    for (let a = Math.floor((cx - wide) / CELL); a <= (cx + wide) / CELL; a++) for (let b = Math.floor((cy - wide) / CELL); b <= (cy + wide) / CELL; b++) {
      for (const i of cells.get(a * 1000 + b) || []) {
        const far = (data.x[i] - cx) ** 2 + (data.y[i] - cy) ** 2;
        if (far < least) { least = far; best = i; }
      }
    }
    return best;
  }
  function hover(event) {
    const box = canvas.getBoundingClientRect();
    const found = event ? nearest(event.clientX - box.left, event.clientY - box.top) : -1;
    const tip = document.getElementById("tip") || document.body.appendChild(element("div", { id: "tip", "aria-hidden": "true" }));
    tip.hidden = found < 0;
    if (found >= 0) {
      tip.style.left = Math.min(event.clientX + 14, innerWidth - 170) + "px";
      tip.style.top = Math.min(event.clientY + 14, innerHeight - 200) + "px";
      if (found !== hovered) tip.replaceChildren(data.pictured[found] ? element("div", { class: "tip-picture" }, element("img", { alt: "", src: pictureOf(found) })) : "",
        element("p", {}, element("b", {}, named(found))), element("p", {}, said(found)));
    }
    if (found !== hovered) { hovered = found; draw(); }
    canvas.style.cursor = found >= 0 ? "pointer" : lassoing ? "crosshair" : "grab";
  }

  function zoom(factor, x, y) {
    const scale = Math.min(Math.max(view.scale * factor, 0.01), 4);
    view = { x: view.x + x / view.scale - x / scale, y: view.y + y / view.scale - y / scale, scale };
    moved();
  }
  function whole() {
    const wide = Math.max(...data.x, 1), tall = Math.max(...data.y, 1), scale = 0.94 * Math.min(width / wide, height / tall);
    view = { scale, x: wide / 2 - width / 2 / scale, y: tall / 2 - height / 2 / scale };
    moved();
  }
  function within(i) {
    const x = across(i), y = down(i);
    let inside = false;
    for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
      const [ax, ay] = path[a], [bx, by_] = path[b];
      if (ay > y !== by_ > y && x < (bx - ax) * (y - ay) / (by_ - ay) + ax) inside = !inside;
    }
    return inside;
  }

  function pointers() {
    const held = new Map();
    let travelled = 0;
    const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, place(event));
      travelled = 0;
      path = (lassoing || event.shiftKey) && held.size === 1 ? [place(event)] : null;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held.has(event.pointerId)) return hover(event);
      const [x, y] = place(event), [fromX, fromY] = held.get(event.pointerId);
      travelled += Math.abs(x - fromX) + Math.abs(y - fromY);
      if (path) { path.push([x, y]); draw(); }
      else if (held.size === 2) {
        const [otherX, otherY] = [...held].find(([id]) => id !== event.pointerId)[1];
        zoom(Math.hypot(x - otherX, y - otherY) / (Math.hypot(fromX - otherX, fromY - otherY) || 1), otherX, otherY);
      } else { view.x -= (x - fromX) / view.scale; view.y -= (y - fromY) / view.scale; moved(); }
      held.set(event.pointerId, [x, y]);
    });
    const release = (event) => {
      held.delete(event.pointerId);
      if (path && path.length > 4) { enclosed = data.x.flatMap((_, i) => within(i) ? [i] : []); if (!enclosed.length) enclosed = null; listed = LISTED; list(); }
      else if (event.type === "pointerup" && travelled < 5) {
        const found = nearest(...place(event));
        if (found >= 0) window.atlas.go(address(found)); else if (enclosed) { enclosed = null; list(); }
      }
      path = null;
      draw();
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => hover(null));
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY * 0.0015), ...place(event)); }, { passive: false });
  }

  function fit() {
    const box = canvas.parentElement.getBoundingClientRect(), ratio = Math.min(devicePixelRatio || 1, 2);
    width = box.width; height = box.height;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    whole();
  }

  document.addEventListener("click", (event) => {
    const colour = event.target.closest("[data-map-colour]"), action = event.target.closest("[data-map-do]");
    if (!data || !(colour || action)) return;
    if (colour) {
      for (const other of document.querySelectorAll("[data-map-colour]")) other.setAttribute("aria-pressed", String(other === colour));
      by = colour.dataset.mapColour;
      paint(); list();
    } else if (action.dataset.mapDo === "lasso") {
      lassoing = !lassoing;
      action.setAttribute("aria-pressed", String(lassoing));
    } else if (action.dataset.mapDo === "reset") { enclosed = null; whole(); }
    else zoom(action.dataset.mapDo === "in" ? 1.5 : 1 / 1.5, width / 2, height / 2);
  });

  window.atlas.onPage(async (page) => {
    if (page.dataset.page !== "map") return;
    const place = page.querySelector("#map");
    data = await window.atlas.load(place.dataset.src);
    if (!data) { document.getElementById("chosen-status").textContent = "The map could not be loaded. Reload the page to try again."; return; }
    data.X = Float32Array.from(data.x); data.Y = Float32Array.from(data.y);
    data.texts = data.x.map((_, i) => folded(`${named(i)} ${owner(i)} ${data.groups[groupOf(i)]}`));
    data.x.forEach((x, i) => { const cell = Math.floor(x / CELL) * 1000 + Math.floor(data.y[i] / CELL); cells.has(cell) ? cells.get(cell).push(i) : cells.set(cell, [i]); });
    if (!data.x.length) { document.getElementById("chosen-status").textContent = "This atlas was built without a map: its concepts have no place."; return; }
    for (const button of page.querySelectorAll("[data-map-colour]")) if (button.dataset.mapColour !== "group" && data[button.dataset.mapColour].every((value) => value === null)) button.hidden = true;
    const field = element("input", { type: "search", placeholder: "Find on the map", "aria-label": "find a class or concept on the map", maxlength: 80 });
    field.addEventListener("input", () => { words = folded(field.value.trim()); enclosed = null; listed = LISTED; list(); });
    document.getElementById("map-find").append(field);
    canvas = place.appendChild(element("canvas", { "aria-hidden": "true" }));
    context = canvas.getContext("2d");
    new ResizeObserver(fit).observe(place);
    new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["data-mode"] });
    pointers(); fit(); paint(); list();
    window.atlas.rows.map = taken;
    window.atlas.map = { zoom: (factor) => zoom(factor, width / 2, height / 2), frame, at: (i) => [across(i), down(i)] };
  });
})();
