// Keyboard: j and k move in lists, Enter opens, x chooses a row, / goes to the search, ? shows the keys.
(() => {
  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select");
  const help = document.getElementById("keys");
  const opener = document.getElementById("keys-open");
  if (help && opener) {
    opener.hidden = false;
    opener.addEventListener("click", () => help.showModal());
  }
  const links = () => [...document.querySelectorAll("table.list tbody tr a:first-of-type")];
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (help?.open) return;
    if (event.key === "?" && help) { event.preventDefault(); help.showModal(); }
    if (event.key === "x") document.activeElement.closest("tr")?.querySelector("input[name=operation]")?.click();
    if (event.key === "/") {
      const first = document.querySelector("input[type=search]");
      if (first) { event.preventDefault(); first.focus(); }
    }
    if (event.key !== "j" && event.key !== "k") return;
    const all = links();
    if (!all.length) return;
    const row = document.activeElement.closest("tr");
    const here = all.findIndex((link) => link === document.activeElement || (row && link.closest("tr") === row));
    const step = event.key === "j" ? 1 : -1;
    all[Math.min(all.length - 1, Math.max(0, here + step))].focus();
  });
})();

// What is chosen in the inbox stays chosen, over pages and filters, until the person takes it back or it was decided.
// The window's own store keeps it, for each person apart. What is not on the page is named beside the number.
(() => {
  const key = `chosen by ${document.body.dataset.person}`;
  const chosen = new Set();
  const boxes = () => [...document.querySelectorAll("#live input[name=operation]")];
  const part = (name) => document.getElementById(name);
  const load = () => {
    try {
      const kept = sessionStorage.getItem(key);
      chosen.clear();
      for (const value of (kept ?? "").split(" ")) if (value) chosen.add(value);
    } catch { return false; }
    return true;
  };
  const keep = () => {
    try { sessionStorage.setItem(key, [...chosen].join(" ")); } catch { /* #one-page-only says so */ }
  };
  const tell = () => {
    const here = new Set(boxes().map((box) => box.value));
    const elsewhere = [...chosen].filter((value) => !here.has(value)).sort((one, other) => one - other);
    part("chosen-number").textContent = String(chosen.size);
    part("chosen-elsewhere").hidden = elsewhere.length === 0;
    part("chosen-elsewhere-which").textContent = elsewhere.join(", ");
    part("chosen-elsewhere-sent").value = elsewhere.join(" ");
    part("choose-none").hidden = chosen.size === 0;
    part("choose-all").closest("label").hidden = false;
    part("choose-all").checked = here.size > 0 && boxes().every((box) => box.checked);
  };
  const show = () => {
    for (const box of boxes()) box.checked = chosen.has(box.value);
    tell();
  };
  const note = (box) => (box.checked ? chosen.add(box.value) : chosen.delete(box.value));
  if (load()) {
    const decided = document.querySelector("[data-decided]")?.dataset.decided.split(" ") ?? [];
    for (const value of decided) chosen.delete(value);
    if (decided.length) keep();
  }
  if (!part("chosen")) return;
  document.addEventListener("change", (event) => {
    if (event.target.id === "choose-all") {
      for (const box of boxes()) { box.checked = event.target.checked; note(box); }
    } else if (event.target.name === "operation") {
      note(event.target);
    } else return;
    keep();
    show();
  });
  part("choose-none").addEventListener("click", () => { chosen.clear(); keep(); show(); });
  document.addEventListener("htmx:afterSwap", show);
  window.addEventListener("pageshow", () => { part("one-page-only").hidden = load(); show(); });
})();

// Values that are copied by one press.
(() => {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done;
    });
  }
})();
