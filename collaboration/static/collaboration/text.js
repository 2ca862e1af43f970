/** What people wrote, as nodes: text, links and names. Nothing of it is ever read as markup. */

import { make } from "./dom.js";

// Links without the punctuation after them, and names as the server finds them.
const LINK = /(?<link>https?:\/\/[^\s<>"]*[^\s<>".,;:!?)'\]])/;
const NAME = /(?<![\w.@-])@(?<name>[a-z0-9][\w.-]*\w)/;
const TOKEN = new RegExp(`${LINK.source}|${NAME.source}`, "gi");
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const inWords = { weekday: "long", day: "numeric", month: "long" };
const calendar = new Intl.DateTimeFormat(undefined, inWords);
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const SIZES = ["bytes", "KB", "MB", "GB"];

export function richText(text, myName) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const { link, name } = match.groups;
    nodes.push(text.slice(end, match.index), link ? linkTo(link) : mention(name, myName));
    end = match.index + match[0].length;
  }
  return [...nodes, text.slice(end)];
}

/** Whether somebody is named in a text. */
export function names(text, name) {
  const wanted = name.toLowerCase();
  return [...text.matchAll(TOKEN)].some((match) => match.groups.name?.toLowerCase() === wanted);
}

export function timeOf(moment) {
  const date = new Date(moment);
  return make("time", { dateTime: moment, title: full.format(date) }, clock.format(date));
}

export function dayOf(moment) {
  const date = new Date(moment);
  const year = date.getFullYear();
  return calendar.format(date) + (year === new Date().getFullYear() ? "" : `, ${year}`);
}

export function sizeOf(bytes) {
  const step = bytes ? Math.min(3, Math.floor(Math.log2(bytes) / 10)) : 0;
  return `${(bytes / 1024 ** step).toFixed(step ? 1 : 0)} ${SIZES[step]}`;
}

function linkTo(href) {
  return make("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, href);
}

function mention(name, myName) {
  const isMe = name.toLowerCase() === myName.toLowerCase();
  return make("span", { className: isMe ? "mention is-me" : "mention" }, `@${name}`);
}
