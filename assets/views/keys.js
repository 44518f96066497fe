/* The keyboard, and the list of keys. */
(function () {
  "use strict";
  const atlas = window.atlas;
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const KEYS = [
    ["/", "search"],
    ["j k", "next, previous concept"],
    ["← →", "previous, next class"],
    ["Enter", "select what has the focus"],
    ["z", "enlarge the picture of the selected concept"],
    ["u", "up in the hierarchy of classes"],
    ["Esc", "close, or clear the selection"],
    ["?", "this list"],
  ];

  /* The list of keys, made when somebody asks for it. */
  function help() {
    const { element } = atlas, there = document.getElementById("help");
    if (there) return there;
    const rows = KEYS.map(([keys, meaning]) => element("div", {}, element("dt", {}, element("kbd", {}, keys)), element("dd", {}, meaning)));
    const made = element("dialog", { id: "help", "aria-labelledby": "help-title" },
      element("h2", { id: "help-title" }, "Keys"), element("dl", {}, ...rows), element("form", { method: "dialog" }, element("button", {}, "Close")));
    document.body.append(made);
    return made;
  }

  function step(by) {
    const cards = [...document.querySelectorAll("[data-card]")];
    if (!cards.length) return;
    const here = cards.findIndex((card) => Number(card.dataset.card) === atlas.state.concept);
    const next = cards[(here + by + cards.length + (here < 0 && by < 0 ? 1 : 0)) % cards.length];
    atlas.select({ concept: Number(next.dataset.card) }, true);
  }
  const follow = (id) => { const link = document.getElementById(id); if (link) link.click(); };
  const actions = {
    "/": () => { const field = document.getElementById("search"); field.focus(); field.select(); },
    j: () => step(1),
    k: () => step(-1),
    ArrowLeft: () => follow("previous-class"),
    ArrowRight: () => follow("next-class"),
    z: () => atlas.zoom(),
    u: () => { if (atlas.up) atlas.up(); },
    "?": () => help().showModal(),
    Escape: () => atlas.select({ concept: null, strategy: null, photo: null }),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (typing(event.target)) { if (event.key === "Escape") event.target.blur(); return; }
    const action = actions[event.key];
    if (!action || (event.key.startsWith("Arrow") && event.target.closest("[role=region]"))) return;
    event.preventDefault();
    action();
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-help]")) help().showModal(); });
  for (const link of document.querySelectorAll(".permalink")) link.textContent = location.origin + link.textContent;
})();
