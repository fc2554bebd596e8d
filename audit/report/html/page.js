"use strict";
// A reader of the page without this script has everything but sorting, filters and zoom.
const make = (name, text) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  return e;
};
const svg = name => document.createElementNS("http://www.w3.org/2000/svg", name);
const collator = new Intl.Collator("en", {numeric: true});
const grades = "PSHCWXU";

// The dependencies of each grade in the order of the drawings, before any sorting.
const originals = new Map();
const rowsOf = table => {
  if (!originals.has(table)) originals.set(table, Object.fromEntries([...table.tBodies].map(body => [body.className, [...body.rows].slice(1)])));
  return originals.get(table);
};

const sortable = table => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((th, column) => {
    const button = make("button", th.textContent), number = th.classList.contains("n");
    button.type = "button";
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = th.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of heads) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down < 0 ? "descending" : "ascending");
      if (table.matches(".ev")) rowsOf(table);
      const body = make("tbody"), grade = table.matches(".ev") && column === 3;
      const rows = [...table.tBodies].flatMap(old => [...old.rows].filter(row => row.cells[0].scope !== "rowgroup").map(row => {
        row.className ||= old.className;
        const text = row.cells[column] ? row.cells[column].textContent : "";
        return [row, number ? Number(text.replaceAll(",", "")) : grade ? grades.indexOf(text[0]) + text : text];
      }));
      rows.sort((a, b) => down * (number ? a[1] - b[1] : collator.compare(a[1], b[1])));
      body.append(...rows.map(row => row[0]));
      for (const old of [...table.tBodies]) old.remove();
      table.append(body);
    });
  });
};

const filterable = tools => {
  const table = document.getElementById(tools.dataset.for).nextElementSibling.nextElementSibling.firstElementChild;
  const groups = [...table.tBodies].map(body => [body.rows[0], [...body.rows].slice(1)]);
  const all = groups.flatMap(group => group[1]);
  let texts; // of the rows, when there is something to look for
  const out = tools.querySelector("output"), text = tools.querySelector("input"), grade = tools.querySelector("select");
  const tests = [row => !text.value || texts.get(row).includes(text.value.toLowerCase()), row => !grade.value || row.cells[3].textContent[0] === grade.value];
  const apply = () => {
    texts ||= new Map(all.map(row => [row, [...row.cells].map(cell => cell.textContent).join("\n").toLowerCase()]));
    let shown = 0;
    for (const [head, rows] of groups) {
      let some = false;
      for (const row of rows) {
        row.hidden = !tests.every(test => test(row));
        if (!row.hidden) some = true, shown++;
      }
      head.hidden = !some;
    }
    out.textContent = shown === all.length ? "" : shown + " of " + all.length + " match; the others are hidden";
  };
  const types = [...new Set(all.map(row => row.cells[2].textContent))].sort();
  if (types.length > 1) {
    const label = make("label", "Type "), select = make("select");
    select.append(...["all", ...types].map((type, i) => new Option(type, i && type)));
    select.options[0].value = "";
    label.append(select);
    tests.push(row => !select.value || row.cells[2].textContent === select.value);
    select.addEventListener("change", apply);
    out.before(label);
  }
  const fresh = [...table.tHead.rows[0].cells].findIndex(th => th.textContent === "New");
  if (fresh > 0) {
    const label = make("label"), box = make("input");
    box.type = "checkbox";
    label.append(box, " new only");
    tests.push(row => !box.checked || !!row.cells[fresh]?.textContent);
    box.addEventListener("change", apply);
    out.before(label);
  }
  text.addEventListener("input", apply);
  grade.addEventListener("change", apply);
  tools.hidden = false;
};

