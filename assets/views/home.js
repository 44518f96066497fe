/* The front page: cards for all classes from one file, searched, sorted and filtered here. */
(function () {
  "use strict";
  const { element } = window.atlas;
  const SORTS = { index: "class index", name: "name", accuracy: "least recognised", strategies: "strategies" };
  const FILTERS = { all: "all", photos: "with photos", weights: "weights only" };
  let data = null, cards = [], sort = "index", filter = "all";

  const folded = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

  function card(entry) {
    const picture = entry.picture
      ? element("img", { class: "picture synthesised", alt: "", width: 160, height: 160, "data-src": entry.picture })
      : element("div", { class: "absent" }, "no picture");
    const facts = [entry.recognised, entry.strategies ? `${entry.strategies} ${entry.strategies === 1 ? "strategy" : "strategies"}` : ""].filter(Boolean).join(" · ");
    const node = element("a", { class: "class-card", href: entry.url },
      element("span", { class: "visualization" }, picture),
      element("span", { class: "name" }, entry.name),
      element("span", { class: "badge " + entry.coverage }, entry.badge),
      element("span", { class: "facts" }, facts));
    return { entry, node, name: folded(entry.name), text: folded([entry.name, entry.wnid, entry.also, entry.trail].join(" ")) };
  }

  const shown = (one) => filter === "all" || (filter === "photos") === (one.entry.photos > 0);
  function rank(one, words, query) {
    if (!query) return 1;
    if (!words.every((word) => one.text.includes(word))) return 0;
    return one.name === query || one.entry.wnid === query ? 1 : one.name.startsWith(query) ? 2 : one.name.includes(query) ? 3 : 4;
  }

  function update() {
    const field = document.getElementById("search");
    const query = folded(field.value.trim()), words = query.split(/\s+/);
    let count = 0;
    for (const one of cards) {
      const place = shown(one) ? rank(one, words, query) : 0;
      one.node.hidden = !place;
      one.node.style.order = place;
      count += place > 0;
    }
    document.getElementById("found").textContent = query || filter !== "all" ? `${count} of ${cards.length} classes` : "";
    elsewhere(query, words);
    const address = location.pathname + (field.value.trim() ? "?q=" + encodeURIComponent(field.value.trim()) : "");
    if (address !== location.pathname + location.search) history.replaceState(history.state, "", address);
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

  const ORDERS = {
    index: () => 0,
    name: (a, b) => a.name.localeCompare(b.name),
    accuracy: (a, b) => (a.entry.accuracy ?? 2) - (b.entry.accuracy ?? 2),
    strategies: (a, b) => b.entry.strategies - a.entry.strategies,
  };
  function arrange() {
    document.getElementById("classes").append(...[...cards].sort(ORDERS[sort]).map((one) => one.node));
    update();
  }

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

  async function open(page) {
    const grid = page.querySelector("#classes");
    data = await window.atlas.load(grid.dataset.src);
    if (!data) { document.getElementById("found").textContent = "The list of classes could not be loaded. Reload the page to try again."; return; }
    cards = data.classes.map(card);
    const useful = (key) => key in { index: 1, name: 1 } || data.classes.some((entry) => entry[key]);
    choices("sort", Object.fromEntries(Object.entries(SORTS).filter(([key]) => useful(key))), sort, (value) => { sort = value; arrange(); });
    const read = data.classes.filter((entry) => entry.photos > 0).length;
    if (read > 0 && read < cards.length) choices("filter", FILTERS, filter, (value) => { filter = value; update(); });
    arrange();
  }

  window.atlas.onPage((page) => { if (page.dataset.page === "home") open(page); });
  const home = () => document.querySelector("[data-page=home]");
  document.addEventListener("input", (event) => { if (event.target.id === "search" && home() && data) update(); });
  document.addEventListener("submit", (event) => {
    if (!event.target.closest(".search") || !home()) return;
    event.preventDefault();
    const best = cards.filter((one) => !one.node.hidden).sort((a, b) => a.node.style.order - b.node.style.order)[0];
    if (best) location.assign(best.entry.url);
  });
  document.addEventListener("click", (event) => {
    if (event.target.id !== "surprise" || !cards.length) return;
    const withPhotos = cards.filter((one) => one.entry.photos > 0);
    const pool = withPhotos.length ? withPhotos : cards;
    location.assign(pool[Math.floor(Math.random() * pool.length)].entry.url);
  });
})();
