"use strict";
for (const table of document.querySelectorAll("table.sort")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((th, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = th.textContent;
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = th.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = row => row.cells[column].textContent, number = th.classList.contains("n");
      const rows = [...body.rows].sort((a, b) => number
        ? Number(value(a).replaceAll(",", "")) - Number(value(b).replaceAll(",", ""))
        : value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
for (const tools of document.querySelectorAll(".filter")) {
  const table = document.getElementById(tools.dataset.for), rows = [...table.tBodies[0].rows];
  const text = tools.querySelector("input"), select = tools.querySelector("select"), out = tools.querySelector("output");
  const apply = () => {
    const want = text.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const ok = row.textContent.toLowerCase().includes(want) && (!select.value || row.cells[3].textContent.startsWith(select.value + " "));
      row.hidden = !ok;
      if (ok) shown++;
    }
    out.textContent = shown === rows.length ? "" : shown + " of " + rows.length;
  };
  text.addEventListener("input", apply);
  select.addEventListener("change", apply);
  tools.hidden = false;
}
for (const tools of document.querySelectorAll(".zoom")) {
  const maps = tools.dataset.for.split(" ").map(id => document.getElementById(id));
  const [area, whole] = tools.querySelectorAll("button"), out = tools.querySelector("output");
  const all = maps[0].getAttribute("viewBox");
  const cells = map => map.querySelectorAll("g > path");
  cells(maps[1]).forEach((cell, i) => cell.append(cells(maps[0])[i].firstChild.cloneNode(true)));
  let by = 0;
  const show = () => maps.forEach((map, i) => { map.toggleAttribute("hidden", i !== by); });
  const reset = () => { for (const map of maps) map.setAttribute("viewBox", all); whole.hidden = true; out.textContent = ""; };
  area.addEventListener("click", () => {
    by = 1 - by;
    area.textContent = by ? "Area: dependencies" : "Area: bytes";
    reset();
    show();
  });
  whole.addEventListener("click", reset);
  for (const map of maps) {
    const groups = [...map.querySelectorAll("path.g")];
    map.addEventListener("click", event => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
      const view = map.viewBox.baseVal;
      let best = null;
      for (const group of groups) {
        const b = group.getBBox();
        if (at.x < b.x || at.x > b.x + b.width || at.y < b.y || at.y > b.y + b.height) continue;
        if (b.width >= view.width - 1 && b.height >= view.height - 1) continue;
        if (!best || b.width * b.height > best.width * best.height) best = b, best.name = group.textContent;
      }
      const cell = event.target.closest("path");
      out.textContent = cell ? cell.textContent : "";
      if (!best) return;
      map.setAttribute("viewBox", [best.x, best.y, best.width, best.height].join(" "));
      out.textContent = best.name;
      whole.hidden = false;
    });
    map.addEventListener("keydown", event => { if (event.key === "Escape") reset(); });
  }
  tools.hidden = false;
}
