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

// The rows that are chosen in the inbox stay chosen when the list is shown anew.
(() => {
  const chosen = new Set();
  const boxes = () => [...document.querySelectorAll("#live input[name=operation]")];
  const tell = () => {
    const told = document.getElementById("chosen-number");
    if (told) told.textContent = String(chosen.size);
    const all = document.getElementById("choose-all");
    if (all) {
      all.closest("label").hidden = false;
      all.checked = boxes().length > 0 && boxes().every((box) => box.checked);
    }
  };
  const note = (box) => (box.checked ? chosen.add(box.value) : chosen.delete(box.value));
  const show = () => {
    const there = new Set(boxes().map((box) => box.value));
    for (const value of chosen) if (!there.has(value)) chosen.delete(value);
    for (const box of boxes()) box.checked = chosen.has(box.value);
    tell();
  };
  document.addEventListener("change", (event) => {
    if (event.target.id === "choose-all") {
      for (const box of boxes()) { box.checked = event.target.checked; note(box); }
    } else if (event.target.name === "operation") {
      for (const box of boxes()) if (box.value === event.target.value) box.checked = event.target.checked;
      note(event.target);
    } else return;
    tell();
  });
  document.addEventListener("htmx:afterSwap", show);
  window.addEventListener("pageshow", () => { boxes().forEach(note); tell(); });
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
