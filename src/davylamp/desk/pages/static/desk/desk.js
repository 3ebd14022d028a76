/* Keys, columns, choice of rows, where the reader was. Everything works without it, only slower. */
(function () {
  "use strict";
  var doc = document;
  function all(what, inside) { return Array.prototype.slice.call((inside || doc).querySelectorAll(what)); }
  function typing(target) { return target && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && target.type !== "checkbox"; }
  function remember(key, value) { try { value === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, value); } catch (e) { return; } }
  function recall(key) { try { return sessionStorage.getItem(key); } catch (e) { return null; } }

  /* rows: j and k walk, Enter opens, x chooses, / searches */
  var at = -1;
  function rows() { return all("table[data-keys] tbody tr"); }
  function stand(index) {
    var list = rows();
    if (!list.length) { return; }
    at = Math.max(0, Math.min(index, list.length - 1));
    list.forEach(function (row, i) { row.classList.toggle("at", i === at); });
    list[at].scrollIntoView({ block: "nearest" });
  }
  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) { return; }
    if (event.key === "Escape") {
      all("details.drop[open]").forEach(function (one) { one.open = false; });
      if (typing(event.target)) { event.target.blur(); }
      return;
    }
    if (typing(event.target)) { return; }
    var list = rows(), row = list[at];
    if (event.key === "/") { var find = doc.getElementById("find"); if (find) { event.preventDefault(); find.focus(); find.select(); } }
    else if (event.key === "j") { stand(at + 1); }
    else if (event.key === "k") { stand(at - 1); }
    else if (event.key === "x" && row) { var box = row.querySelector("input[type=checkbox]"); if (box) { box.click(); } }
    else if (event.key === "Enter" && row && (event.target === doc.body || event.target.classList.contains("sheet"))) {
      var link = row.querySelector("a[href]"); if (link) { link.click(); }
    }
  }

  /* what is chosen, and the bar that says how many */
  function count() {
    var chosen = all("tbody input[name=item]:checked").length;
    all("tbody input[name=item]").forEach(function (box) { box.closest("tr").classList.toggle("chosen", box.checked); });
    all("[data-bulk]").forEach(function (bar) { bar.hidden = !chosen; });
    all("[data-chosen]").forEach(function (out) { out.textContent = String(chosen); });
    all("input[data-all]").forEach(function (box) {
      var total = all("tbody input[name=item]").length;
      box.checked = chosen > 0 && chosen === total; box.indeterminate = chosen > 0 && chosen < total;
    });
  }
  function changed(event) {
    var box = event.target;
    if (box.matches("input[data-all]")) { all("tbody input[name=item]").forEach(function (one) { one.checked = box.checked; }); }
    if (box.matches("input[data-all], input[name=item]")) { count(); }
    if (box.matches("[data-send]")) { box.form.requestSubmit(); }
  }

  /* one menu at a time */
  function clicked(event) {
    all("details.drop[open]").forEach(function (one) { if (!one.contains(event.target)) { one.open = false; } });
    var printer = event.target.closest("[data-print]");
    if (printer) { window.print(); }
  }

  /* where the reader was in this list */
  var place = "scroll:" + location.pathname + location.search;
  function leave() {
    var sheet = doc.querySelector(".sheet[data-list]");
    if (sheet) { remember(place, sheet.scrollTop + "," + sheet.scrollLeft); }
  }
  function back() {
    var sheet = doc.querySelector(".sheet[data-list]"), kept = recall(place);
    if (sheet && kept) { var two = kept.split(","); sheet.scrollTop = Number(two[0]); sheet.scrollLeft = Number(two[1]); }
  }

  /* an address holds only what was asked for */
  function lean(event) {
    var sent = event.detail.parameters;
    if (event.detail.verb !== "get") { return; }
    Object.keys(sent).forEach(function (name) { if (sent[name] === "" || sent[name] === "unknown") { delete sent[name]; } });
  }
  doc.addEventListener("htmx:configRequest", lean);
  doc.addEventListener("keydown", press);
  doc.addEventListener("change", changed);
  doc.addEventListener("click", clicked);
  doc.addEventListener("htmx:afterSettle", function () { at = -1; place = "scroll:" + location.pathname + location.search; count(); });
  window.addEventListener("pagehide", leave);
  doc.addEventListener("DOMContentLoaded", function () { back(); count(); });
}());
