/** Files beside messages: uploading them, and showing those of others. */

import { call, upload } from "./api.js";
import { button, byId, make, toast } from "./dom.js";
import { sizeOf } from "./text.js";

const MOST = 10;
const LINKS_LAST_MS = 10 * 60_000; // they are signed for a quarter of an hour
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
const known = new Map();
const waiting = new Map();
const eyes = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting && waiting.has(target)) fill(target, waiting.get(target));
  }
});

/** An element that asks what it shows once it is in sight. */
export function attachmentView(attachment) {
  const element = make("div", { className: "attachment" }, "…");
  waiting.set(element, attachment);
  eyes.observe(element);
  return element;
}

async function fill(element, attachment) {
  eyes.unobserve(element);
  waiting.delete(element);
  try {
    element.replaceChildren(view(attachment, await detailsOf(attachment)));
  } catch (error) {
    const isGone = error.status === 404;
    element.textContent = isGone ? "This file is not there any more." : error.message;
  }
}

function detailsOf({ type, id }) {
  const key = `${type}:${id}`;
  const found = known.get(key);
  if (found && Date.now() - found.askedAt < LINKS_LAST_MS) return found.details;
  const details = call("GET", `/api/${type === "file" ? "files" : "media"}/${id}`);
  details.catch(() => known.delete(key));
  known.set(key, { details, askedAt: Date.now() });
  return details;
}

function view(attachment, file) {
  const alt = file.original_filename;
  const src = local(file.download_url ?? file.stream_url);
  if (["video", "audio"].includes(file.media_type)) {
    const poster = file.poster_url ? local(file.poster_url) : "";
    return make(file.media_type, { src, poster, controls: true, preload: "none", ariaLabel: alt });
  }
  const isPicture = PICTURES.includes(file.mime_type);
  const link = make("a", { href: src, download: alt, className: isPicture ? "picture" : "file" });
  if (isPicture) link.append(make("img", { src, alt }));
  else link.append(alt, make("small", {}, sizeOf(file.file_size)));
  link.addEventListener("click", (event) => renew(event, link, attachment));
  return link;
}

/** A link that has grown old is signed anew before it is followed. */
async function renew(event, link, attachment) {
  const { askedAt } = known.get(`${attachment.type}:${attachment.id}`) ?? { askedAt: 0 };
  if (Date.now() - askedAt < LINKS_LAST_MS) return;
  event.preventDefault();
  try {
    const file = await detailsOf(attachment);
    link.href = local(file.download_url ?? file.stream_url);
    link.click();
  } catch (error) {
    toast(error.message);
  }
}

/** The address at whichever host the page itself was opened. */
function local(address) {
  const { pathname, search } = new URL(address, location.origin);
  return pathname + search;
}

/** What is to go with the next message. */
export class Uploads {
  constructor(onChange) {
    this.onChange = onChange;
    this.rows = new Map(); // by element
  }

  get isBusy() {
    return [...this.rows.values()].some(({ file }) => !file);
  }

  get files() {
    return [...this.rows.values()].map(({ file }) => file).filter(Boolean);
  }

  add(files) {
    for (const file of [...files].slice(0, MOST - this.rows.size)) this.start(file);
    if (files.length > MOST) toast(`A message takes ${MOST} files at most.`);
  }

  clear() {
    for (const element of [...this.rows.keys()]) this.drop(element);
  }

  drop(element) {
    this.rows.get(element).stop.abort();
    this.rows.delete(element);
    element.remove();
    this.onChange();
  }

  async start(file) {
    const stop = new AbortController();
    const bar = make("progress", { max: 1, value: 0, ariaLabel: `Uploading ${file.name}` });
    const label = { className: "quiet", ariaLabel: `Remove ${file.name}` };
    const remove = button("×", () => this.drop(element), label);
    const element = make("li", {}, make("span", {}, file.name), bar, remove);
    this.rows.set(element, { stop, file: null });
    byId("uploads").append(element);
    this.onChange();
    try {
      const stored = await upload(file, (part) => (bar.value = part), stop.signal);
      if (this.rows.has(element)) this.rows.set(element, { stop, file: stored });
      bar.replaceWith(make("small", {}, sizeOf(stored.file_size)));
    } catch (error) {
      if (!this.rows.has(element)) return;
      this.drop(element);
      toast(`${file.name}: ${error.message}`);
    }
    this.onChange();
  }
}
