/** A websocket that comes back: with a new ticket each time, and never all at once. */

import { call, refresh } from "./api.js";

const SIGNED_OUT = 4401;
const TOO_FAST = 4429;
const AT_ONCE = [1012, 4409]; // a restart, and a reader that was too slow
const FOR_GOOD = [4403, 4404];
const FIRST_MS = 500;
const LONGEST_MS = 30_000;
const TOO_FAST_MS = 15_000;
const PING_MS = 15_000;
const SILENCE_MS = 10_000;

export class Live {
  /** Hooks: onFrame(frame), onState(isLive, secondsToNextTry), onEnd(code) when it is for good. */
  constructor(path, hooks) {
    Object.assign(this, { path, hooks, isLive: false, failures: 0, socket: null });
    this.stop = new AbortController();
    const { signal } = this.stop;
    addEventListener("online", () => this.hurry(), { signal });
    document.addEventListener("visibilitychange", () => this.hurry(), { signal });
    this.connect();
  }

  /** Send a frame now; false when that cannot be done. */
  send(frame) {
    const isOpen = this.isLive && this.socket.readyState === WebSocket.OPEN;
    if (isOpen) this.socket.send(JSON.stringify(frame));
    return isOpen;
  }

  close() {
    this.stop.abort();
    this.leave();
  }

  /** Give this connection up and make another. */
  again() {
    this.leave();
    this.connectLater();
  }

  async connect() {
    this.hooks.onState(false, 0);
    try {
      const { ticket } = await call("POST", "/api/auth/ticket");
      if (!this.stop.signal.aborted) this.open(ticket);
    } catch (error) {
      if (error.status !== 401) this.connectLater(error.retryAfter * 1000);
    }
  }

  open(ticket) {
    const address = location.origin.replace("http", "ws");
    const socket = new WebSocket(`${address}${this.path}?ticket=${encodeURIComponent(ticket)}`);
    socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    socket.onclose = ({ code }) => this.end(code);
    this.socket = socket;
    this.expectAnswer();
  }

  hear(frame) {
    clearTimeout(this.deadline);
    if (frame.type === "hello") {
      this.isLive = true;
      this.pings = setInterval(() => this.ping(), PING_MS);
      this.hooks.onState(true);
    }
    this.hooks.onFrame(frame);
  }

  /** A connection that was cut without a word is noticed only by asking. */
  ping() {
    if (!this.send({ type: "ping" })) return;
    this.failures = 0; // it has lasted for a while
    this.expectAnswer();
  }

  expectAnswer() {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.again(), SILENCE_MS);
  }

  async end(code) {
    this.leave();
    if (FOR_GOOD.includes(code)) this.hooks.onEnd(code);
    else if (code === SIGNED_OUT) await this.signInAgain();
    else this.connectLater(code === TOO_FAST ? TOO_FAST_MS : 0, AT_ONCE.includes(code));
  }

  async signInAgain() {
    try {
      await refresh();
      this.connectLater();
    } catch (error) {
      if (error.status !== 401) this.connectLater();
    }
  }

  connectLater(atLeastMs = 0, isAtOnce = false) {
    if (this.stop.signal.aborted) return;
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures);
    this.failures += 1;
    const pause = isAtOnce ? Math.random() * FIRST_MS : longest * (0.5 + Math.random() / 2);
    const wait = Math.max(atLeastMs, pause);
    this.waitsFor = atLeastMs;
    this.retry = setTimeout(() => this.tryNow(), wait);
    this.hooks.onState(false, Math.ceil(wait / 1000));
  }

  tryNow() {
    clearTimeout(this.retry);
    this.retry = null;
    this.connect();
  }

  /** The network is back, or somebody looks again: there is no use in waiting any longer. */
  hurry() {
    if (document.hidden) return;
    if (this.retry && !this.waitsFor) this.tryNow();
    else this.ping();
  }

  leave() {
    clearTimeout(this.deadline);
    clearTimeout(this.retry);
    clearInterval(this.pings);
    this.retry = null;
    this.isLive = false;
    if (this.socket) this.socket.onclose = this.socket.onmessage = null;
    this.socket?.close();
    this.socket = null;
  }
}
