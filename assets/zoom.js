/* A picture, large: click or Enter on it opens it over the page; arrows go to the next one, Escape closes, and the focus returns.
   A picture in an element with data-zoom takes part; data-zoom="ADDRESS" opens another, larger one. */
(function () {
  "use strict";
  const { element } = window.atlas;
  const root = document.documentElement;
  let dialog = null, links = [], here = 0, opener = null;

  const opaque = () => root.dataset.opaque === "true";
  const source = (link) => {
    const picture = link.querySelector("img"), plain = link.parentElement.dataset.zoom || picture.dataset.src || picture.getAttribute("src");
    return opaque() && picture.classList.contains("synthesised") ? (window.atlas.raw ? window.atlas.raw(plain) : `${plain}${plain.includes("?") ? "&" : "?"}opaque=1`) : plain;
  };

  function build() {
    const button = (label, said, act) => { const made = element("button", { type: "button", "aria-label": said }, label); made.addEventListener("click", act); return made; };
    const toggle = element("button", { type: "button", "data-toggle": "opacity", "aria-pressed": "true" }, "transparency");
    dialog = element("dialog", { class: "zoomed", "aria-label": "large picture" },
      element("figure", {}, element("img", { alt: "" }), element("figcaption", {})),
      element("div", { class: "zoom-tools" }, button("←", "previous picture", () => step(-1)), button("→", "next picture", () => step(1)),
        element("span", { class: "switch", role: "group", "aria-label": "how the picture is shown" }, toggle),
        element("a", { class: "zoom-save", download: "" }, "save"), element("a", { class: "zoom-open" }, "open its page"),
        button("close", "close the large picture", () => dialog.close())));
    document.body.append(dialog);
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => { if (opener) opener.focus({ preventScroll: true }); });
    dialog.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, j: 1, ArrowLeft: -1, ArrowUp: -1, k: -1 }[event.key];
      if (by) { event.preventDefault(); step(by); } else if (event.key === "t") toggle.click(); else if (event.key === "z") dialog.close();
    });
    new MutationObserver(() => { if (dialog.open) show(); }).observe(root, { attributeFilter: ["data-opaque"] });
  }

  function show() {
    const link = links[here], picture = link.querySelector("img"), image = dialog.querySelector("img"), card = link.closest(".card"), page = card && card.querySelector(".more a");
    const synthesised = picture.classList.contains("synthesised");
    image.src = source(link);
    image.alt = picture.alt;
    dialog.querySelector("figcaption").replaceChildren(picture.alt, synthesised && opaque() ? element("small", {}, " · raw, opacity off") : "");
    dialog.querySelector(".switch").hidden = !synthesised;
    dialog.querySelector("[data-toggle]").setAttribute("aria-pressed", String(!opaque()));
    dialog.querySelectorAll("button[aria-label$=' picture']:not([aria-label^=close])").forEach((one) => { one.hidden = links.length < 2; });
    const save = dialog.querySelector(".zoom-save"), open = dialog.querySelector(".zoom-open");
    save.href = source(link);
    save.download = picture.alt.replace(/[^\w-]+/g, "-") + ".webp";
    open.hidden = !page;
    if (page) open.href = page.getAttribute("href");
  }
  function step(by) {
    if (links.length < 2) return;
    here = (here + by + links.length) % links.length;
    opener = links[here];
    show();
  }
  function open(link) {
    if (!dialog) build();
    links = [...document.querySelectorAll(".enlarge")].filter((one) => one.offsetParent);
    if (!links.includes(link)) links = [link];
    here = links.indexOf(link);
    opener = link;
    show();
    dialog.showModal();
    dialog.querySelector(".zoom-tools > button:last-child").focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".enlarge");
    if (button) open(button);
  });

  /* The picture of an element becomes a button. */
  function enlargeable(place) {
    const picture = place.querySelector("img"), button = element("button", { type: "button", class: "enlarge", "aria-label": `enlarge: ${picture.alt}` });
    picture.replaceWith(button);
    button.append(picture);
    return place;
  }
  document.querySelectorAll("[data-zoom]").forEach(enlargeable);
  window.atlas.enlargeable = enlargeable;
  window.atlas.zoom = () => {
    const chosen = document.querySelector(".card.is-selected .enlarge") || document.querySelector(".enlarge");
    if (chosen) open(chosen);
  };
})();
