/* What a view draws, to take away: <p data-exports="NAME" data-kinds="svg png csv json" data-of="SELECTOR"> becomes buttons;
   and what has data-copy gets a button that copies it and says so. */
(function () {
  "use strict";
  const atlas = window.atlas, { element } = atlas, SCALE = 2;

  const stem = () => document.title.split(" · ")[0].replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  function give(content, name) {
    const address = typeof content === "string" && content.startsWith("data:") ? content : URL.createObjectURL(content);
    const link = element("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    if (address.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(address), 10000);
  }
  const text = (content, type) => new Blob([content], { type: `${type};charset=utf-8` });

  /* The numbers of a view: from its script, or written beside what is drawn. */
  function table(place) {
    const told = atlas.rows[place.dataset.exports];
    if (told) return told();
    const drawn = place.dataset.of ? [...document.querySelectorAll(place.dataset.of)] : [];
    const holder = drawn.flatMap((one) => [one, ...one.querySelectorAll("[data-rows]")]).find((one) => one.dataset.rows && !one.hidden);
    return holder ? JSON.parse(holder.dataset.rows) : { columns: [], rows: [] };
  }
  /* A text never begins a formula: spreadsheets would run it. Mirrors plain in atlas/site/rows.py. */
  const plain = (value) => typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? "'" + value : String(value ?? "");
  const cell = (value) => /[",\n\r]/.test(plain(value)) ? `"${plain(value).replaceAll('"', '""')}"` : plain(value);
  const csv = ({ columns, rows }) => [columns, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
  const json = ({ columns, rows }) => JSON.stringify(rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i] === undefined ? null : row[i]]))), null, 1) + "\n";

  function painted(canvas) {
    const copy = element("canvas", { width: canvas.width, height: canvas.height }), pen = copy.getContext("2d");
    pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--panel");
    pen.fillRect(0, 0, copy.width, copy.height);
    pen.drawImage(canvas, 0, 0);
    return copy.toDataURL("image/png");
  }
  function png({ svg, width, height }, name) {
    const image = new Image();
    image.onload = () => {
      const canvas = element("canvas", { width: width * SCALE, height: height * SCALE });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      give(canvas.toDataURL("image/png"), name);
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
  }

  function save(place, kind) {
    const name = `${stem()}-${place.dataset.exports}.${kind}`;
    if (kind === "csv") return give(text(csv(table(place)), "text/csv"), name);
    if (kind === "json") return give(text(json(table(place)), "application/json"), name);
    const drawn = document.querySelector(place.dataset.of), canvas = drawn.querySelector("canvas");
    if (canvas) return give(painted(canvas), name);
    const drawing = atlas.drawing(drawn);
    return kind === "svg" ? give(text(drawing.svg, "image/svg+xml"), name) : png(drawing, name);
  }

  for (const place of document.querySelectorAll("[data-exports]")) {
    const what = place.dataset.exports.replaceAll("-", " ");
    place.append(element("span", {}, `${what}:`), ...place.dataset.kinds.split(" ").map((kind) => {
      const button = element("button", { type: "button" }, element("span", { class: "sr" }, `save ${what} as `), kind.toUpperCase());
      button.addEventListener("click", () => save(place, kind));
      return button;
    }));
    place.hidden = false;
  }

  /* Addresses as others need them: whole. A part of a page is cited like the page, under its own key, title and address. */
  const model = document.querySelector("[data-bibtex]");
  for (const link of document.querySelectorAll("a.whole")) {
    if (!/^https?:/.test(link.textContent)) link.textContent = link.href; // a gallery may know where it is published
    const part = link.closest("details"), key = part.querySelector("code").textContent, entry = model.cloneNode(true);
    const said = { slug: key.replaceAll("/", "-"), title: part.dataset.title, key, address: link.textContent };
    for (const [name, text] of Object.entries(said)) entry.querySelector(`[data-cited=${name}]`).textContent = text;
    part.append(entry);
  }

  async function copy(words) {
    try { await navigator.clipboard.writeText(words); return true; } catch { /* not a secure address, or not allowed: the old way */ }
    const field = element("textarea", { class: "sr", "aria-hidden": "true", tabindex: -1 });
    field.value = words;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
  for (const source of document.querySelectorAll("[data-copy]")) {
    const button = element("button", { type: "button", class: "copy" }, element("span", { "aria-live": "polite" }, "copy"));
    button.addEventListener("click", async () => {
      const done = await copy(source.textContent.trim());
      button.firstChild.textContent = done ? "copied ✓" : "select it and press Ctrl-C";
      button.focus();
      setTimeout(() => { button.firstChild.textContent = "copy"; }, 2000);
    });
    source.after(" ", button);
  }
})();
