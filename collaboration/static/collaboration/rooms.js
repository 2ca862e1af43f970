/** The list of rooms with what is unread in them, making rooms, and the people of one. */

import { call } from "./api.js";
import { button, byId, make, onSubmit, span, toast } from "./dom.js";
import { Live } from "./live.js";
import { avatar } from "./timeline.js";

const LOOK_MS = 5000;
const NEWS = ["hello", "notification", "unread"]; // perhaps of a mention, or of a new room
const ROOM_ID = /^(?!\.{1,2}$)[A-Za-z0-9._:-]{1,100}$/;

export const addressOf = (roomId) => `/chat/${encodeURIComponent(roomId)}`;

export class Rooms {
  /** Hooks: onOpen(roomId). `current()` is the room that is open, `{room_id, title, private}`. */
  constructor(current, hooks) {
    Object.assign(this, { current, hooks, rooms: [] });
    onSubmit(byId("find-room"), ({ room_id }) => this.find(room_id.trim()));
    onSubmit(byId("new-room"), (fields) => this.create(fields));
    byId("make-room").addEventListener("click", () => byId("new-room-dialog").showModal());
    const { title, room_id } = byId("new-room").elements;
    title.addEventListener("input", () => (room_id.value = idFor(title.value)));
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
  }

  start() {
    this.stop();
    this.clock = setInterval(() => document.hidden || this.look(), LOOK_MS);
    const onFrame = ({ type }) => NEWS.includes(type) && this.look();
    this.events = new Live("/ws/events", { onFrame, onState() {}, onEnd() {} });
  }

  stop() {
    clearInterval(this.clock);
    this.events?.close();
    this.rooms = [];
  }

  async look() {
    try {
      this.rooms = await call("GET", "/api/chat/rooms?limit=200");
      this.draw();
    } catch {
      // What is seen stays, and is looked at again soon.
    }
  }

  draw() {
    const open = this.current();
    const isOpen = (room) => room.room_id === open?.room_id;
    const known = this.rooms.map((room) => (isOpen(room) ? { ...room, ...open } : room));
    const rooms = open && !known.some(isOpen) ? [open, ...known] : known;
    const shown = JSON.stringify([rooms, open?.room_id]);
    if (shown === this.shown) return;
    this.shown = shown;
    const focused = document.activeElement.closest("#rooms a")?.href;
    const links = rooms.map((room) => this.link(room, open));
    byId("rooms").replaceChildren(...links.map((link) => make("li", {}, link)));
    byId("no-rooms").hidden = rooms.length > 0;
    links.find(({ href }) => href === focused)?.focus();
    const unread = rooms.reduce((sum, room) => sum + (room.muted ? 0 : unreadIn(room, open)), 0);
    document.title = `${unread ? `(${unread}) ` : ""}${open ? titleOf(open) : "Chat"} - Alice`;
  }

  link(room, open) {
    const isOpen = room.room_id === open?.room_id;
    const unread = unreadIn(room, open);
    const link = make("a", { href: addressOf(room.room_id) });
    link.className = unread ? "has-unread" : "";
    link.append(sign(room), span("name", titleOf(room)), unread ? badge(unread) : "");
    link.append(span("said", lastSaid(room)));
    if (isOpen) link.ariaCurrent = "page";
    link.addEventListener("click", (event) => this.follow(event, room.room_id));
    return link;
  }

  follow(event, roomId) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.hooks.onOpen(roomId);
  }

  find(roomId) {
    if (!ROOM_ID.test(roomId)) throw new Error("Use 1 to 100 of letters, digits and - _ . :");
    byId("find-room").reset();
    this.hooks.onOpen(roomId);
  }

  async create({ room_id, title, is_private, members }) {
    if (!ROOM_ID.test(room_id)) throw new Error("The address takes letters, digits and - _ . :");
    const invited = members.split(/[\s,]+/).filter(Boolean);
    const room = { room_id, title, private: is_private === "on", members: invited };
    await call("POST", "/api/chat/rooms", room);
    byId("new-room-dialog").close();
    byId("new-room").reset();
    this.look();
    this.hooks.onOpen(room_id);
  }
}