const rect = path => (path.getAttribute("d").match(/\d+/g) || []).map(Number);
// Names are drawn again for each view, at the size and the length that it has room for.
const label = (map, view) => {
  const k = view[2] / 2400;
  map.style.fontSize = 20 * k + "px";
  for (const text of map.querySelectorAll("text")) text.remove();
  const add = (parent, x, y, w, prefix, name) => {
    if (prefix && name[0] === "/") name = name.slice(name.lastIndexOf("/") + 1);
    const text = svg("text"), room = Math.floor(w / 12 / k) - prefix.length;
    text.setAttribute("x", x + 5 * k);
    text.setAttribute("y", y + 22 * k);
    text.textContent = prefix + (room < 6 && prefix ? "" : name.length > room ? name.slice(0, room - 1) + "…" : name);
    parent.append(text);
  };
  const seen = ([x, y, w, h]) => w && x < view[0] + view[2] && x + w > view[0] && y < view[1] + view[3] && y + h > view[1];
  for (const level of map.querySelectorAll("g")) {
    for (const path of level.querySelectorAll("path")) {
      const r = rect(path);
      if (seen(r) && r[2] >= 24 * k && r[3] >= 26 * k) add(level, r[0], r[1], r[2], level.className.baseVal + " ", path.textContent);
    }
  }
  for (const path of map.querySelectorAll("path.g")) {
    const r = rect(path);
    if (seen(r) && r[2] >= 110 && r[3] >= 90) add(map, r[0], r[1], r[2], "", path.textContent);
  }
};
const zoomable = box => {
  const maps = [...box.querySelectorAll(".map")], zoom = box.querySelector("select"), out = box.querySelector("output");
  const cells = new Map();
  // The areas of bytes get elements of their own, with names, when they are first used.
  const prepare = () => {
    if (cells.size) return;
    const rows = rowsOf(box.closest("section").querySelector(".ev")), levels = maps.map(map => [...map.querySelectorAll("g")]);
    levels[0].forEach((level, n) => {
      const other = levels[1][n], named = [...level.querySelectorAll("path")];
      const paths = other.firstElementChild.getAttribute("d").split("z");
      other.firstElementChild.remove();
      other.prepend(...named.map((path, i) => {
        const copy = path.cloneNode(true);
        copy.setAttribute("d", paths[i] + "z");
        for (const at of [path, copy]) cells.set(at, rows[level.className.baseVal][i]);
        return copy;
      }));
    });
  };
  for (const type of ["change", "pointerover"]) box.addEventListener(type, prepare);
  const groups = maps.map(map => new Map([...map.querySelectorAll(".g")].map(path => [path.textContent, rect(path)])));
  const show = () => maps.forEach((map, i) => {
    const r = zoom.value && groups[i].get(zoom.value);
    let view = [0, 0, 2400, 1200];
    if (r && r[2]) {
      const w = Math.max(r[2], 2 * r[3]);
      view = [r[0] + (r[2] - w) / 2, r[1] + (r[3] - w / 2) / 2, w, w / 2];
    }
    map.setAttribute("viewBox", view.join(" "));
    label(map, view);
  });
  const note = text => { out.textContent = [zoom.value && "only " + zoom.value + " and what it introduces", text].filter(Boolean).join("; "); };
  zoom.append(...[...groups[0].keys()].map(name => new Option(name)));
  zoom.addEventListener("change", () => { note(); show(); });
  if (groups[0].size) zoom.parentNode.hidden = false;
  maps.forEach((map, i) => map.addEventListener("click", event => {
    prepare();
    const row = cells.get(event.target.closest("path"));
    // One group further in.
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
    const within = [...groups[i]].filter(([, r]) => at.x >= r[0] && at.x <= r[0] + r[2] && at.y >= r[1] && at.y <= r[1] + r[3]).map(group => group[0]);
    const next = within[within.indexOf(zoom.value) + 1];
    if (next !== undefined) zoom.value = next, show();
    note(row && [...row.cells].map(cell => cell.textContent).filter(Boolean).join(", "));
  }));
  box.addEventListener("keydown", event => { if (event.key === "Escape") zoom.value = "", note(), show(); });
};

// One part after the other, so that a page of many stages can be read at once.
const parts = [...document.querySelectorAll("section")];
const next = () => {
  const part = parts.shift();
  for (const [selector, set] of [["table.sort", sortable], [".filter", filterable], [".maps", zoomable]]) part.querySelectorAll(selector).forEach(set);
  if (parts.length) setTimeout(next);
  else document.body.dataset.ready = "";
};
next();
