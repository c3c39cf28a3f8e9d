"use strict";
// Tables that are sorted by a click on a head, and the list of students narrowed by what is typed.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const down = head.ariaSort === "ascending";
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
    const number = (text) => (text === "" || text === "–" ? -Infinity : Number.parseFloat(text));
    const rows = [...table.tBodies[0].rows];
    const numeric = rows.every((row) => !Number.isNaN(number(key(row))));
    rows.sort((a, b) => (numeric ? number(key(a)) - number(key(b)) || 0 : key(a).localeCompare(key(b))) * (down ? -1 : 1));
    heads.forEach((other) => { other.ariaSort = null; });
    head.ariaSort = down ? "descending" : "ascending";
    table.tBodies[0].append(...rows);
  }));
}
// A dot leads to a row of the table of all tests, which is folded at first.
const unfold = () => {
  const row = location.hash.startsWith("#test-") && document.querySelector(location.hash);
  if (row) { document.getElementById("all-tests").open = true; row.scrollIntoView({ block: "center" }); }
};
addEventListener("hashchange", unfold);
unfold();
document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const row of document.getElementById("all").tBodies[0].rows)
    row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
});
