/** What is on its way: sent one after the other, so that the order holds, and never twice. */

import { call } from "./api.js";

const AGAIN_MS = 5000;

export class Outbox {
  /** Hooks: onStored(message), onChange(). */
  constructor(hooks) {
    this.hooks = hooks;
    this.drafts = new Map(); // by client_id, by which the server knows what it has already
    this.isBusy = false;
    addEventListener("online", () => this.flush());
    addEventListener("beforeunload", (event) => this.drafts.size && event.preventDefault());
  }

  of(roomId) {
    return [...this.drafts.values()].filter((draft) => draft.room_id === roomId);
  }

  add(draft) {
    const client_id = randomId();
    const created_at = new Date().toISOString();
    this.drafts.set(client_id, { ...draft, client_id, created_at, problem: "" });
    this.flush();
  }

  tryAgain(draft) {
    this.drafts.set(draft.client_id, { ...draft, problem: "" });
    this.flush();
  }

  /** Take out what is stored, or no longer wanted. */
  remove(clientId) {
    if (this.drafts.delete(clientId)) this.hooks.onChange();
  }

  clear() {
    this.drafts.clear();
  }

  async flush() {
    clearTimeout(this.timer);
    this.hooks.onChange();
    if (this.isBusy) return;
    this.isBusy = true;
    let draft;
    while ((draft = [...this.drafts.values()].find(({ problem }) => !problem))) {
      if (!(await this.deliver(draft))) break;
    }
    this.isBusy = false;
  }

  /** Whether the next one may be tried now. */
  async deliver({ problem, created_at, ...body }) {
    try {
      const message = await call("POST", "/api/chat/send", body);
      this.remove(body.client_id);
      this.hooks.onStored(message);
      return true;
    } catch (error) {
      if (error.status === 401) return false;
      if (error.isPassing) {
        this.timer = setTimeout(() => this.flush(), error.retryAfter * 1000 || AGAIN_MS);
        return false;
      }
      const draft = this.drafts.get(body.client_id);
      if (draft) this.drafts.set(body.client_id, { ...draft, problem: error.message });
      this.hooks.onChange();
      return true;
    }
  }
}

/** As `crypto.randomUUID`, which plain http lacks. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");
}
