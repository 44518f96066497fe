/* Suggestions under the search field of every page: classes by name, wnid, synonym or kind; concepts by number, id, or the classes they stand for.
   The list of classes is asked for when the field first gets the focus; a field without data-index stays a plain one. */
(function () {
  "use strict";
  const { element } = window.atlas, field = document.getElementById("search");
  const CLASSES = 7, CONCEPTS = 5;
  if (!field || !field.dataset.index) return;

  const folded = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  let data = null, entries = [], names = new Map(), options = [], active = -1, asked = false;

  const list = element("ul", { id: "suggestions", class: "suggestions", role: "listbox", "aria-label": "suggestions", hidden: "" });
  const status = element("span", { class: "sr", role: "status" });
  field.closest("form").append(list, status);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": "suggestions", "aria-expanded": "false" })) field.setAttribute(name, value);

  async function ask() {
    if (asked) return;
    asked = true;
    data = await window.atlas.load(field.dataset.index);
    if (!data) { asked = false; return; }
    entries = data.classes.map((entry) => ({ entry, name: folded(entry.name), own: folded([entry.name, entry.wnid, entry.also].join(" ")), text: folded([entry.name, entry.wnid, entry.also, entry.path].join(" ")) }));
    names = new Map([...data.classes.map((entry) => [entry.wnid, entry.name]), ...data.elsewhere.map(([wnid, name]) => [wnid, name])]);
    if (document.activeElement === field && field.dataset.typed) show();
  }

  /* Classes by how well they match, the best first. */
  function matching(words, query) {
    if (!words.length) return [];
    const rank = (one) => one.name === query || one.entry.wnid === query ? 0 : one.name.startsWith(query) ? 1 : (" " + one.name).includes(" " + query) ? 2 : one.name.includes(query) ? 3 : one.own.includes(query) ? 4 : 5;
    return entries.filter((one) => words.every((word) => one.text.includes(word))).sort((a, b) => rank(a) - rank(b) || b.entry.photos - a.entry.photos);
  }
  const picture = (owner, index) => `${data.base}/pictures/${owner}/${String(index).padStart(2, "0")}.webp?`;
  const ofClass = ({ entry }) => ({ label: entry.name, detail: entry.badge, url: entry.url, picture: entry.picture });
  const concept = (entry, index) => ({ label: `concept ${index} of ${entry.name}`, detail: `${entry.wnid}/${index}`, url: `${entry.url}/${index}`, picture: entry.drawn ? picture(entry.wnid, index) : null });
  const shared = (index) => ({
    label: `shared concept ${index}`, url: `${data.base}/shared/${index}`, picture: data.drawn ? picture("shared", index) : null,
    detail: data.shared[index].length ? `as in ${data.shared[index].map((wnid) => names.get(wnid) || wnid).join(", ")}` : `shared/${index}`,
  });

  function found(text) {
    const query = folded(text.trim()), id = query.match(/^(shared|n\d{8})[\s/]+(\d{1,6})$/);
    const words = query.split(/[\s/]+/).filter((word) => word && word !== "concept" && word !== "concepts");
    const number = words.length && /^\d{1,6}$/.test(words[words.length - 1]) ? Number(words.pop()) : null;
    const onlyShared = words.includes("shared"), rest = words.filter((word) => word !== "shared"), said = rest.join(" ");
    const classes = onlyShared ? [] : matching(rest, said), own = [];
    for (const { entry } of classes.slice(0, 3)) {
      if (number !== null && number < entry.concepts) own.push(concept(entry, number));
      else if (number === null && entry === classes[0].entry && said.length > 2) for (let i = 0; i < Math.min(entry.concepts, 3); i++) own.push(concept(entry, i));
    }
    const common = [];
    if (number !== null && !rest.length && number < data.shared.length) common.push(shared(number));
    else if (rest.length && said.length > 2 && number === null) data.shared.forEach((wnids, i) => {
      if (common.length < CONCEPTS && rest.every((word) => wnids.some((wnid) => folded(names.get(wnid) || "").includes(word)))) common.push(shared(i));
    });
    if (id) return own.concat(common).slice(0, 1);
    const shown = [...own, ...common].slice(0, CONCEPTS);
    return number === null ? [...classes.slice(0, CLASSES).map(ofClass), ...shown] : [...shown, ...classes.slice(0, CLASSES).map(ofClass)];
  }

  function show() {
    options = data && field.value.trim() ? found(field.value) : [];
    active = -1;
    field.removeAttribute("aria-activedescendant");
    list.replaceChildren(...options.map((option, i) => element("li", { id: `suggestion-${i}`, role: "option", "aria-selected": "false" },
      option.picture ? element("img", { class: "picture synthesised", alt: "", width: 36, height: 36, "data-src": option.picture }) : element("span", { class: "no-picture" }),
      element("span", { class: "label" }, option.label), element("small", {}, option.detail))));
    list.hidden = !options.length;
    field.setAttribute("aria-expanded", String(options.length > 0));
    status.textContent = data && field.value.trim() ? `${options.length || "no"} suggestion${options.length === 1 ? "" : "s"}` : "";
  }
  function close() {
    options = [];
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }
  function mark(i) {
    active = i;
    [...list.children].forEach((item, k) => item.setAttribute("aria-selected", String(k === i)));
    if (i < 0) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", `suggestion-${i}`);
    list.children[i].scrollIntoView({ block: "nearest" });
  }

  field.addEventListener("focus", ask);
  field.addEventListener("input", () => { field.dataset.typed = "1"; ask(); show(); });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!options.length) return show();
      const n = options.length + 1, step = event.key === "ArrowDown" ? 1 : -1;
      mark((active + 1 + step + n) % n - 1);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      window.atlas.go(options[active].url);
    } else if (event.key === "Escape" && options.length) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) window.atlas.go(options[[...list.children].indexOf(item)].url);
  });
})();
