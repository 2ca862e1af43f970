/** What can be done with one message. */

import { button, byId, make } from "./dom.js";

const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "👀"];

export class Menu {
  /** Hooks: onReact(message, emoji), onReply, onEdit, onCopy and onDelete, each (message). */
  constructor(hooks) {
    this.hooks = hooks;
    this.element = byId("menu");
    this.element.addEventListener("keydown", (event) => this.press(event));
  }

  open(message, opener, room) {
    const isMine = message.user_id === room.user_id;
    const mayDelete = isMine || ["owner", "moderator"].includes(room.role);
    const choices = [
      room.can_write && this.choice("Reply", () => this.hooks.onReply(message)),
      this.choice("Copy text", () => this.hooks.onCopy(message)),
      room.can_write && isMine && this.choice("Edit", () => this.hooks.onEdit(message)),
      mayDelete && this.choice("Delete", () => this.hooks.onDelete(message)),
    ];
    const react = (one) => () => this.hooks.onReact(message, one);
    const emoji = EMOJI.map((one) => this.choice(one, react(one), `React with ${one}`));
    const row = room.can_write ? make("div", { className: "emoji" }, ...emoji) : "";
    this.element.replaceChildren(row, ...choices.filter(Boolean));
    this.element.showPopover({ source: opener });
    this.place(opener);
    this.element.querySelector("button").focus();
  }

  place(opener) {
    const { top, bottom, right } = opener.getBoundingClientRect();
    const { offsetHeight, offsetWidth } = this.element;
    const isBelow = bottom + offsetHeight < innerHeight;
    this.element.style.top = `${Math.max(8, isBelow ? bottom : top - offsetHeight)}px`;
    this.element.style.left = `${Math.max(8, right - offsetWidth)}px`;
  }

  choice(words, act, label = words) {
    const choose = () => {
      this.element.hidePopover();
      act();
    };
    return button(words, choose, { role: "menuitem", ariaLabel: label });
  }

  press(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.element.querySelectorAll("button")];
    const index = buttons.indexOf(document.activeElement);
    buttons.at((index + step) % buttons.length).focus();
  }
}
