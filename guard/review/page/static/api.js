// Calls to the guard. Every answer that is no success is a Refused with its status and body.

const data = document.body.dataset;

export const me = {
  name: data.name,
  role: data.role,
  rights: new Set((data.rights ?? "").split(" ")),
  undoSeconds: Number(data.undo),
  leaseSeconds: Number(data.lease),
  routes: (data.routes ?? "default").split("|"),
};

const ahead = Number(data.now) - Date.now() / 1000; // of the server's clock to ours
export const now = () => Date.now() / 1000 + ahead;
export const may = (method, path) => me.rights.has(`${method}:${path}`);
export const decides = may("POST", "/guard/v1/decisions");

// Tells "reached", "away" (no answer), "store-away" (503) and "signed-out".
export const line = new EventTarget();
const tell = (name) => line.dispatchEvent(new Event(name));

export class Refused extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? (status ? `the guard answered ${status}` : "the guard cannot be reached"));
    this.status = status;
    this.body = body ?? {};
    this.code = body?.error?.code ?? "";
  }
}

export async function call(method, path, body, { keepalive = false } = {}) {
  const headers = { "x-guard-csrf": data.csrf };
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, keepalive, credentials: "same-origin", cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    tell("away");
    throw new Refused(0, null);
  }
  let told = null;
  try {
    told = await answer.json();
  } catch { /* an answer without JSON has its status */ }
  if (answer.status === 401 || told?.error?.code === "csrf") tell("signed-out");
  else if (answer.status === 503) tell("store-away");
  else if (answer.ok && path !== "/guard/readyz") tell("reached");
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

export const name = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};
