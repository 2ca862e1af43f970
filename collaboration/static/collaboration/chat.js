/** The chat page: what is on it, and what leads to what. */

import { call } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { byId, toast } from "./dom.js";
import { Door } from "./door.js";
import { Menu } from "./menu.js";
import { Outbox } from "./outbox.js";
import { addressOf, People, Rooms, titleOf } from "./rooms.js";
import { nameOf, Timeline } from "./timeline.js";

const DRAW_MS = 16;
const CLOSED = "There is no such room, or it is private and you are not in it.";
const NOT_ALLOWED = "You may not read this room.";
const phone = matchMedia("(max-width: 760px)");

let me = null;
let conversation = null;
let drawing = null;

const isHere = () => conversation !== null && !conversation.isOver;
const roomHere = () => (isHere() ? { ...conversation.room, ...conversation.news } : null);
const isReading = () => !document.hidden && timeline.isAtEnd && !byId("messages").hidden;

const outbox = new Outbox({
  onChange: draw,
  onStored: (message) => ofRoom(message)?.absorb([message]),
});
const timeline = new Timeline({
  onMenu: (message, button) => menu.open(message, button, conversation.room),
  onReact: react,
  onRetry: (draft) => outbox.tryAgain(draft),
  onDiscard: (draft) => outbox.remove(draft.client_id),
});
const menu = new Menu({
  onReact: react,
  onReply: (message) => composer.reply(message),
  onEdit: (message) => composer.edit(message),
  onCopy: (message) => attempt(() => navigator.clipboard.writeText(message.message), "Copied."),
  onDelete: askDelete,
});
const composer = new Composer({
  onSend: send,
  onEdit: (message, text) =>
    attempt(() => conversation.change("PATCH", message, "", { message: text })),
  onTyping: (typing) => conversation?.live.send({ type: "typing", typing }),
});
const rooms = new Rooms(roomHere, { onOpen: (roomId) => go(roomId) });
new People(() => conversation, { onLeft: () => go(null) });
const door = new Door({ onEnter: enter, onLeave: leave });

// Who is here, and where

async function enter(account) {
  if (me && me.id !== account.id) outbox.clear();
  me = account;
  byId("me").textContent = account.username;
  await redeemShare();
  rooms.start();
  open(roomInAddress());
}

function leave() {
  rooms.stop();
  close();
}

/** A link to a room brings its share along in the fragment, which no server sees. */
async function redeemShare() {
  const token = new URLSearchParams(location.hash.slice(1)).get("share");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await attempt(() => call("POST", `/api/collab/shared/${encodeURIComponent(token)}`));
}

function roomInAddress() {
  const part = location.pathname.split("/")[2];
  return part ? decodeURIComponent(part) : null;
}

function go(roomId) {
  history.pushState(null, "", roomId ? addressOf(roomId) : "/chat");
  open(roomId);
}

function open(roomId) {
  const before = conversation?.roomId;
  close();
  composer.move(before, roomId);
  showDrawer(phone.matches && !roomId);
  byId("welcome").hidden = roomId !== null;
  byId("talk").hidden = roomId === null;
  if (roomId !== null) visit(roomId);
  rooms.draw();
  rooms.look();
}

function visit(roomId) {
  showEnd("");
  const isOpen = (act) => (...told) => conversation?.roomId === roomId && act(...told);
  conversation = new Conversation(roomId, {
    onChange: draw,
    onNews: isOpen(announce),
    onState: isOpen(showState),
    onEnd: isOpen((code) => end(code === 4404 ? CLOSED : NOT_ALLOWED)),
  });
  if (!phone.matches) byId("text").focus();
  draw();
}

/** The room is not there for this reader, or not any more. */
function end(sentence) {
  conversation.isOver = true;
  conversation.close();
  timeline.clear();
  showEnd(sentence);
  rooms.draw();
  rooms.look();
}

function close() {
  conversation?.close();
  conversation = null;
  timeline.clear();
}

const ofRoom = (message) => (conversation?.roomId === message.room_id ? conversation : null);

// What is seen

/** Soon, and once for all that comes until then. */
function draw() {
  drawing ??= setTimeout(() => {
    drawing = null;
    if (isHere()) drawNow();
  }, DRAW_MS);
}

