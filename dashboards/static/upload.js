// Drag and drop with progress for forms marked data-upload. Without this file they are plain forms.
"use strict";
for (const form of document.querySelectorAll("form[data-upload]")) {
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

// After a redirect go there; any other answer is a whole page of ours, shown in place of this one.
function show(form, request) {
  if (request.status < 300 && request.responseURL && request.responseURL !== form.action) {
    location.assign(request.responseURL);
    return;
  }
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  document.title = page.title;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelector("main").focus();
}
