// Drag and drop with progress for forms marked data-upload. Without this file they are plain forms.
"use strict";
function prepare(form) {
  const drop = form.querySelector(".drop");
  const input = form.querySelector("input[type=file]");
  const bar = form.querySelector(".upload-bar");
  const said = form.querySelector(".upload-said");
  const stop = (event) => event.preventDefault();
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { stop(event); drop.classList.add("is-over"); });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => {
    stop(event);
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
  form.addEventListener("submit", (event) => {
    stop(event);
    const request = new XMLHttpRequest();
    bar.hidden = false;
    said.textContent = form.dataset.sending;
    request.upload.addEventListener("progress", (at) => {
      if (at.lengthComputable) bar.value = (100 * at.loaded) / at.total;
    });
    request.upload.addEventListener("load", () => { said.textContent = form.dataset.sent; });
    request.addEventListener("error", () => { bar.hidden = true; said.textContent = form.dataset.failed; });
    request.addEventListener("load", () => show(form, request));
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "text/html");
    request.send(new FormData(form));
  });
}

document.querySelectorAll("form[data-upload]").forEach(prepare);

// After a redirect go there; any other answer is a whole page of ours, shown in place of this one. The chosen file stays chosen,
// and the focus goes to what is wrong: a question about the place must not cost the way to the file again.
function show(form, request) {
  if (request.status < 300 && request.responseURL && request.responseURL !== form.action) {
    location.assign(request.responseURL);
    return;
  }
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const chosen = form.querySelector("input[type=file]").files;
  document.title = page.title;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  const main = document.querySelector("main");
  const wrong = main.querySelector("[aria-invalid=true]");
  for (const again of main.querySelectorAll("form[data-upload]")) {
    prepare(again);
    if (wrong && again.contains(wrong)) again.querySelector("input[type=file]").files = chosen;
  }
  document.dispatchEvent(new Event("main-replaced"));
  (wrong ?? main).focus();
}
