/** What is known of one room, kept whole: no message is missing between the first and the last. */

import { call } from "./api.js";
import { Live } from "./live.js";

const PAGE = 50;
const AT_ONCE = 500; // what one resume, or one page, brings
const FAR = 5000; // so far behind, the newest page is of more use than all that was missed
const READ_AFTER_MS = 250;
const NOBODY = { user_id: null, username: null };

export class Conversation {
  /** Hooks: onChange(), onNews(message), onState(isLive, seconds), onEnd(code). */
  constructor(roomId, hooks) {
    Object.assign(this, { roomId, hooks, room: null });
    Object.assign(this, { isLoaded: false, hasOlder: false, isOver: false });
    Object.assign(this, { lowest: 0, reached: 0, readSeq: 0, newSince: null, turn: 0 });
    this.messages = new Map(); // by seq
    this.asked = new Map(); // by id: older ones that somebody replied to
    this.online = new Map();
    this.typing = new Map();
    this.path = `/api/chat/${encodeURIComponent(roomId)}`;
    this.live = new Live(`/ws/chat/${encodeURIComponent(roomId)}`, {
      onFrame: (frame) => this.hear(frame),
      onState: hooks.onState,
      onEnd: hooks.onEnd,
    });
  }

  close() {
    this.turn += 1;
    this.live.close();
    clearTimeout(this.reading);
    this.typing.forEach(({ timer }) => clearTimeout(timer));
  }

  /** The messages that are loaded, oldest first. */
  get shown() {
    const seqs = [...this.messages.keys()].filter((seq) => seq >= this.lowest);
    return seqs.sort((one, other) => one - other).map((seq) => this.messages.get(seq));
  }

  /** What a list of rooms shows of this one. */
  get news() {
    const last = this.isLoaded ? this.messages.get(this.reached) : null;
    if (!last) return { room_id: this.roomId };
    return { room_id: this.roomId, last_message: { ...last, deleted: last.deleted_at !== null } };
  }

  hear(frame) {
    const heard = {
      hello: () => this.greet(frame),
      message: () => this.hearMessage(frame),
      edited: () => this.absorb([frame]),
      deleted: () => this.absorb([frame]),
      reactions: () => this.absorb([frame]),
      presence: () => this.hearPresence(frame),
      typing: () => this.hearTyping(frame),
      read: () => this.hearRead(frame),
      room: () => (this.room = { ...this.room, title: frame.title, private: frame.private }),
      resync: () => this.lookAgain(),
      resumed: () => this.hearResumed(frame),
    }[frame.type];
    heard?.();
    this.hooks.onChange();
  }

  /** After every connection: read what there is, or what came in the meantime. */
  async greet(hello) {
    const turn = (this.turn += 1);
    this.room = hello;
    this.online = new Map(hello.online.map((person) => [person.user_id, person]));
    this.typing.clear();
    this.isResuming = false;
    hello.typing.forEach((person) => this.hearTyping({ ...person, typing: true, seconds: 8 }));
    const isOtherwise = !this.isLoaded || hello.seq < this.reached;
    try {
      if (isOtherwise || hello.seq - this.reached > FAR) await this.readNewest(turn);
      else await this.catchUp(hello.seq);
    } catch (error) {
      if (turn === this.turn) this.live.again();
    }
  }

  async readNewest(turn) {
    this.messages.clear();
    this.isLoaded = false;
    const { read_seq: readSeq, seq } = this.room;
    const rows = await this.read(`?limit=${PAGE}`);
    if (turn !== this.turn) return;
    this.lowest = rows.at(-1)?.seq ?? seq + 1;
    this.reached = this.lowest - 1;
    this.isLoaded = true;
    this.hasOlder = rows.length === PAGE;
    this.readSeq = readSeq ?? 0;
    this.newSince = readSeq !== null && readSeq < seq ? readSeq : null;
    this.absorb([]);
    this.hooks.onChange();
  }

  async catchUp(seq) {
    if (seq - this.reached > AT_ONCE) await this.readOn();
    else if (seq > this.reached) this.resume();
    await this.lookAgain();
  }

  resume() {
    this.isResuming = this.live.send({ type: "resume", after_seq: this.reached });
  }

  hearResumed(frame) {
    this.isResuming = false;
    if (frame.more) this.resume();
  }

