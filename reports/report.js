"use strict";
(() => {
  const all = (words, within = document) => [...within.querySelectorAll(words)];
  const form = document.getElementById("filters");
  const places = all("[data-verdicts]");
  const tables = all("table[data-heads]");

  function filter() {
    const verdict = form.elements.verdict.value;
    const node = form.elements.node.value;
    const item = form.elements.about.value.trim().toLowerCase();
    let shown = 0;
    for (const place of places) {
      const { verdicts, nodes, items } = place.dataset;
      const fits = (!verdict || verdicts.split(" ").includes(verdict))
        && (!node || nodes === undefined || nodes.split(" ").includes(node))
        && (!item || items.toLowerCase().includes(item));
      place.hidden = !fits;
      shown += fits;
    }
    for (const table of tables) {
      const heads = all("thead th", table).slice(1);
      heads.forEach((head, at) => {
        const hidden = node !== "" && table.dataset.heads === "nodes" && head.textContent !== node;
        for (const row of table.rows) if (row.cells[at + 1]) row.cells[at + 1].hidden = hidden;
      });
    }
    document.getElementById("shown").textContent = verdict || node || item ? `${shown} of ${places.length} shown` : "";
  }

  if (form) {
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("reset", (event) => {
      event.preventDefault(); // the browser empties the fields only after this; the filters are to follow at once
      for (const name of ["verdict", "node", "about"]) form.elements[name].value = "";
      filter();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  // The values under a cursor, by pointer or by arrow keys.
  for (const plot of all(".plot")) {
    const svg = plot.querySelector("svg");
    const values = plot.parentElement.querySelector(".values");
    const [begin, seconds, left, right, top, bottom] =
      ["begin", "seconds", "left", "right", "top", "bottom"].map((name) => Number(svg.dataset[name]));
    const lines = all(".line", svg).map((line) => [line.dataset.node, line.dataset.steps.split(" ").filter(Boolean).map((step) => step.split(":"))]);
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
    cursor.setAttribute("class", "cursor");
    svg.append(cursor);
    let at = begin;

    function tell(time) {
      at = Math.min(Math.max(time, begin), begin + seconds);
      const x = left + (at - begin) / seconds * (right - left);
      cursor.setAttribute("d", `M${x} ${top}V${bottom}`);
      const told = lines.map(([node, steps]) => {
        let height = "";
        for (const [t, seen] of steps) { if (Number(t) > at) break; height = seen; }
        return `${node}: ${height || "not seen"}`;
      });
      values.hidden = false;
      values.textContent = `${at.toFixed(1)} s. ${told.join(", ")}`;
    }

    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      tell(begin + (x - left) / (right - left) * seconds);
    });
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      tell(at + step * seconds / 100);
    });
    const wider = document.createElement("button");
    wider.type = "button";
    wider.textContent = "wider";
    wider.setAttribute("aria-pressed", "false");
    wider.addEventListener("click", () => {
      const wide = svg.classList.toggle("wider");
      wider.setAttribute("aria-pressed", String(wide));
    });
    plot.after(wider);
  }
})();
