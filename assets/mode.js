/* Light or dark, before anything is drawn: what the reader chose here, else what the system says. */
(function () {
  "use strict";
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("atlas-mode"); } catch { return null; } };
  const dark = () => root.dataset.mode === "dark" || (!root.dataset.mode && matchMedia("(prefers-color-scheme: dark)").matches);
  if (stored() === "dark" || stored() === "light") root.dataset.mode = stored();
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#mode")) return;
    root.dataset.mode = dark() ? "light" : "dark";
    try { localStorage.setItem("atlas-mode", root.dataset.mode); } catch { /* private window: this page only */ }
  });
})();
