// Filtering, sorting and paging of the list of mistakes; without this script the whole list simply stands there.
"use strict";
const list = document.getElementById("mistakes");
const all = Array.from(list.querySelectorAll("article"));
const field = (name) => document.getElementById("filter-" + name);
const fields = ["label", "kind", "slice", "order", "search"].map(field).filter(Boolean);
const count = document.getElementById("count");
const more = document.getElementById("more");
const page = 50;
let shown = page;

function matching() {
  const label = field("label").value, kind = field("kind").value, search = field("search").value.toLowerCase();
  const slice = field("slice") ? field("slice").value : "";
  return all.filter((item) =>
    (!label || item.dataset.label === label) && (!kind || item.dataset.kind === kind) &&
    (!slice || item.dataset.slices.split("\n").includes(slice)) &&
    (!search || item.textContent.toLowerCase().includes(search)));
}

function show() {
  const found = matching();
  if (field("order").value === "unsure") found.reverse();
  const visible = new Set(found.slice(0, shown));
  for (const item of all) item.hidden = !visible.has(item);
  for (const item of found) list.append(item);
  count.textContent = visible.size + " of " + found.length + " shown";
  more.hidden = found.length <= shown;
}

for (const input of fields) input.addEventListener("input", () => { shown = page; show(); });
more.addEventListener("click", () => { shown += page; show(); });
window.addEventListener("beforeprint", () => { shown = all.length; show(); });
document.querySelector(".tools").hidden = false;
show();
