// Subscribe, manage, cancel: the billing API with a face.

const POLL_SECONDS = 1.5, POLLS = 20, RECONNECT_SECONDS = 3;
const LIVE = ["active", "trialing", "past_due", "unpaid", "paused"];
const GIBI = 1024 ** 3;
const count = (number) => number.toLocaleString("en", { maximumFractionDigits: 2 });
const METERS = {
  storage_bytes: ["Storage", (bytes) => `${count(bytes / GIBI)} GiB`],
  transcode_minutes: ["Transcoding this month", (minutes) => `${count(minutes)} min`],
  ai_tokens: ["AI tokens this month", (tokens) => count(tokens)],
};

// "hello" too: what happened between the first look and the socket's opening was not pushed.
const NEWS = new Set(["hello", "resync", "billing", "notification"]);

// The tab's own storage: paying leads to another site and back, and a variable would be gone.
const tab = sessionStorage;
const byId = (id) => document.getElementById(id);
let socket = null;
let lastLook = 0;

class Refused extends Error {
  constructor(status, body) {
    super(body.detail || "The server does not answer as it should.");
    Object.assign(this, { status, code: body.code });
  }
}

async function call(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (tab.token) headers.Authorization = `Bearer ${tab.token}`;
  if (method === "POST") headers["Idempotency-Key"] = randomKey();
  const text = body && JSON.stringify(body);
  const answer = await fetch(`/api/${path}`, { method, headers, body: text });
  const data = await answer.json().catch(() => ({}));
  if (answer.status === 401 && tab.token) signOut("Your session has ended. Please sign in again.");
  if (!answer.ok) throw new Refused(answer.status, data);
  return data;
}

function randomKey() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// For what may be missing without being a fault.
async function lookUp(path, missing, isMissing = (error) => error.status === 404) {
  try {
    return await call("GET", path);
  } catch (error) {
    if (isMissing(error)) return missing;
    throw error;
  }
}

// What is shown

function make(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}

// One message at each place: `said` answers what was done, `standing` says how things are.
function say(kind, title, text = "", place = "said") {
  const message = make("div", "", { className: `message ${kind}` });
  if (kind === "problem") message.setAttribute("role", "alert");
  message.append(make("strong", title), text);
  byId(place).replaceChildren(message);
}

const hush = (place = "said") => byId(place).replaceChildren();
const DATE = { dateStyle: "long", timeZone: "UTC" };
const day = (time) => new Date(time).toLocaleDateString("en", DATE);
const money = (amount, currency) =>
  amount.toLocaleString("en", { style: "currency", currency: currency.toUpperCase() });

async function refresh() {
  const look = ++lastLook;
  // Where billing is off or out of reach, the plan and its use are still to be seen.
  let trouble = "";
  const note = (error) => (error.status === 503 ? ((trouble = error.message), true) : false);
  const [me, usage, subscription, plans, invoices] = await Promise.all([
    call("GET", "auth/me"),
    call("GET", "billing/usage"),
    lookUp("billing/subscription", null),
    lookUp("billing/plans", [], note),
    lookUp("billing/invoices", [], note),
  ]);
  // An older look that comes in later shows nothing any more.
  if (look !== lastLook) return usage.tier;
  byId("who").textContent = me.username;
  showPlan(usage.tier, subscription);
  showPlans(plans, subscription);
  showUsage(usage);
  showInvoices(invoices);
  await warn(subscription, trouble);
  byId("signing-in").hidden = true;
  byId("signed-in").hidden = byId("sign-out").hidden = false;
  return usage.tier;
}

const isLive = (subscription) => subscription !== null && LIVE.includes(subscription.status);

function showPlan(tier, subscription) {
  byId("tier").textContent = tier;
  byId("tier").className = `tier ${tier}`;
  byId("course").textContent = courseOf(subscription);
  const isEnding = isLive(subscription) && subscription.cancel_at_period_end;
  byId("manage").hidden = subscription === null;
  byId("cancel").hidden = !isLive(subscription) || isEnding;
  byId("reactivate").hidden = !isEnding;
}

const wordOf = (subscription) => subscription.status.replace("_", " ");

function courseOf(subscription) {
  if (subscription === null) return "No subscription.";
  const price = money(subscription.price, subscription.currency);
  if (!isLive(subscription)) return `Your subscription is ${wordOf(subscription)}.`;
  const start = `${price}, ${wordOf(subscription)}.`;
  if (!["active", "trialing"].includes(subscription.status)) return start;
  const verb = subscription.cancel_at_period_end ? "Ends" : "Renews";
  return `${start} ${verb} on ${day(subscription.current_period_end)}.`;
}

function showPlans(plans, subscription) {
  byId("upgrade").hidden = isLive(subscription) || plans.length === 0;
  byId("plans").replaceChildren(...plans.map(planCard));
}

function planCard(plan) {
  const card = make("div", "", { className: "plan" });
  const price = make("p", money(plan.price, plan.currency), { className: "price" });
  price.append(make("small", ` per ${plan.interval}`));
  const label = plan.interval === "year" ? "Upgrade for a year" : "Upgrade";
  const button = make("button", label, { className: "button", onclick: act(() => upgrade(plan)) });
  card.append(make("div", plan.name), price, button);
  return card;
}

