/* The tree of classes above any list of them: groups to step into, the way back, what each rests on.
   entries: [{path: "animal/bird", name, picture, photos …}]; nothing here knows where the list came from. */
(function () {
  "use strict";
  const { element } = window.atlas;
  const SHOWN = 4; // pictures of a group

  /* The tree of some classes: {name, path, children: Map, entries}. */
  function tree(entries) {
    const root = { name: "", path: "", children: new Map(), entries };
    for (const entry of entries) {
      let node = root;
      for (const name of entry.path ? entry.path.split("/") : []) {
        if (!node.children.has(name)) node.children.set(name, { name, path: node.path ? `${node.path}/${name}` : name, children: new Map(), entries: [] });
        node = node.children.get(name);
        node.entries.push(entry);
      }
    }
    return root;
  }

  /* The node of a path, or null. */
  const at = (root, path) => (path ? path.split("/") : []).reduce((node, name) => node && node.children.get(name) || null, root);

  /* The groups a reader can step into: two classes or more, and no group that holds all that its parent holds. */
  function groups(node) {
    const found = [...node.children.values()].filter((child) => child.entries.length > 1).map(narrowed);
    if (found.length === 1 && found[0].entries.length === node.entries.length) return groups(found[0]);
    return found.sort((a, b) => b.entries.length - a.entries.length || a.name.localeCompare(b.name));
  }
  function narrowed(node) {
    for (const child of node.children.values()) if (child.entries.length === node.entries.length) return narrowed(child);
    return node;
  }

  /* Pictures from all over a group, so that its tile shows its breadth. */
  function spread(entries) {
    const pictured = entries.filter((entry) => entry.picture), n = Math.min(SHOWN, pictured.length);
    return [...Array(n).keys()].map((i) => pictured[Math.floor((i + 0.5) * pictured.length / n)]);
  }

  function tile(node, open) {
    const pictures = spread(node.entries), n = node.entries.length, rests = (coverage) => node.entries.filter((entry) => entry.coverage === coverage).length;
    const parts = [["full", "many photos"], ["sample", "sample photos"], ["none", "weights only"]].map(([key, said]) => ({ key, said, count: rests(key) })).filter((part) => part.count);
    const rest = parts.map((part) => `${part.count} ${part.said}`).join(", ");
    const bar = element("span", { class: "group-bar", title: `rest on: ${rest}` }, ...parts.map((part) => element("span", { class: part.key })));
    parts.forEach((part, i) => { bar.children[i].style.width = `${100 * part.count / n}%`; });
    const link = element("a", { class: "group", href: open.address(node.path), "data-group": node.path },
      element("span", { class: "group-pictures" }, ...(pictures.length ? pictures.map((entry) => element("img", { class: "picture synthesised", alt: "", width: 56, height: 56, "data-src": entry.picture })) : [element("span", { class: "group-letter", "aria-hidden": "true" }, node.name[0])])),
      element("span", { class: "name" }, node.name),
      element("span", { class: "facts" }, `${n} classes`, element("span", { class: "sr" }, `; rest on: ${rest}`)), bar);
    return link;
  }

  /* Draw the way down to a node and its groups into a place; open = {address(path), go(path)}. */
  function draw(place, root, path, open) {
    const node = at(root, path) || root, steps = node.path ? node.path.split("/") : [];
    const trail = [element("a", { href: open.address(""), "data-group": "" }, `all ${root.entries.length}`)];
    steps.forEach((name, i) => {
      const here = steps.slice(0, i + 1).join("/");
      trail.push(" › ", i === steps.length - 1 ? element("b", { "aria-current": "page" }, name) : element("a", { href: open.address(here), "data-group": here }, name));
    });
    const tiles = groups(node).map((child) => tile(child, open));
    place.replaceChildren(...(steps.length ? [element("p", { class: "trail" }, ...trail)] : []), ...(tiles.length ? [element("div", { class: "group-tiles" }, ...tiles)] : []));
    place.hidden = !place.firstChild;
    place.onclick = (event) => {
      const chosen = event.target.closest("[data-group]");
      if (!chosen || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      open.go(chosen.dataset.group);
      requestAnimationFrame(() => (place.querySelector(".group") || place.querySelector("a") || place).focus({ preventScroll: true }));
    };
    place.onkeydown = (event) => walk(event, place);
  }

  /* Arrows walk over the tiles as they lie on the screen. */
  function walk(event, place) {
    const tiles = [...place.querySelectorAll(".group")], here = tiles.indexOf(document.activeElement);
    if (here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const top = tiles[0].offsetTop, across = tiles.filter((one) => one.offsetTop === top).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = tiles[Math.min(Math.max(here + step, 0), tiles.length - 1)];
    if (here + step >= 0 && here + step < tiles.length + across - 1) next.focus();
  }

  window.atlas.hierarchy = { tree, at, groups, draw };
})();
