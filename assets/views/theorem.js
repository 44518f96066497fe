/* The theorem, alive: drag the contributions of an affine head; rankings and C-Deletion, C-Insertion follow. */
(function () {
  "use strict";
  const { element } = window.atlas;
  const SVG = "http://www.w3.org/2000/svg", WIDE = 240, HIGH = 130;
  const CODES = [1.2, 0.4, 2.0, 0.8, 1.5];
  /* What each estimator says of concept i on an affine head F(u) = Σ w·u + b; φ = w u. */
  const ESTIMATORS = {
    "contribution": { of: (w, u) => w * u, note: "optimal" },
    "Gradient × Input": { of: (w, u) => u * w, note: "the same" },
    "Integrated Gradients": { of: (w, u) => { let sum = 0; for (let i = 0; i < 50; i++) sum += w; return u * sum / 50; }, note: "the same" },
    "Occlusion": { of: (w, u, all, i) => all.reduce((sum, one, j) => sum + one.w * one.u, 0) - all.reduce((sum, one, j) => sum + (j === i ? 0 : one.w * one.u), 0), note: "the same" },
    "Saliency": { of: (w) => Math.abs(w), note: "ignores the codes" },
    "SmoothGrad": { of: (w) => w, note: "ignores the codes" },
    "Sobol": { of: (w, u, all) => (w * u) ** 2 / (all.reduce((sum, one) => sum + (one.w * one.u) ** 2, 0) || 1), note: "blind to the sign" },
  };

  const number = (value, digits = 2) => (Math.abs(value) < 0.5 * 10 ** -digits ? "" : value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);

  function ranking(estimator, all) {
    const values = all.map((one, i) => estimator.of(one.w, one.u, all, i));
    return all.map((_, i) => i).sort((a, b) => Math.abs(values[b] - values[a]) < 1e-12 ? a - b : values[b] - values[a]);
  }
  /* The logit, as a share of the whole, after each step: F(u) is 1, F(0) is 0. */
  function curve(order, all, inserting) {
    const whole = all.reduce((sum, one) => sum + one.w * one.u, 0), values = [inserting ? 0 : whole];
    for (const i of order) values.push(values[values.length - 1] + (inserting ? 1 : -1) * all[i].w * all[i].u);
    return values.map((value) => value / whole);
  }
  const area = (values) => values.slice(1).reduce((sum, value, i) => sum + (value + values[i]) / 2, 0) / (values.length - 1);
  function average(all, inserting) {
    const k = all.length;
    return [...Array(k + 1).keys()].map((step) => inserting ? step / k : 1 - step / k);
  }

  function line(values, low, high, kind) {
    const made = document.createElementNS(SVG, "polyline");
    made.setAttribute("class", kind);
    made.setAttribute("points", values.map((value, i) => `${(1 + (WIDE - 2) * i / (values.length - 1)).toFixed(1)},${(1 + (HIGH - 2) * (high - value) / (high - low || 1)).toFixed(1)}`).join(" "));
    return made;
  }
  function chart(place, curves, title) {
    const every = curves.flatMap((one) => one.values), low = Math.min(0, ...every), high = Math.max(1, ...every);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
    svg.setAttribute("class", "curves");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${title}: ` + curves.map((one) => `${one.name} ${area(one.values).toFixed(2)}`).join(", "));
    const frame = document.createElementNS(SVG, "path");
    frame.setAttribute("class", "frame-line");
    frame.setAttribute("d", `M1 0V${HIGH - 1}H${WIDE}`);
    svg.append(frame, ...curves.map((one) => line(one.values, low, high, one.kind)));
    place.replaceChildren(element("h3", {}, title), svg);
  }

  function update(place, all) {
    const whole = all.reduce((sum, one) => sum + one.w * one.u, 0);
    const found = Object.entries(ESTIMATORS).map(([name, estimator]) => ({ name, note: estimator.note, order: ranking(estimator, all) }));
    place.querySelector(".logit").textContent = whole > 0.05
      ? `The logit, without the bias: ${number(whole)}.`
      : "These contributions add up to nothing or less: there is no logit to lose, so the curves have no scale. Raise one.";
    place.querySelectorAll("output").forEach((output, i) => { output.textContent = number(all[i].w * all[i].u); });
    const sound = whole > 0.05;
    place.querySelector(".curve-row").hidden = !sound;
    const rows = found.map(({ name, note, order }) => {
      const deletion = area(curve(order, all, false)), insertion = area(curve(order, all, true));
      const best = sound && Math.abs(insertion - area(curve(found[0].order, all, true))) < 1e-9;
      return element("tr", { class: best ? "best" : "" }, element("th", { scope: "row" }, name),
        element("td", {}, ...order.map((i) => element("span", { class: `mini c-${i}` }, String(i)))),
        element("td", { class: "value" }, sound ? deletion.toFixed(2) : "–"), element("td", { class: "value" }, sound ? insertion.toFixed(2) : "–"),
        element("td", {}, best ? "✓ optimal" : note));
    });
    place.querySelector("tbody").replaceChildren(...rows);
    if (!sound) return;
    const [ours, rival] = [found[0], found.find((one) => one.name === "Sobol")];
    place.querySelectorAll(".curve-row > div").forEach((where, k) => chart(where, [
      { name: "random, mean", kind: "random", values: average(all, k === 1) },
      { name: "Sobol", kind: "rival", values: curve(rival.order, all, k === 1) },
      { name: "contribution", kind: "ours", values: curve(ours.order, all, k === 1) },
    ], k ? "C-Insertion: higher is better" : "C-Deletion: lower is better"));
  }

  window.atlas.onPage((page) => {
    const place = page.querySelector("#theorem");
    if (!place) return;
    const start = [1.5, 2.5, -0.6, 1.9, 0.35], all = CODES.map((u, i) => ({ u, w: start[i] }));
    const sliders = all.map((one, i) => {
      const slider = element("input", { type: "range", min: -4, max: 4, step: 0.05, value: (one.w * one.u).toFixed(2), id: `theorem-${i}`, class: `c-${i}` });
      slider.addEventListener("input", () => { one.w = Number(slider.value) / one.u; update(place, all); });
      return element("div", { class: `slide c-${i}` }, element("label", { for: `theorem-${i}` }, `concept ${i} `, element("small", {}, `code ${one.u}`)), slider, element("output", { for: `theorem-${i}` }));
    });
    const head = ["estimator", "its ranking", "C-Deletion", "C-Insertion", ""].map((text) => text ? element("th", { scope: "col" }, text) : element("td"));
    place.replaceChildren(element("div", { class: "slides" }, ...sliders), element("p", { class: "logit caption", role: "status" }),
      element("div", { class: "curve-row" }, element("div"), element("div")),
      element("div", { class: "key-row caption" }, element("span", {}, element("span", { class: "key-line ours" }), "contribution"), element("span", {}, element("span", { class: "key-line" }), "Sobol"), element("span", {}, element("span", { class: "key-line random" }), "random, mean")),
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "rankings of all estimators" }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody"))));
    update(place, all);
    window.atlas.rows.theorem = () => ({
      columns: ["estimator", "ranking", "c_deletion_area", "c_insertion_area", ...all.map((_, i) => `concept_${i}_logits`)],
      rows: Object.entries(ESTIMATORS).map(([name, estimator]) => {
        const order = ranking(estimator, all);
        return [name, order.join(" "), area(curve(order, all, false)), area(curve(order, all, true)), ...all.map((one) => one.w * one.u)];
      }),
    });
  });
})();
