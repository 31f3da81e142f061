// Keyboard: j and k move in lists, Enter opens, / goes to the search.
(() => {
  const typing = (target) => target.closest("input, textarea, select");
  const links = () => [...document.querySelectorAll("table.list tbody tr a:first-of-type")];
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/") {
      const first = document.querySelector("input[type=search]");
      if (first) { event.preventDefault(); first.focus(); }
    }
    if (event.key !== "j" && event.key !== "k") return;
    const all = links();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement);
    const step = event.key === "j" ? 1 : -1;
    all[Math.min(all.length - 1, Math.max(0, here + step))].focus();
  });
})();
