/* Before anything is drawn: pictures wait until they are near the screen (views/pictures.js); browsers alone would fetch far more. */
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeName === "IMG" && node.loading === "lazy" && node.hasAttribute("src")) {
    node.dataset.src = node.getAttribute("src");
    node.removeAttribute("src");
  }
}).observe(document, { childList: true, subtree: true });
