/** Signing in, making an account, and the way out. */

import { call, hasSession, register, signIn, signOut, whenEnded } from "./api.js";
import { byId, onSubmit } from "./dom.js";

export class Door {
  /** Hooks: onEnter(me), onLeave(). */
  constructor(hooks) {
    this.hooks = hooks;
    onSubmit(byId("sign-in"), async ({ username, password }) => {
      await signIn(username.trim(), password);
      await this.enter();
    });
    onSubmit(byId("register"), async (account) => {
      await register(account);
      await this.enter();
    });
    byId("to-register").addEventListener("click", () => this.open({ isNew: true }));
    byId("to-sign-in").addEventListener("click", () => this.open());
    byId("sign-out").addEventListener("click", () => this.leave());
    whenEnded((sentence) => this.shut(sentence));
  }

  async start() {
    if (!hasSession()) return this.open();
    try {
      await this.enter();
    } catch (error) {
      if (error.status !== 401) this.retry(error);
    }
  }

  /** The session may well be good; only the server does not say so now. */
  retry(error) {
    byId("start").hidden = false;
    byId("start").textContent = `${error.message} Trying again …`;
    setTimeout(() => this.start(), Math.max(3, error.retryAfter) * 1000);
  }

  async enter() {
    const me = await call("GET", "/api/auth/me");
    document.querySelectorAll("#door form").forEach((form) => form.reset());
    byId("door").hidden = byId("start").hidden = true;
    byId("app").hidden = false;
    this.hooks.onEnter(me);
  }

  async leave() {
    this.hooks.onLeave(); // first: sockets that end with the session would ask for another
    try {
      await signOut();
      this.shut("You are signed out.");
    } catch {
      this.shut("You are signed out here. The server could not be told.");
    }
  }

  shut(sentence) {
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
    this.hooks.onLeave();
    this.open({ sentence });
  }

  open({ isNew = false, sentence = "" } = {}) {
    byId("app").hidden = byId("start").hidden = true;
    byId("door").hidden = false;
    byId("sign-in").hidden = isNew;
    byId("register").hidden = !isNew;
    byId("door-note").textContent = sentence;
    byId("door-note").hidden = !sentence;
    document.title = "Sign in - Alice";
    byId(isNew ? "register" : "sign-in").querySelector("input").focus();
  }
}
