/** The box to write in: new messages, replies and edits, with files. */

import { Uploads } from "./attachments.js";
import { byId, make } from "./dom.js";
import { nameOf } from "./timeline.js";

const TYPING_EVERY_MS = 3000;
const TALLEST_PX = 200;

export class Composer {
  /** Hooks: onSend(draft), onEdit(message, text), onTyping(isTyping). */
  constructor(hooks) {
    this.hooks = hooks;
    this.box = byId("text");
    this.uploads = new Uploads(() => this.refresh());
    this.kept = new Map(); // what was begun in other rooms
    this.about = null; // {kind: "reply" | "edit", message}
    this.toldAt = -TYPING_EVERY_MS;
    this.listen();
  }

  listen() {
    byId("composer").addEventListener("submit", (event) => this.submit(event));
    this.box.addEventListener("input", () => this.write());
    this.box.addEventListener("keydown", (event) => this.press(event));
    this.box.addEventListener("paste", (event) => this.uploads.add(event.clipboardData.files));
    byId("files").addEventListener("change", ({ target }) => {
      this.uploads.add(target.files);
      target.value = "";
    });
    byId("attach").addEventListener("click", () => byId("files").click());
    byId("cancel-about").addEventListener("click", () => this.drop());
    const room = byId("room");
    room.addEventListener("dragover", (event) => event.preventDefault());
    room.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!byId("composer").hidden) this.uploads.add(event.dataTransfer.files);
    });
  }

  /** Put away what was begun in one room, and take up what was begun in another. */
  move(from, to) {
    if (from && !this.about) this.kept.set(from, this.box.value);
    this.about = null;
    this.uploads.clear();
    this.fill(this.kept.get(to) ?? "");
    this.refresh();
  }

  press(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) this.submit(event);
    if (event.key === "Escape" && this.about) this.drop();
  }

  write() {
    this.grow();
    const isWriting = this.box.value.trim() !== "" && this.about?.kind !== "edit";
    if (!isWriting) this.stopTyping();
    else if (performance.now() - this.toldAt > TYPING_EVERY_MS) this.tellTyping();
    this.refresh();
  }

  tellTyping() {
    this.toldAt = performance.now();
    this.hooks.onTyping(true);
  }

  stopTyping() {
    if (performance.now() - this.toldAt < 2 * TYPING_EVERY_MS) this.hooks.onTyping(false);
    this.toldAt = -TYPING_EVERY_MS;
  }

  submit(event) {
    event.preventDefault();
    if (!this.canSend) return;
    const { about, uploads } = this;
    if (about?.kind === "edit") this.hooks.onEdit(about.message, this.box.value);
    else this.hooks.onSend(draftOf(this.box.value, about, uploads.files));
    uploads.clear();
    this.stopTyping();
    this.drop("");
  }

  get canSend() {
    const hasFiles = this.uploads.files.length > 0 && this.about?.kind !== "edit";
    return !this.uploads.isBusy && (this.box.value.trim() !== "" || hasFiles);
  }

  reply(message) {
    this.take({ kind: "reply", message }, this.about?.kind === "edit" ? "" : this.box.value);
  }

  edit(message) {
    this.take({ kind: "edit", message }, message.message);
  }

  take(about, text) {
    this.about = about;
    const isEdit = about.kind === "edit";
    const title = isEdit ? "Edit your message" : `Reply to ${nameOf(about.message)}`;
    const excerpt = isEdit ? "" : ` ${about.message.message.slice(0, 120)}`;
    byId("about-words").replaceChildren(make("strong", {}, title), excerpt);
    this.fill(text);
    this.box.focus();
  }

  /** No longer about another message. */
  drop(text = this.about?.kind === "edit" ? "" : this.box.value) {
    this.about = null;
    this.fill(text);
    this.box.focus();
  }

  fill(text) {
    this.box.value = text;
    this.grow();
    this.refresh();
  }

  grow() {
    this.box.style.height = "";
    const height = this.box.scrollHeight; // none while it is not shown
    if (height) this.box.style.height = `${Math.min(height + 2, TALLEST_PX)}px`;
  }

  refresh() {
    byId("about").hidden = !this.about;
    byId("send").disabled = !this.canSend;
    byId("attach").hidden = this.about?.kind === "edit";
    byId("send").textContent = this.about?.kind === "edit" ? "Save" : "Send";
  }
}

/** A message needs words: files without any go by their names. */
function draftOf(text, about, files) {
  const isBare = text.trim() === "";
  const names = files.map((file) => file.original_filename).join(", ").slice(0, 4000);
  const kind = files.every((file) => file.mime_type.startsWith("image/")) ? "image" : "file";
  return {
    message: isBare ? names : text,
    message_type: isBare ? kind : "text",
    reply_to: about?.message.id ?? null,
    attachments: files.map(({ id }) => ({ type: "file", id })),
  };
}