/** Who is in the open room: members with their roles, and who is there just now. */
export class People {
  constructor(current, hooks) {
    Object.assign(this, { current, hooks });
    this.dialog = byId("people-dialog");
    byId("show-people").addEventListener("click", () => this.open());
    byId("leave-room").addEventListener("click", () => this.leave());
    onSubmit(byId("add-member"), ({ user }) => this.add(user.trim()));
  }

  get path() {
    return `/api/chat/rooms/${encodeURIComponent(this.current().roomId)}`;
  }

  async open() {
    this.members = [];
    this.draw();
    this.dialog.showModal();
    await this.try(() => this.look());
  }

  async look() {
    this.members = await call("GET", `${this.path}/members?limit=500`);
    this.draw();
  }

  draw() {
    const { room, online } = this.current();
    const mine = this.members.find((member) => member.user_id === room.user_id);
    const isMember = ({ user_id }) => this.members.some((member) => member.user_id === user_id);
    const guests = [...online.values()].filter((person) => !isMember(person));
    const isAway = ({ user_id }) => !online.has(user_id);
    const people = [...this.members, ...guests].sort((a, b) => isAway(a) - isAway(b));
    byId("people").replaceChildren(...people.map((person) => this.row(person, online, mine)));
    byId("add-member").hidden = !["owner", "moderator"].includes(mine?.role);
    byId("leave-room").hidden = !mine;
  }

  row(person, online, mine) {
    const isHere = online.has(person.user_id);
    const role = person.role && person.role !== "member" ? `${person.role}, ` : "";
    const words = `${role}${isHere ? "here now" : "not here"}`;
    const item = make("li", { className: isHere ? "is-here" : "" }, avatar(person));
    item.append(make("span", {}, make("strong", {}, person.username), make("small", {}, words)));
    const removable = { owner: ["owner", "moderator", "member"], moderator: ["member"] };
    const mayRemove = removable[mine?.role]?.includes(person.role);
    if (mayRemove && person !== mine) item.append(this.removal(person));
    return item;
  }

  removal({ user_id, username }) {
    const remove = async () => {
      await call("DELETE", `${this.path}/members/${user_id}`);
      await this.look();
    };
    const properties = { className: "quiet", ariaLabel: `Remove ${username}` };
    return button("Remove", () => this.try(remove), properties);
  }

  async add(user) {
    await call("POST", `${this.path}/members`, { user });
    byId("add-member").reset();
    await this.look();
  }

  leave() {
    return this.try(async () => {
      await call("POST", `${this.path}/leave`);
      this.dialog.close();
      this.hooks.onLeft();
    });
  }

  async try(act) {
    try {
      await act();
    } catch (error) {
      this.dialog.close();
      toast(error.message);
    }
  }
}

export const titleOf = (room) => room.title || room.room_id;

function sign(room) {
  const className = room.private ? "sign is-private" : "sign";
  return make("span", { className, ariaHidden: "true" }, room.private ? "" : "#");
}

function badge(unread) {
  const words = unread > 99 ? "99+" : String(unread);
  return make("span", { className: "badge", ariaLabel: `${unread} unread` }, words);
}

/** What is open is being read: its own count is of no use. */
function unreadIn(room, open) {
  const isLookedAt = room.room_id === open?.room_id && !document.hidden;
  return isLookedAt ? 0 : (room.unread_count ?? 0);
}

function lastSaid({ last_message: last }) {
  if (!last) return "Nothing said yet";
  const words = last.deleted ? "deleted a message" : last.message;
  return `${last.username ?? "Somebody"}: ${words}`.slice(0, 120);
}

function idFor(title) {
  const plain = title.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 100);
}
