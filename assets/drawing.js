/* A chart made of boxes and words, as SVG: what stands on the screen, with its colours, and nothing the reader could not see. */
(function () {
  "use strict";
  const PAD = 12;
  const number = (value) => Math.round(value * 10) / 10;
  const escape = (text) => text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
  const seen = (colour) => colour && colour !== "transparent" && !/^rgba\(.*, 0\)$/.test(colour);
  const SVG_STYLES = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "opacity"];

  function box(node, style, at) {
    const { x, y, width, height } = at(node.getBoundingClientRect());
    if (!width || !height) return "";
    const radius = style.borderTopLeftRadius.endsWith("%") ? width / 2 : Math.min(parseFloat(style.borderTopLeftRadius) || 0, width / 2, height / 2);
    const place = `x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(height)}" rx="${number(radius)}"`;
    const parts = [];
    if (style.backgroundImage.startsWith("repeating")) {
      const ink = style.boxShadow.match(/rgba?\([^)]*\)|#\w+/);
      parts.push(`<rect ${place} fill="${ink ? ink[0] : "grey"}" fill-opacity=".35" stroke="${ink ? ink[0] : "grey"}"/>`);
    } else if (seen(style.backgroundColor)) parts.push(`<rect ${place} fill="${style.backgroundColor}"/>`);
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({ wide: parseFloat(style[`border${side}Width`]), colour: style[`border${side}Color`], kind: style[`border${side}Style`] }));
    const drawn = sides.map((side) => side.wide > 0 && side.kind !== "none" && seen(side.colour));
    if (drawn.every(Boolean) && sides.every((side) => side.wide === sides[0].wide && side.colour === sides[0].colour)) {
      const half = sides[0].wide / 2;
      parts.push(`<rect x="${number(x + half)}" y="${number(y + half)}" width="${number(Math.max(width - 2 * half, 0))}" height="${number(Math.max(height - 2 * half, 0))}" rx="${number(Math.max(radius - half, 0))}" fill="none" stroke="${sides[0].colour}" stroke-width="${sides[0].wide}"/>`);
      return parts.join("");
    }
    const lines = [[x, y, x + width, y], [x + width, y, x + width, y + height], [x, y + height, x + width, y + height], [x, y, x, y + height]];
    sides.forEach((side, i) => {
      if (!drawn[i]) return;
      const shift = (i === 0 || i === 3 ? 1 : -1) * side.wide / 2, [x1, y1, x2, y2] = lines[i].map((value, k) => number(value + (i % 2 === (k % 2 ? 0 : 1) ? shift : 0)));
      parts.push(`<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${side.colour}" stroke-width="${side.wide}"${side.kind === "dashed" || side.kind === "dotted" ? ' stroke-dasharray="5 4"' : ""}/>`);
    });
    return parts.join("");
  }

  /* The words of a text node, line by line as the page broke them. */
  function words(node, style, at) {
    const range = document.createRange(), lines = [];
    for (const found of node.data.matchAll(/\S+/g)) {
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const place = at(range.getBoundingClientRect()), last = lines[lines.length - 1];
      if (!place.width) continue;
      if (last && Math.abs(last.y - place.y) < 2) { last.text += " " + found[0]; last.width = place.x + place.width - last.x; }
      else lines.push({ ...place, text: found[0] });
    }
    const upright = style.writingMode.startsWith("vertical");
    const font = `font-family="${escape(style.fontFamily)}" font-size="${parseFloat(style.fontSize)}" font-weight="${style.fontWeight}" fill="${style.color}" dominant-baseline="central"`;
    return lines.map((line) => {
      const x = number(line.x + line.width / 2), y = number(line.y + line.height / 2);
      return upright ? `<text ${font} text-anchor="middle" transform="translate(${x} ${y}) rotate(-90)">${escape(line.text)}</text>`
        : `<text ${font} text-anchor="middle" x="${x}" y="${y}">${escape(line.text)}</text>`;
    }).join("");
  }

  function figure(svg, at) {
    const { x, y, width, height } = at(svg.getBoundingClientRect()), copy = svg.cloneNode(true);
    const old = [svg, ...svg.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((node, i) => { const style = getComputedStyle(old[i]); for (const name of SVG_STYLES) node.style.setProperty(name, style.getPropertyValue(name)); });
    for (const [name, value] of Object.entries({ x: number(x), y: number(y), width: number(width), height: number(height) })) copy.setAttribute(name, value);
    return new XMLSerializer().serializeToString(copy);
  }

  /* {svg, width, height} of an element as it stands on the page. */
  window.atlas.drawing = function (root) {
    const frame = root.getBoundingClientRect(), parts = [];
    let right = frame.width, bottom = frame.height, left = 0;
    const at = (rect) => {
      right = Math.max(right, rect.right - frame.left); bottom = Math.max(bottom, rect.bottom - frame.top); left = Math.min(left, rect.left - frame.left);
      return { x: rect.left - frame.left, y: rect.top - frame.top, width: rect.width, height: rect.height };
    };
    const walk = (node) => {
      if (node.nodeType === 3) { if (node.data.trim()) parts.push(words(node, getComputedStyle(node.parentElement), at)); return; }
      if (node.nodeType !== 1 || node.matches(".sr, [hidden], img, script, details, .exports, .switch, input")) return;
      const style = getComputedStyle(node);
      if (style.display === "none" || style.visibility === "hidden") return;
      if (node.localName === "svg") { parts.push(figure(node, at)); return; }
      parts.push(box(node, style, at));
      node.childNodes.forEach(walk);
    };
    walk(root);
    const width = Math.ceil(right - left + 2 * PAD), height = Math.ceil(bottom + 2 * PAD), paper = getComputedStyle(document.documentElement).getPropertyValue("--panel").trim();
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${number(left - PAD)} ${-PAD} ${width} ${height}" width="${width}" height="${height}"><rect x="${number(left - PAD)}" y="${-PAD}" width="${width}" height="${height}" fill="${paper}"/>${parts.join("")}</svg>`;
    return { svg, width, height };
  };
})();
