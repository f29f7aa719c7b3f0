"use strict";
// Tables that sort and filter, and programs that copy. Everything is readable without it.
function enhance(root) {
  for (const table of root.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
        const rows = [...table.tBodies[0].rows].map((row, i) => [row, key(row), i]);
        rows.sort(([, a, i], [, b, j]) => {
          // What has no value stays last, whichever way.
          if (a === "" || b === "") return (a === "") - (b === "") || i - j;
          const [x, y] = [Number(a), Number(b)];
          const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
          return (up ? order : -order) || i - j;
        });
        table.tBodies[0].append(...rows.map(([row]) => row));
      });
    });
  }
  for (const field of root.querySelectorAll("input[data-filters]")) {
    const table = document.getElementById(field.dataset.filters);
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase() + " " + (row.dataset.text ?? "").toLowerCase();
        row.hidden = !wanted.every((word) => text.includes(word));
      }
    });
  }
  for (const button of root.querySelectorAll("button[data-copies]")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copies);
      const said = button.textContent;
      try {
        // A program that is not on the page lies at an address.
        const text = button.dataset.at ? await (await fetch(button.dataset.at)).text() : source.textContent;
        await navigator.clipboard.writeText(text);
        button.textContent = "copied";
      } catch {
        if (source) getSelection().selectAllChildren(source);
        button.textContent = source ? "selected: press Ctrl-C" : "can't copy here";
      }
      setTimeout(() => { button.textContent = said; }, 2000);
    });
  }
}
enhance(document);
