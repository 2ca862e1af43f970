/** Draws a conversation. What did not change keeps its element, and readers keep their place. */

import { attachmentView } from "./attachments.js";
import { button, byId, make, paragraph, span } from "./dom.js";
import { dayOf, names, richText, timeOf } from "./text.js";

const TOGETHER_MS = 5 * 60_000;
const NEAR_PX = 60;
const DELETED = "This message was deleted.";

export class Timeline {
  /** Hooks: onMenu(message, button), onReact(message, emoji), onRetry(draft), onDiscard(draft). */
  constructor(hooks) {
    this.hooks = hooks;
    this.scroller = byId("timeline");
    this.list = byId("messages");
    this.clear();
  }

  clear() {
    this.drawn = new Map(); // key -> what it shows, and its element
    this.list.replaceChildren();
    this.isFresh = true;
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  get isNearStart() {
    return this.scroller.scrollTop < this.scroller.clientHeight;
  }

  scrollToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  draw(conversation, drafts) {
    const place = this.isAtEnd || this.isFresh ? null : this.place();
    this.me = conversation.room;
    this.put([...this.rows(conversation), ...drafts.map((draft) => this.draftRow(draft))]);
    const kept = place && this.drawn.get(place.key)?.element;
    if (kept) this.scroller.scrollTop += kept.offsetTop - place.top;
    else this.scrollToEnd();
    if (this.isFresh) this.list.querySelector(".new")?.scrollIntoView({ block: "center" });
    this.isFresh = false;
  }

  /** Show a message that is loaded; false when it is not. */
  show(message) {
    const element = this.drawn.get(`message:${message.seq}`)?.element;
    element?.scrollIntoView({ block: "center" });
    element?.classList.add("is-shown");
    element?.addEventListener("animationend", () => element.classList.remove("is-shown"));
    return Boolean(element);
  }

  /** The first message in sight, and where it is. */
  place() {
    const { scrollTop } = this.scroller;
    for (const [key, { element }] of this.drawn) {
      const isInSight = element.offsetTop + element.offsetHeight > scrollTop;
      if (isInSight && key.startsWith("message:")) return { key, top: element.offsetTop };
    }
    return null;
  }

  put(rows) {
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { element }] of this.drawn) if (!keys.has(key)) element.remove();
    const drawn = new Map();
    let before = null;
    for (const { key, parts, build } of rows) {
      const element = this.elementOf(key, parts, build);
      const next = before ? before.nextElementSibling : this.list.firstElementChild;
      if (element !== next) this.list.insertBefore(element, next);
      before = element;
      drawn.set(key, { parts, element });
    }
    this.drawn = drawn;
  }

  elementOf(key, parts, build) {
    const known = this.drawn.get(key);
    if (known?.parts.every((part, index) => part === parts[index])) return known.element;
    const element = build();
    if (!known) return element;
    const hadFocus = known.element.contains(document.activeElement);
    known.element.replaceWith(element);
    if (hadFocus) element.querySelector("button.more")?.focus();
    return element;
  }

  *rows(conversation) {
    let before = null;
    for (const message of conversation.shown) {
      const day = dayOf(message.created_at);
      const isNewDay = !before || dayOf(before.created_at) !== day;
      const isNew = conversation.newSince !== null && message.seq === conversation.newSince + 1;
      if (isNewDay) yield row(`day:${day}`, [], () => divider("day", day));
      if (isNew) yield row("new", [], () => divider("new", "New messages"));
      const isFirst = isNewDay || isNew || !areTogether(before, message);
      yield this.messageRow(message, isFirst, conversation);
      before = message;
    }
  }

  messageRow(message, isFirst, conversation) {
    const isReply = message.reply_to !== null && !message.deleted_at;
    const original = isReply ? conversation.find(message.reply_to) : null;
    const build = () => this.messageView(message, isFirst || Boolean(original), original);
    return row(`message:${message.seq}`, [message, isFirst, original], build);
  }

  messageView(message, isFirst, original) {
    const element = make("li", { className: "message" });
    element.classList.toggle("is-first", isFirst);
    element.classList.toggle("names-me", names(message.message, this.me.username));
    const contents = this.contents(message, original);
    const body = make("div", { className: "body" }, isFirst ? head(message) : null, ...contents);
    element.append(isFirst ? avatar(message) : span("gutter", timeOf(message.created_at)), body);
    if (!message.deleted_at) element.append(this.moreButton(message));
    return element;
  }

  contents(message, original) {
    if (message.deleted_at) return [paragraph("gone", DELETED)];
    const isBare = message.message_type !== "text" && message.attachments.length > 0;
    const text = paragraph("text", ...richText(message.message, this.me.username));
    if (message.edited_at) text.append(make("small", { className: "edited" }, " (edited)"));
    return [
      original ? this.quote(original) : null,
      isBare ? null : text,
      ...message.attachments.map(attachmentView),
      this.reactions(message),
    ];
  }

  quote(original) {
    const words = original.deleted_at ? DELETED : original.message.slice(0, 200);
    const quote = button("", () => original.seq && this.show(original), { className: "quote" });
    quote.append(make("strong", {}, nameOf(original)), " ", words);
    return quote;
  }

  reactions(message) {
    const chips = Object.entries(message.reactions).map(([emoji, ids]) => {
      const isMine = ids.includes(this.me.user_id);
      const ariaLabel = `${emoji}, ${ids.length}${isMine ? ", yours too" : ""}`;
      const properties = { className: "chip", ariaPressed: String(isMine), ariaLabel };
      const chip = button(`${emoji} `, () => this.hooks.onReact(message, emoji), properties);
      chip.append(make("small", {}, String(ids.length)));
      return chip;
    });
    return chips.length ? make("div", { className: "reactions" }, ...chips) : null;
  }

  moreButton(message) {
    const ariaLabel = `More about the message of ${nameOf(message)}`;
    const properties = { className: "more quiet", ariaLabel, ariaHasPopup: "menu" };
    const more = button("⋯", () => this.hooks.onMenu(message, more), properties);
    return more;
  }

  draftRow(draft) {
    return row(`draft:${draft.client_id}`, [draft], () => {
      const { user_id, username } = this.me;
      const text = paragraph("text", ...richText(draft.message, username));
      const state = draft.problem ? this.failure(draft) : paragraph("state", "Sending …");
      const body = make("div", { className: "body" }, head({ ...draft, username }), text, state);
      const className = `message is-first ${draft.problem ? "is-failed" : "is-pending"}`;
      return make("li", { className }, avatar({ user_id, username }), body);
    });
  }

  failure(draft) {
    const again = button("Try again", () => this.hooks.onRetry(draft), { className: "link" });
    const discard = button("Discard", () => this.hooks.onDiscard(draft), { className: "link" });
    const state = paragraph("state", `Not sent. ${draft.problem} `, again, " ", discard);
    state.role = "alert";
    return state;
  }
}

export const nameOf = (message) => message.username ?? "Somebody who left";

/** A round letter in a colour of somebody's own. */
export function avatar({ user_id, username }) {
  const letter = (username ?? "?").slice(0, 1).toUpperCase();
  const circle = make("span", { className: "avatar", ariaHidden: "true" }, letter);
  circle.style.setProperty("--hue", ((user_id ?? 0) * 137) % 360);
  return circle;
}

function head(message) {
  return paragraph("head", make("strong", {}, nameOf(message)), timeOf(message.created_at));
}

const row = (key, parts, build) => ({ key, parts, build });
const divider = (className, words) => make("li", { className }, make("span", {}, words));

function areTogether(one, other) {
  const pause = new Date(other.created_at) - new Date(one.created_at);
  return one.user_id === other.user_id && !one.deleted_at && pause < TOGETHER_MS;
}
