/* Pictures are asked for when they come near the screen. Switches: transparency of syntheses, heat maps over crops. */
(function () {
  "use strict";
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { show(entry.target); near.unobserve(entry.target); }
  }, { rootMargin: "150px" });

  const opaque = () => document.documentElement.dataset.opaque === "true";
  function show(image) {
    const plain = image.dataset.src || (image.dataset.src = image.getAttribute("src"));
    image.src = opaque() && image.classList.contains("synthesised") ? (window.atlas.raw ? window.atlas.raw(plain) : plain + "&opaque=1") : plain;
  }

  const watch = (root) => { for (const image of root.querySelectorAll("img[data-src]:not([src])")) near.observe(image); };
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === 1) {
      if (node.matches("img[data-src]")) near.observe(node);
      watch(node);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
  watch(document);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-toggle]");
    if (!button) return;
    const on = button.getAttribute("aria-pressed") !== "true";
    for (const same of document.querySelectorAll(`[data-toggle="${button.dataset.toggle}"]`)) same.setAttribute("aria-pressed", String(on));
    if (button.dataset.toggle === "heat") document.documentElement.dataset.heat = String(on);
    if (button.dataset.toggle === "opacity") {
      document.documentElement.dataset.opaque = String(!on);
      for (const image of document.querySelectorAll("img.synthesised[src]")) show(image);
    }
  });
  window.atlas.onPage(() => {
    for (const [name, key] of [["heat", "heat"], ["opacity", "opaque"]]) {
      const value = document.documentElement.dataset[key] === "true";
      for (const button of document.querySelectorAll(`[data-toggle="${name}"]`)) button.setAttribute("aria-pressed", String(name === "heat" ? value : !value));
    }
  });
})();
