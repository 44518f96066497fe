/* The photos of a class: dots of the strategy graph, list, the panel of one photo with the arithmetic of its logit. */
(function () {
  "use strict";
  const atlas = window.atlas, { element } = atlas;
  const LISTED = 48;
  let data = null, everything = false, graph = null, listed = "", shown = 0;

  const number = (value, digits = 2) => {
    const text = Math.abs(value).toFixed(digits);
    return (Number(text) === 0 ? "" : value < 0 ? "−" : "+") + text;
  };
  const colour = (concept) => {
    const found = data.concepts.find((one) => one.index === concept);
    return found && found.colour < 10 ? "c-" + found.colour : "c-other";
  };
  const said = (i) => `photo ${i}, ${data.correct[i] ? "recognised as" : "mistaken for"} ${data.predicted[i]}, ${leads(i)}${unseen(i) ? ", unseen" : ""}`;
  const unseen = (i) => data.split[i] === "holdout";
  const leads = (i) => data.dominant[i] < 0 ? "no concept leads" : `concept ${data.dominant[i]} leads`;

  /* A photo of the class as an element that fills its box: a tile of the thumbnail sheet, or the reader's own copy. */
  function picture(i, side) {
    if (data.source === "reader") return element("img", { alt: "", src: `${data.base}/${i}.webp?side=${side}`, width: side, height: side });
    if (!data.sprite) return element("span", { class: "numbered" }, String(i));
    const { url, columns, rows } = data.sprite;
    const tile = element("span", { class: "tile" });
    const at = (place, of) => (of > 1 ? (100 * place) / (of - 1) : 0) + "%";
    tile.style.backgroundImage = `url("${url}")`;
    tile.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
    tile.style.backgroundPosition = `${at(i % columns, columns)} ${at(Math.floor(i / columns), rows)}`;
    return tile;
  }

  /* The photos that the selection means: those of the strategy that the concept dominates. */
  function meant(state) {
    const all = [...Array(data.n).keys()];
    return all.filter((i) => (state.strategy === undefined || data.strategy[i] === state.strategy)
      && (state.concept === undefined || data.dominant[i] === state.concept));
  }

  function describe(state, chosen) {
    const parts = [];
    if (state.strategy !== undefined) parts.push(`in strategy ${state.strategy}`);
    if (state.concept !== undefined) parts.push(`led by concept ${state.concept}`);
    if (!parts.length) return `${data.n} ${data.n === 1 ? "photo" : "photos"}`;
    const right = (some) => `${some.filter((i) => data.correct[i]).length} of ${some.length} right`;
    const held = chosen.filter(unseen), others = chosen.filter((i) => !unseen(i));
    const told = [others.length ? right(others) : "", held.length ? `unseen: ${right(held)}` : ""].filter(Boolean);
    return `${chosen.length} of ${data.n} ${parts.join(" and ")}${told.length ? `; ${told.join(", ")}` : ""}`;
  }

  function drawList(state, chosen) {
    const place = document.getElementById("photo-list");
    if (!place) return;
    document.getElementById("selection-status").textContent = describe(state, chosen);
    const now = `${everything} ${chosen}`;
    if (now === listed && place.firstChild) return;
    listed = now;
    const first = everything ? chosen : chosen.slice(0, LISTED);
    const buttons = first.map((i) => element("button",
      { type: "button", class: `thumb ${colour(data.dominant[i])}${data.correct[i] ? "" : " is-wrong"}${unseen(i) ? " is-unseen" : ""}`, "data-photo": i, "aria-label": said(i), "aria-pressed": String(state.photo === i) }, picture(i, 96)));
    if (first.length < chosen.length) {
      const more = element("button", { type: "button", class: "quiet" }, `show all ${chosen.length}`);
      more.addEventListener("click", () => { everything = true; drawList(atlas.state, chosen); });
      buttons.push(more);
    }
    place.replaceChildren(...buttons);
  }

  function markGraph(state, chosen) {
    if (!graph) return;
    const points = graph.querySelectorAll(".points path.point");
    const narrowed = state.concept !== undefined || state.strategy !== undefined;
    const lit = new Set(chosen);
    graph.classList.toggle("is-narrowed", narrowed);
    points.forEach((point, i) => {
      if (i >= data.n) return;
      point.setAttribute("class", `point ${colour(data.dominant[i])}${data.correct[i] ? "" : " is-wrong"}${narrowed && lit.has(i) ? " is-lit" : ""}${state.photo === i ? " is-selected" : ""}`);
    });
  }

  /* The whole arithmetic of the photo that is shown, as a table. */
  atlas.rows.photo = () => {
    const i = shown;
    const parts = [["bias", data.bias[i]], ...data.concepts.map((one, j) => [`${one.shared ? "shared " : ""}concept ${one.index}`, data.contributions[i][j]]),
      ...(data.rest ? [[`${data.rest} other concepts`, data.others[i]]] : []), ["residual", data.residual[i]], ["logit", data.logit[i]]];
    return { columns: ["photo", "key", "predicted", "correct", "part", "logits"], rows: parts.map(([part, value]) => [i, data.keys[i], data.predicted[i], Boolean(data.correct[i]), part, value]) };
  };

  function steps(i) {
    const own = data.concepts.map((concept, j) => ({ ...concept, value: data.contributions[i][j] }));
    own.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const first = own.slice(0, 6), rest = own.slice(6);
    const others = rest.reduce((sum, one) => sum + one.value, 0) + data.others[i];
    const count = rest.length + data.rest;
    return [
      { label: "bias", value: data.bias[i] },
      ...first.map((one) => ({ label: `${one.shared ? "shared " : "concept "}${one.index}`, value: one.value, concept: one.index })),
      ...(count ? [{ label: `${count} others`, value: others }] : []),
      { label: "not explained", value: data.residual[i], unexplained: true },
    ];
  }

  function waterfall(i) {
    const rows = steps(i);
    let total = 0, low = 0, high = 0;
    for (const row of rows) { row.from = total; total += row.value; low = Math.min(low, total); high = Math.max(high, total); }
    const at = (value) => (100 * (value - low)) / (high - low || 1);
    const body = rows.map((row) => {
      const [start, end] = [row.from, row.from + row.value].sort((a, b) => a - b);
      const bar = element("span", { class: "step" + (row.value < 0 ? " negative" : "") + (row.unexplained ? " hatched" : "") });
      bar.style.left = at(start) + "%";
      bar.style.width = Math.max(at(end) - at(start), 0.6) + "%";
      const name = row.concept === undefined ? row.label
        : element("button", { type: "button", "data-concept": row.concept, "aria-pressed": String(atlas.state.concept === row.concept) }, row.label);
      return element("tr", { class: row.concept === undefined ? "c-other" : colour(row.concept) },
        element("th", { scope: "row" }, name), element("td", { class: "track" }, bar), element("td", { class: "value" }, number(row.value)));
    });
    body.push(element("tr", { class: "total" }, element("th", { scope: "row" }, "logit"), element("td"), element("td", { class: "value" }, number(data.logit[i]))));
    return element("table", { class: "waterfall" }, element("caption", { class: "sr" }, `How the logit of photo ${i} adds up, in logits`), element("tbody", {}, ...body));
  }

  /* Which photo to show while none is selected: of those meant, the one that the concept adds most to. */
  function example(state) {
    const column = data.concepts.findIndex((one) => one.index === state.concept);
    if (column < 0) return state.strategy === undefined ? data.first : meant(state)[0] ?? data.first;
    const weight = (i) => data.contributions[i][column];
    return meant(state).reduce((best, i) => (best === undefined || weight(i) > weight(best) ? i : best), undefined) ?? data.first;
  }

  /* The photo in its frame: the reader's own opens large; of a thumbnail there is no more than it shows. */
  function framed(i, alt) {
    if (data.source !== "reader") return element("div", { class: data.sprite ? "frame small" : "frame", role: "img", "aria-label": alt }, picture(i, 448));
    const image = picture(i, 448);
    image.alt = alt;
    return atlas.enlargeable(element("div", { class: "frame", "data-zoom": `${data.base}/${i}.webp?side=896` }, image));
  }

  function drawPhoto(state) {
    const place = document.getElementById("photo-body");
    if (!place || !data.n) return;
    const i = state.photo !== undefined && state.photo < data.n ? state.photo : example(state);
    shown = i;
    const heats = data.heat[i] || [];
    const lit = heats.includes(state.concept) ? state.concept : undefined;
    const alt = `photo ${i} of ${data.name}` + (lit === undefined ? "" : `, bright where concept ${lit} is`);
    const frame = framed(i, alt);
    if (lit !== undefined) frame.append(element("img", { class: "veil", alt: "", width: 448, height: 448, src: atlas.veil ? atlas.veil(data, i, lit) : `${data.base}/${i}/heat/${lit}.webp` }));
    const where = element("p", { class: "caption" }, "where: ", ...heats.flatMap((concept) => [element("button",
      { type: "button", class: `mini ${colour(concept)}`, "data-concept": concept, "aria-pressed": String(state.concept === concept) }, `concept ${concept}`), " "]));
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.concept : undefined;
    const strategy = data.strategies ? (data.strategy[i] < 0 ? " · fits no group" : ` · strategy ${data.strategy[i]}`) : "";
    const single = data.n === 1;
    document.getElementById("photo-title").replaceChildren(single ? "The photo " : `Photo ${i} `,
      element("small", {}, state.photo === undefined && !single ? "· an example" : ""));
    place.replaceChildren(
      element("p", { class: "caption" }, data.correct[i] ? "recognised as " : element("b", { class: "poor" }, "mistaken for "), data.predicted[i], strategy, unseen(i) ? " · an unseen photo" : data.correct[i] ? " · the concepts were learned from photos like this" : ""),
      data.source === "withheld" ? element("p", { class: "placeholder" }, ...place.dataset.missing.split("`").map((words, k) => (k % 2 ? element("code", {}, words) : words))) : frame,
      data.source === "thumbnails" && data.sprite ? element("p", { class: "caption" }, `the thumbnail of the atlas, ${data.sprite.side} pixels; --photo-root shows your own copy of the photo, large`) : "",
      heats.length && data.source !== "withheld" ? where : "", waterfall(i),
      element("p", { class: "caption key" }, data.keys[i]));
    if (focused !== undefined) (place.querySelector(`[data-concept="${focused}"]`) || place).focus();
  }

  function draw(state) {
    if (!data || !document.querySelector("[data-photos]")) return;
    const chosen = meant(state);
    drawList(state, chosen);
    drawPhoto(state);
    markGraph(state, chosen);
  }
  atlas.onChange(draw);

  function hover(event) {
    const tip = document.getElementById("tip") || document.body.appendChild(element("div", { id: "tip", "aria-hidden": "true" }));
    const point = event && event.points && event.points[0];
    tip.hidden = !point;
    if (!point) return;
    const i = point.pointNumber;
    const right = Math.min(event.event.clientX + 14, innerWidth - 170);
    tip.style.left = right + "px";
    tip.style.top = Math.min(event.event.clientY + 14, innerHeight - 190) + "px";
    tip.replaceChildren(element("div", { class: "tip-picture" }, picture(i, 96)),
      element("p", {}, element("b", {}, `photo ${i}`), ` · ${data.correct[i] ? "" : "mistaken for "}${data.predicted[i]}`),
      element("p", {}, leads(i), unseen(i) ? " · placed afterwards" : ""));
  }

  document.addEventListener("click", (event) => {
    const kind = event.target.dataset.save;
    if (kind && graph) window.Plotly.downloadImage(graph, { format: kind, width: 1000, height: 800, scale: 2, filename: document.title.split(" · ")[0] + "-strategies" });
  });

  /* The page, its data and its graph are fetched one after the other; what was published in between is shown whole, by loading the
     page again: once, for who knows what else keeps old pages. */
  let ours = "";
  function ofOnePublish(digest) {
    if (!ours || !digest || digest === ours) return true;
    const here = `${location.pathname} ${ours}`;
    try {
      if (sessionStorage.getItem("reloaded") === here) return true;
      sessionStorage.setItem("reloaded", here);
    } catch { return true; }
    location.reload();
    return false;
  }

  function bind(found) {
    if (!ofOnePublish(found.layout && found.layout.meta && found.layout.meta.digest)) return;
    graph = found;
    found.on("plotly_hover", hover);
    found.on("plotly_unhover", () => hover(null));
    found.on("plotly_click", (event) => {
      const i = event.points[0].pointNumber;
      atlas.select({ photo: atlas.state.photo === i ? null : i });
    });
    found.on("plotly_afterplot", () => data && markGraph(atlas.state, meant(atlas.state)));
    if (data) markGraph(atlas.state, meant(atlas.state));
  }
  function seek() {
    const found = document.querySelector("#strategy-graph .js-plotly-plot");
    if (found && found.on && found.querySelector(".points")) return bind(found);
    if (document.querySelector(".graph")) setTimeout(seek, 30);
  }

  atlas.onPage(async (page) => {
    const panel = page.querySelector("[data-photos]");
    data = null; graph = null; everything = false; listed = "";
    if (!panel) return;
    ours = new URLSearchParams(panel.dataset.photos.split("?")[1] || "").get("v") || "";
    seek();
    data = await atlas.load(panel.dataset.photos);
    if (data && !ofOnePublish(data.digest)) return;
    if (!data) { document.getElementById("photo-body").textContent = "The photos could not be loaded. Reload the page to try again."; return; }
    if (document.contains(panel)) atlas.mark();
  });
})();
