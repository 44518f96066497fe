/* The one selection {concept, strategy, photo, by}: kept in the address, shown by every element that names a part of it.
   A classic script without dependencies, so that it also works from file://; it stands after the page it serves. */
(function () {
  "use strict";
  const KEYS = ["concept", "strategy", "photo", "by"];
  const VALID = { concept: /^(0|[1-9][0-9]{0,5})$/, strategy: /^(0|[1-9][0-9]{0,5})$/, photo: /^(0|[1-9][0-9]{0,5})$/, by: /^[a-z][a-z0-9_]{0,31}$/ };
  const listeners = [], loaded = {};
  let state = {};

  /* "?concept=3&by=sobol" → {concept: 3, by: "sobol"}; unknown keys and invalid values are ignored. */
  function parse(query) {
    const found = {};
    const given = new URLSearchParams(query);
    for (const key of KEYS) {
      const value = given.get(key);
      if (value !== null && VALID[key].test(value)) found[key] = key === "by" ? value : Number(value);
    }
    return found;
  }

  /* {concept: 3, by: "sobol"} → "?concept=3&by=sobol", keys in a fixed order. */
  function format(selection) {
    const said = KEYS.filter((key) => selection[key] !== undefined && selection[key] !== null).map((key) => key + "=" + selection[key]);
    return said.length ? "?" + said.join("&") : "";
  }

  const page = () => document.querySelector("[data-page]");
  const exists = (key, value) => key === "photo" || Boolean(document.querySelector(`[data-${key}="${value}"]`));

  function mark() {
    for (const key of KEYS) {
      for (const element of document.querySelectorAll(`[data-${key}]`)) {
        const chosen = key === "by" && state.by === undefined
          ? element === element.parentElement.firstElementChild
          : String(state[key]) === element.dataset[key];
        element.setAttribute("aria-pressed", String(chosen));
      }
    }
    for (const place of document.querySelectorAll("[data-card], [data-mark]")) place.classList.toggle("is-selected", String(state.concept) === (place.dataset.card || place.dataset.mark));
    const lists = [...document.querySelectorAll("[data-list]")];
    lists.forEach((list, i) => { list.hidden = state.by === undefined ? i > 0 : list.dataset.list !== state.by; });
    for (const curve of document.querySelectorAll("[data-curve]")) curve.classList.toggle("is-selected", curve.dataset.curve === state.by);
    for (const part of document.querySelectorAll("[data-when-strategy]")) part.hidden = state.strategy !== undefined && part.dataset.whenStrategy !== String(state.strategy);
    for (const listener of listeners) listener(state);
  }

  function restore() {
    state = parse(location.search);
    for (const key of KEYS) if (state[key] !== undefined && !exists(key, state[key])) delete state[key];
    mark();
  }

  /* Change parts of the selection; null clears one. Stepping replaces the entry in the history, choosing adds one. */
  function select(change, step) {
    const next = { ...state };
    for (const [key, value] of Object.entries(change)) {
      if (value === null || value === undefined) delete next[key]; else next[key] = value;
    }
    if (format(next) === format(state)) return;
    state = next;
    history[step ? "replaceState" : "pushState"](history.state, "", location.pathname + format(state) + location.hash);
    mark();
  }

  function choose(element) {
    for (const key of KEYS) {
      if (element.dataset[key] === undefined) continue;
      const value = key === "by" ? element.dataset.by : Number(element.dataset[key]);
      const first = key === "by" && element === element.parentElement.firstElementChild;
      select({ [key]: first || state[key] === value ? null : value });
    }
  }

  document.addEventListener("click", (event) => {
    const direct = event.target.closest("[data-concept], [data-strategy], [data-photo], [data-by]");
    if (direct) return choose(direct);
    const place = event.target.closest("[data-card], [data-mark]");
    if (!place || event.target.closest("a, button, summary, details") || String(getSelection())) return;
    const concept = Number(place.dataset.card || place.dataset.mark);
    select({ concept: state.concept === concept ? null : concept });
  });
  addEventListener("popstate", restore);

  if (page()) restore();

  window.atlas = {
    parse, format, select, mark,
    get state() { return state; },
    onChange: (listener) => { listeners.push(listener); if (page()) listener(state); },
    /* The JSON at an address, or null; a gallery brings it along as a script, since a page in a folder may not fetch. */
    async load(address) {
      if (window.atlasData) return window.atlasData[address] || null;
      loaded[address] = loaded[address] || fetch(address).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
      const content = await loaded[address];
      if (!content) delete loaded[address];
      return content;
    },
    /* What a view draws, as a table to take away: name → () => {columns, rows}; filled by the views, read by save.js. */
    rows: {},
    go: (address) => location.assign(address), // a gallery knows better where a page lies
    onPage: (arrival) => { if (page()) arrival(page()); },
    /* element("button", {class: "x", "data-photo": 3}, "text", child …) */
    element(tag, attributes, ...children) {
      const made = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes || {})) if (value !== null && value !== false && value !== undefined) made.setAttribute(name, value);
      made.append(...children.filter((child) => child !== null && child !== undefined));
      return made;
    },
  };
})();