function drawNow() {
  const { room, isLoaded, online, hasOlder } = conversation;
  byId("title").textContent = room ? titleOf(room) : conversation.roomId;
  byId("kind").textContent = room ? (room.private ? "Private room" : "Open room") : "";
  byId("show-people").hidden = !room;
  byId("here").textContent = `${online.size} here`;
  byId("typing").textContent = typingWords([...conversation.typing.values()]);
  byId("composer").hidden = room?.can_write === false;
  byId("read-only").hidden = room?.can_write !== false;
  byId("older").hidden = !isLoaded || !hasOlder;
  if (!isLoaded) return;
  forgetStored();
  timeline.draw(conversation, outbox.of(conversation.roomId));
  byId("nothing").hidden = byId("messages").childElementCount > 0;
  look();
  rooms.draw();
}

/** Take out of the outbox what has come back as a message, perhaps before the answer did. */
function forgetStored() {
  if (!outbox.drafts.size) return;
  for (const { client_id, user_id } of conversation.messages.values()) {
    if (user_id === me.id) outbox.remove(client_id);
  }
}

/** After drawing and scrolling: what is seen counts as read, and what is near is loaded. */
function look() {
  if (!conversation?.isLoaded) return;
  if (isReading()) conversation.markRead();
  byId("newest").hidden = timeline.isAtEnd;
  if (timeline.isNearStart && conversation.hasOlder) loadOlder();
}

function loadOlder() {
  const { isReadingOlder } = conversation;
  if (!isReadingOlder && !loadOlder.hasFailed) {
    conversation.readOlder().catch((error) => {
      loadOlder.hasFailed = true; // until it is asked for
      toast(error.message);
    });
  }
}

function typingWords(typing) {
  const names = typing.map(({ username }) => username);
  if (names.length > 3) return "Several people are typing …";
  const list = new Intl.ListFormat("en").format(names);
  return names.length ? `${list} ${names.length > 1 ? "are" : "is"} typing …` : "";
}

function announce(message) {
  if (message.user_id === conversation.room.user_id) return;
  if (!isReading()) conversation.newSince ??= message.seq - 1;
  byId("heard").textContent = `${nameOf(message)}: ${message.message}`;
}

function showState(isLive, seconds) {
  const bar = byId("connection");
  bar.hidden = isLive;
  bar.textContent = seconds ? `No connection. Trying again in ${seconds} s …` : "Connecting …";
  if (isLive) outbox.flush();
}

function showEnd(sentence) {
  byId("end").hidden = !sentence;
  byId("end").textContent = sentence;
  for (const id of ["messages", "foot"]) byId(id).hidden = Boolean(sentence);
  for (const id of ["nothing", "connection", "show-people", "older"]) byId(id).hidden = true;
  byId("kind").textContent = "";
}

// What is done

async function attempt(act, done = "") {
  try {
    await act();
    if (done) toast(done);
  } catch (error) {
    toast(error.message);
  }
}

function send(draft) {
  conversation.newSince = null;
  timeline.scrollToEnd();
  outbox.add({ ...draft, room_id: conversation.roomId });
}

function react(message, emoji) {
  return attempt(() => conversation.react(message, emoji));
}

function askDelete(message) {
  const dialog = byId("delete-dialog");
  byId("delete-words").textContent = message.message;
  dialog.returnValue = "";
  dialog.showModal();
  const remove = () => conversation.change("DELETE", message);
  const act = () => dialog.returnValue === "delete" && attempt(remove);
  dialog.addEventListener("close", act, { once: true });
}

function showDrawer(isOpen) {
  byId("drawer").classList.toggle("is-open", isOpen);
  byId("drawer").inert = phone.matches && !isOpen;
  byId("shade").hidden = !isOpen || !phone.matches;
  byId("show-rooms").ariaExpanded = String(isOpen);
}

function listen() {
  byId("timeline").addEventListener("scroll", look, { passive: true });
  document.addEventListener("visibilitychange", draw);
  byId("newest").addEventListener("click", () => timeline.scrollToEnd());
  byId("older").addEventListener("click", () => {
    loadOlder.hasFailed = false;
    loadOlder();
  });
  byId("show-rooms").addEventListener("click", () => showDrawer(true));
  byId("hide-rooms").addEventListener("click", () => showDrawer(false));
  byId("shade").addEventListener("click", () => showDrawer(false));
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  phone.addEventListener("change", () => showDrawer(false));
  addEventListener("popstate", () => me && open(roomInAddress()));
  addEventListener("keydown", (event) => event.key === "Escape" && showDrawer(false));
  // Where a keyboard covers the page instead of making it smaller.
  const fit = () => document.body.style.setProperty("--height", `${visualViewport.height}px`);
  visualViewport.addEventListener("resize", fit);
}

listen();
door.start();