  async readOn() {
    let rows;
    do rows = await this.read(`?after_seq=${this.reached}&limit=${AT_ONCE}`);
    while (rows.length === AT_ONCE);
  }

  /** Edits and reactions have no number by which to ask for those that were missed. */
  async lookAgain() {
    const limit = Math.min(AT_ONCE, Math.max(PAGE, this.messages.size));
    let rows = [];
    do rows = await this.read(`?limit=${limit}${rows.length ? `&before=${rows.at(-1).id}` : ""}`);
    while (rows.length === limit && rows.at(-1).seq > this.lowest);
  }

  async readOlder() {
    if (!this.hasOlder || this.isReadingOlder) return;
    this.isReadingOlder = true;
    try {
      const { id } = this.messages.get(this.lowest);
      const rows = await this.read(`?limit=${PAGE}&before=${id}`, true);
      this.hasOlder = rows.length === PAGE;
    } finally {
      this.isReadingOlder = false;
      this.hooks.onChange();
    }
  }

  async read(query, areOlder = false) {
    const askedAt = performance.now();
    const rows = await call("GET", this.path + query);
    if (areOlder && rows.length) this.lowest = rows.at(-1).seq;
    this.absorb(rows, askedAt);
    this.hooks.onChange();
    return rows;
  }

  /** Take messages over. What was heard since a page was asked for is newer than the page. */
  absorb(rows, askedAt = Infinity) {
    for (const row of rows) {
      const known = this.messages.get(row.seq);
      if (known?.heardAt > askedAt || (this.isLoaded && row.seq < this.lowest)) continue;
      this.messages.set(row.seq, { ...row, heardAt: Math.min(askedAt, performance.now()) });
    }
    while (this.isLoaded && this.messages.has(this.reached + 1)) this.reached += 1;
  }

  hearMessage(message) {
    const isNew = !this.messages.has(message.seq) && message.seq > this.reached;
    this.absorb([message]);
    this.hearTyping({ ...message, typing: false });
    if (this.isLoaded && message.seq > this.reached && !this.isResuming) this.resume();
    if (isNew) this.hooks.onNews(message);
  }

  hearPresence({ user_id, username, online }) {
    if (online) this.online.set(user_id, { user_id, username });
    else this.online.delete(user_id);
    if (!online) this.hearTyping({ user_id, typing: false });
  }

  hearTyping({ user_id, username, typing, seconds }) {
    clearTimeout(this.typing.get(user_id)?.timer);
    this.typing.delete(user_id);
    if (!typing || user_id === this.room?.user_id) return;
    const stop = () => this.hear({ type: "typing", user_id, typing: false });
    this.typing.set(user_id, { username, timer: setTimeout(stop, seconds * 1000) });
  }

  hearRead({ user_id, seq }) {
    if (user_id === this.room.user_id) this.readSeq = Math.max(this.readSeq, seq);
  }

  /** Somebody looks at the newest message. */
  markRead() {
    if (!this.isLoaded || this.reached <= this.readSeq || this.reading) return;
    this.reading = setTimeout(() => {
      this.reading = null;
      if (this.live.send({ type: "read", seq: this.reached })) this.readSeq = this.reached;
    }, READ_AFTER_MS);
  }

  /** The message of an id, read if need be: null while it is, or when it cannot be. */
  find(id) {
    for (const message of this.messages.values()) if (message.id === id) return message;
    if (!this.asked.has(id)) {
      this.asked.set(id, null);
      call("GET", `/api/chat/messages/${id}`)
        .catch(() => ({ ...NOBODY, message: "A message that cannot be shown.", id }))
        .then((message) => this.asked.set(id, message))
        .then(this.hooks.onChange);
    }
    return this.asked.get(id);
  }

  async change(method, message, path = "", body = undefined) {
    const changed = await call(method, `/api/chat/messages/${message.id}${path}`, body);
    if (changed) this.absorb([changed]);
    this.hooks.onChange();
  }

  react(message, emoji) {
    const isThere = message.reactions[emoji]?.includes(this.room.user_id);
    const path = `/reactions/${encodeURIComponent(emoji)}`;
    return this.change(isThere ? "DELETE" : "PUT", message, path);
  }
}