function showUsage(usage) {
  const rate = make("p", `${count(usage.requests.limit_per_minute)} requests per minute`);
  const meters = Object.keys(METERS).map((name) => meter(...METERS[name], usage[name]));
  byId("usage").replaceChildren(rate, ...meters);
}

function meter(label, unit, { used, limit }) {
  const row = make("div", "", { className: "meter" });
  const bar = make("progress", "", { max: Math.max(limit, 1), value: Math.min(used, limit) });
  bar.setAttribute("aria-label", label);
  const words = make("span", `${unit(used)} of ${unit(limit)}`, { className: "quiet" });
  row.append(make("span", label), words, bar);
  return row;
}

function showInvoices(invoices) {
  if (invoices.length === 0) {
    byId("invoices").replaceChildren(make("p", "None yet.", { className: "quiet" }));
    return;
  }
  const table = make("table");
  for (const invoice of invoices) {
    const row = table.insertRow();
    const words = day(invoice.created), href = invoice.hosted_invoice_url;
    row.insertCell().append(href ? make("a", words, { href, rel: "noopener" }) : words);
    row.insertCell().textContent = invoice.status;
    row.insertCell().textContent = money(invoice.amount_due / 100, invoice.currency);
  }
  byId("invoices").replaceChildren(table);
}

async function warn(subscription, trouble) {
  hush("standing");
  if (trouble) say("problem", "Billing does not work at the moment", trouble, "standing");
  if (subscription?.status !== "past_due") return;
  const news = await lookUp("notify/history?limit=20", [], () => true);
  const told = news.find((note) => note.metadata?.grace_ends_at);
  const until = told ? `Pro stays until ${day(told.metadata.grace_ends_at)}. ` : "";
  const advice = `${until}Give another card under “Card and invoices”.`;
  say("warning", "A payment for your plan has failed", advice, "standing");
}

// What is done

const here = (words) => `${location.origin}${location.pathname}${words}`;

async function upgrade(plan) {
  const urls = { success_url: here("?paid=1"), cancel_url: here("") };
  location.assign((await call("POST", "billing/checkout", { plan: plan.plan, ...urls })).url);
}

async function manage() {
  location.assign((await call("POST", "billing/portal", { return_url: here("") })).url);
}

async function change(verb) {
  await call("POST", `billing/subscription/${verb}`);
  await refresh();
}

// A button that waits for what it does, and says what went wrong.
function act(deed) {
  return async (event) => {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    button.disabled = true;
    hush();
    try {
      await deed(event);
    } catch (error) {
      say("problem", error.message);
    } finally {
      button.disabled = false;
    }
  };
}

async function signIn(event) {
  const form = new FormData(event.target);
  const { username, email, password } = Object.fromEntries(form);
  const verb = event.submitter?.value ?? "login";
  const body = verb === "register" ? { username, email, password } : { username, password };
  tab.removeItem("token");
  const pair = await call("POST", `auth/${verb}`, body);
  tab.token = pair.access_token;
  event.target.reset();
  await start();
}

function signOut(reason = "") {
  tab.removeItem("token");
  socket?.close();
  socket = null;
  for (const id of ["signed-in", "sign-out"]) byId(id).hidden = true;
  byId("who").textContent = "";
  byId("signing-in").hidden = false;
  hush("standing");
  hush();
  if (reason) say("problem", reason);
}

async function leave() {
  await call("POST", "auth/logout").catch(() => {});
  signOut();
}

// What comes by itself

function listen() {
  const mine = (socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws/events`));
  mine.onopen = () => mine.send(JSON.stringify({ type: "auth", token: tab.token }));
  mine.onmessage = ({ data }) => NEWS.has(JSON.parse(data).type) && refresh().catch(() => {});
  const again = () => socket === mine && tab.token && listen();
  mine.onclose = () => setTimeout(again, RECONNECT_SECONDS * 1000);
}

// The webhook may come after the browser does, and the socket may be down.
async function awaitPro() {
  history.replaceState(null, "", location.pathname);
  say("done", "Thank you! Your payment is on its way to us.");
  for (let poll = 0; poll < POLLS && tab.token; poll += 1) {
    if ((await refresh()) !== "free") return say("done", "You are on Pro now.");
    await new Promise((resume) => setTimeout(resume, POLL_SECONDS * 1000));
  }
  say("warning", "Your payment has not arrived yet.", "This page shows it as soon as it does.");
}

async function start() {
  if (!tab.token) return signOut();
  await refresh();
  listen();
  if (new URLSearchParams(location.search).has("paid")) await awaitPro();
}

byId("sign-in").addEventListener("submit", act(signIn));
byId("sign-out").addEventListener("click", act(leave));
byId("manage").addEventListener("click", act(manage));
byId("cancel").addEventListener("click", act(() => change("cancel")));
byId("reactivate").addEventListener("click", act(() => change("reactivate")));
start().catch((error) => say("problem", error.message));
