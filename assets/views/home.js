/* The front page: cards for all classes from one file; searched, narrowed by the hierarchy, sorted and filtered here.
   What is shown is in the address: ?q=crane&in=animal/bird&sort=name&show=full. */
(function () {
  "use strict";
  const { element, hierarchy } = window.atlas;
  const SORTS = { index: "class index", name: "name", photos: "most photos", accuracy: "least often right", strategies: "strategies" };
  const FILTERS = { all: "all", full: "many photos", sample: "sample photos", none: "weights only" };
  const KEYS = ["q", "in", "sort", "show"];
  let data = null, cards = [], root = null, state = {};

  const folded = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const field = () => document.getElementById("search");

  function card(entry) {
    const picture = entry.picture
      ? element("img", { class: "picture synthesised", alt: "", width: 160, height: 160, "data-src": entry.picture })
      : element("span", { class: "absent" }, "no picture");
    const facts = [entry.right, entry.strategies ? `${entry.strategies} ${entry.strategies === 1 ? "strategy" : "strategies"}` : ""].filter(Boolean).join(" · ");
    const node = element("a", { class: "class-card", href: entry.url },
      element("span", { class: "visualization" }, picture),
      element("span", { class: "name" }, entry.name),
      element("span", { class: "badge " + entry.coverage }, entry.badge),
      element("span", { class: "facts", title: entry.right_interval || null }, facts));
    return { entry, node, name: folded(entry.name), text: folded([entry.name, entry.wnid, entry.also, entry.path.replaceAll("/", " ")].join(" ")) };
  }

  /* The state that an address means; what this atlas cannot show is left out. */
  function read() {
    const given = new URLSearchParams(location.search), found = {};
    for (const key of KEYS) if (given.get(key)) found[key] = given.get(key).slice(0, 200);
    if (!(found.sort in SORTS) || found.sort === "index") delete found.sort;
    if (!(found.show in FILTERS) || found.show === "all") delete found.show;
    if (found.in && !hierarchy.at(root, found.in)) delete found.in;
    return found;
  }
  function address(next) {
    const said = KEYS.filter((key) => next[key]).map((key) => `${key}=${encodeURIComponent(next[key]).replaceAll("%20", "+").replaceAll("%2F", "/")}`);
    return location.pathname + (said.length ? "?" + said.join("&") : "");
  }
  function change(part, added) {
    state = { ...state, ...part };
    if (address(state) !== location.pathname + location.search) history[added ? "pushState" : "replaceState"](history.state, "", address(state));
  }

  const within = (one) => !state.in || one.entry.path === state.in || one.entry.path.startsWith(state.in + "/");
  const shown = (one) => within(one) && (!state.show || one.entry.coverage === state.show);
  function rank(one, words, query) {
    if (!query) return 1;
    if (!words.every((word) => one.text.includes(word))) return 0;
    return one.name === query || one.entry.wnid === query ? 1 : one.name.startsWith(query) ? 2 : one.name.includes(query) ? 3 : 4;
  }

  function update() {
    const query = folded((state.q || "").trim()), words = query.split(/\s+/);
    let count = 0;
    for (const one of cards) {
      const place = shown(one) ? rank(one, words, query) : 0;
      if (one.place === place) { count += place > 0; continue; }
      one.place = place;
      one.node.hidden = !place;
      one.node.style.order = place;
      count += place > 0;
    }
    document.getElementById("found").textContent = Object.keys(state).some((key) => key !== "sort" && state[key]) ? `${count} of ${cards.length} classes` : "";
    elsewhere(query, words);
  }

  /* ImageNet classes that match, but that this atlas does not hold. */
  function elsewhere(query, words) {
    const place = document.getElementById("elsewhere");
    place.replaceChildren();
    if (query.length < 2) return;
    const found = data.elsewhere.filter(([wnid, name, also]) => words.every((word) => folded(`${wnid} ${name} ${also}`).includes(word)));
    if (!found.length) return;
    const names = found.slice(0, 12).map(([wnid, name]) => `${name} (${wnid})`).join(", ");
    place.append(element("p", { class: "caption" }, `Not in this atlas: ${names}${found.length > 12 ? ` and ${found.length - 12} more` : ""}.`));
  }

  /* By unseen photos first, then those that have none by the others; a handful of photos tells no order. */
  const FEW = 20, ends = (rate) => rate || [null, null, null];
  const least = (entry) => entry.holdout >= FEW && entry.accuracy_holdout ? entry.accuracy_holdout[0]
    : entry.photos - entry.holdout >= FEW && entry.accuracy_fit ? 1 + entry.accuracy_fit[0] : 3;
  const ORDERS = {
    index: () => 0,
    name: (a, b) => a.name.localeCompare(b.name),
    photos: (a, b) => b.entry.photos - a.entry.photos,
    accuracy: (a, b) => least(a.entry) - least(b.entry),
    strategies: (a, b) => b.entry.strategies - a.entry.strategies,
  };
  const ordered = () => [...cards].sort(ORDERS[state.sort || "index"]);

  function choices(id, options, current, pick) {
    const place = document.getElementById(id);
    place.replaceChildren(...Object.entries(options).map(([value, label]) => {
      const button = element("button", { type: "button", "aria-pressed": String(value === current) }, label);
      button.addEventListener("click", () => {
        for (const other of place.children) other.setAttribute("aria-pressed", String(other === button));
        pick(value);
      });
      return button;
    }));
  }

  function draw() {
    const useful = (key) => key in { index: 1, name: 1 } || new Set(data.classes.map((entry) => key === "accuracy" ? least(entry) : entry[key])).size > 1;
    choices("sort", Object.fromEntries(Object.entries(SORTS).filter(([key]) => useful(key))), state.sort || "index",
      (value) => { change({ sort: value === "index" ? "" : value }); document.getElementById("classes").append(...ordered().map((one) => one.node)); });
    const known = Object.keys(FILTERS).filter((key) => key === "all" || data.classes.some((entry) => entry.coverage === key));
    if (known.length > 2) choices("filter", Object.fromEntries(known.map((key) => [key, FILTERS[key]])), state.show || "all", (value) => { change({ show: value === "all" ? "" : value }); update(); });
    document.getElementById("classes").append(...ordered().map((one) => one.node));
    browse();
    update();
  }
  function browse() {
    const place = document.getElementById("groups");
    if (place) hierarchy.draw(place, root, state.in || "", { address: (path) => address({ ...state, in: path }), go });
  }
  function go(path) {
    change({ in: path }, true);
    browse();
    update();
  }

  async function open(page) {
    const grid = page.querySelector("#classes");
    data = await window.atlas.load(grid.dataset.src);
    if (!data) { document.getElementById("found").textContent = "The list of classes could not be loaded. Reload the page to try again."; return; }
    cards = data.classes.map(card);
    root = hierarchy.tree(data.classes);
    state = read();
    if (state.q) field().value = state.q;
    draw();
    window.atlas.rows.classes = () => ({
      columns: ["class_index", "wnid", "name", "path", "rests_on", "n_photos", "n_holdout", "accuracy_holdout", "accuracy_holdout_low", "accuracy_holdout_high",
        "accuracy_fit", "accuracy_fit_low", "accuracy_fit_high", "unexplained", "strategies", "concepts"],
      rows: ordered().filter((one) => one.place).map(({ entry }) => [entry.index, entry.wnid, entry.name, entry.path, entry.badge, entry.photos, entry.holdout,
        ...ends(entry.accuracy_holdout), ...ends(entry.accuracy_fit), entry.unexplained, entry.strategies, entry.concepts]),
    });
  }

  window.atlas.onPage((page) => { if (page.dataset.page === "home") open(page); });
  const home = () => document.querySelector("[data-page=home]");
  document.addEventListener("input", (event) => { if (event.target.id === "search" && home() && data) { change({ q: field().value.trim() }); update(); } });
  addEventListener("popstate", () => { if (home() && data) { state = read(); field().value = state.q || ""; draw(); } });
  document.addEventListener("submit", (event) => {
    if (!event.target.closest(".search") || !home()) return;
    event.preventDefault();
    const best = cards.filter((one) => one.place).sort((a, b) => a.place - b.place)[0];
    if (best) window.atlas.go(best.entry.url);
  });
  document.addEventListener("click", (event) => {
    if (event.target.id !== "surprise" || !cards.length) return;
    const seen = cards.filter((one) => within(one)), strange = seen.filter((one) => one.entry.strategies > 1), withPhotos = seen.filter((one) => one.entry.photos > 0);
    const pool = [strange, withPhotos, seen].find((some) => some.length > 0);
    window.atlas.go(pool[Math.floor(Math.random() * pool.length)].entry.url);
  });
  window.atlas.up = () => { if (home() && state.in) go(state.in.split("/").slice(0, -1).join("/")); };
})();
