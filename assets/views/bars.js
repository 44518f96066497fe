/* Importance by another estimator: its list holds numbers (data-rows) until it is asked for, then bars like those of the first. */
(function () {
  "use strict";
  /* The number as the table of all estimators has it: a row a concept, or what the concepts leave; a column a list. */
  const said = (id, column) => document.querySelector(`.compare [data-key="${id}"]`).cells[column].textContent;

  function draw(list, first) {
    const rows = JSON.parse(list.dataset.rows).rows, column = [...list.parentElement.children].indexOf(list) + 1;
    const values = rows.map((row) => row[1] || 0), low = Math.min(0, ...values), high = Math.max(0, ...values) || 1e-9;
    const at = (value) => 100 * (value - low) / (high - low);
    for (const [id, value] of rows) {
      const like = first.querySelector(`[data-rest="${id}"], [data-concept="${id.split("/").pop()}"]`);
      if (!like || value === null) continue;
      const entry = like.parentElement.cloneNode(true), find = (name) => entry.querySelector("." + name);
      const [start, end] = [at(0), at(value)].sort((a, b) => a - b), fill = find("fill");
      Object.assign(fill.style, { left: `${start}%`, width: `${end - start}%` });
      fill.classList.toggle("negative", value < 0);
      for (const name of ["interval", "zero"]) if (find(name)) find(name).remove();
      if (low < 0) {
        const zero = window.atlas.element("span", { class: "zero" });
        zero.style.left = `${at(0)}%`;
        find("track").append(zero);
      }
      find("value").textContent = said(id, column);
      list.append(entry);
    }
  }

  window.atlas.onChange(() => {
    for (const list of document.querySelectorAll("[data-list]:not([hidden]):empty")) draw(list, list.parentElement.firstElementChild);
  });
})();
