/**
 * Requests to the API, and the session in which they are made.
 *
 * The access token is in memory only. The refresh token is in sessionStorage: it outlives a reload
 * but not the tab, is good once, and is in no cookie that another site could make use of.
 */

const KEY = "alice.refresh_token";
const PATIENCE_MS = 20_000;
const EARLY_MS = 60_000;
const NO_ANSWER = "The server does not answer. Check your connection.";
const ENDED = "Your session has ended. Sign in again.";

// A copied tab has the same refresh token. Each tells the other of a new one: the old one, used
// again, would end the session of both.
const tabs = new BroadcastChannel("alice.session");
tabs.onmessage = ({ data }) => {
  if (sessionStorage.getItem(KEY) === data.old) sessionStorage.setItem(KEY, data.next);
};

let accessToken = "";
let goodUntil = 0;
let refreshing = null;
let onEnded = () => {};

/** `status` is 0 when no answer came; `retryAfter` is in seconds. */
export class ApiError extends Error {
  constructor(status, sentence, { code = "", retryAfter = 0 } = {}) {
    super(status === 429 ? withWait(sentence, retryAfter) : sentence);
    Object.assign(this, { status, code, retryAfter });
  }

  /** Whether the same request may well succeed later. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const hasSession = () => sessionStorage.getItem(KEY) !== null;
export const whenEnded = (listener) => (onEnded = listener);

export async function signIn(username, password) {
  keep(await exchange("POST", "/api/auth/login", { username, password }));
}

export async function register(account) {
  keep(await exchange("POST", "/api/auth/register", account));
}

/** End the session; it is forgotten here also when the server cannot be told. */
export async function signOut() {
  try {
    await call("POST", "/api/auth/logout");
  } finally {
    forget();
  }
}

export async function call(method, path, body) {
  await ensureFresh();
  try {
    return await exchange(method, path, body);
  } catch (error) {
    if (error.status !== 401) throw error;
    await refresh();
    return exchange(method, path, body);
  }
}

/** Upload a file; `onProgress` hears fractions of 1, `signal` ends it. */
export async function upload(file, onProgress, signal) {
  await ensureFresh();
  const form = new FormData();
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/files/upload");
    request.setRequestHeader("Authorization", `Bearer ${accessToken}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onerror = request.onabort = () => reject(new ApiError(0, NO_ANSWER));
    request.onload = () => {
      const { status, response } = request;
      if (status === 201) resolve(response);
      else reject(errorOf(status, response, request.getResponseHeader("Retry-After")));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** New tokens for the refresh token. A session that is over is told to `whenEnded`. */
export function refresh() {
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function ensureFresh() {
  if (!accessToken || Date.now() > goodUntil - EARLY_MS) await refresh();
}

async function renew() {
  const old = sessionStorage.getItem(KEY);
  if (old === null) throw new ApiError(401, ENDED);
  try {
    accessToken = "";
    keep(await exchange("POST", "/api/auth/refresh", { refresh_token: old }));
    tabs.postMessage({ old, next: sessionStorage.getItem(KEY) });
  } catch (error) {
    if (error.isPassing) throw error;
    forget();
    onEnded(ENDED);
    throw new ApiError(401, ENDED);
  }
}

function keep(pair) {
  accessToken = pair.access_token;
  goodUntil = Date.now() + pair.expires_in * 1000;
  sessionStorage.setItem(KEY, pair.refresh_token);
}

function forget() {
  accessToken = "";
  sessionStorage.removeItem(KEY);
}

async function exchange(method, path, body) {
  const headers = { Accept: "application/json" };
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  if (body) headers["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const response = await fetch(path, { method, headers, signal, body: JSON.stringify(body) });
    const answer = response.status === 204 ? null : await response.json();
    if (response.ok) return answer;
    throw errorOf(response.status, answer, response.headers.get("Retry-After"));
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, NO_ANSWER);
  }
}

function errorOf(status, answer, retryAfter) {
  const { detail = NO_ANSWER, code } = answer ?? {};
  return new ApiError(status, detail, { code, retryAfter: Number(retryAfter) });
}

function withWait(sentence, seconds) {
  const wait = seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds || 1} seconds`;
  return `${sentence.replace(/ Try again.*$/, "")} Try again in ${wait}.`;
}
