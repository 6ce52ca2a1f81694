// Everything that can change something goes through REST, with the session's cookie, and is audited by the server.
// The cookie is HttpOnly: this page never holds a token longer than the call that hands it over.

async function call(method, path, body) {
  let reply;
  try {
    reply = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify(body) : undefined,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch {
    throw new Error("No answer from the server. Nothing is known to have happened: use the stop at the device if needed.");
  }
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(refusal(reply.status, answer));
  return answer;
}

function refusal(status, answer) {
  const said = [answer.detail, answer.error].find((part) => typeof part === "string");
  const words = { 401: "Not signed in, or the token is not valid", 403: "Your role may not do this", 429: "Too many attempts" };
  return `${words[status] ?? `Refused (${status})`}${said ? `: ${said}` : ""}`;
}

/** `{ name, role }` of the signed-in operator; both null when nobody is signed in (an anonymous viewer is nobody). */
export async function currentSession() {
  const nobody = { name: null, role: null };
  try {
    const session = await call("GET", "/session");
    return session.via === "anonymous" ? nobody : session;
  } catch {
    return nobody;
  }
}

export const signIn = (token) => call("POST", "/session", { token });
export const signOut = () => call("DELETE", "/session");

/** `asset` null = all of them. */
export const stop = (asset, reason) => call("POST", "/operator/stop", { asset_id: asset, reason });
export const release = (asset, reason) => call("POST", "/operator/release", { asset_id: asset, reason });
export const activate = (asset, reason) => call("POST", "/operator/activate", { asset_id: asset, reason });
export const deactivate = (asset, reason) => call("POST", "/operator/deactivate", { asset_id: asset, reason });
export const lockOut = (asset, reason, person) => call("POST", "/operator/lock_out", { asset_id: asset, reason, person });
export const unlock = (asset, reason, person, override) =>
  call("POST", "/operator/unlock", { asset_id: asset, reason, person, ...(override ? { override } : {}) });
/** Power by hand (kW, + is discharge); it ends after `seconds` unless this is sent again. */
export const manual = (asset, power_kw, seconds, reason) =>
  call("POST", "/operator/manual", { asset_id: asset, power_kw, dead_man_s: seconds, reason });

export const acknowledge = (asset, reason) => call("POST", "/operator/acknowledge", { asset_id: asset, reason });
export const acknowledgeAlarm = (alarm) => call("POST", `/alarms/${encodeURIComponent(alarm)}/acknowledge`, {});
export const acknowledgeAlarms = (ids) => call("POST", "/alarms/seen", { ids });
export const shelveAlarm = (alarm, minutes, reason) => call("POST", `/alarms/${encodeURIComponent(alarm)}/shelve`, { minutes, reason });
export const unshelveAlarm = (alarm) => call("POST", `/alarms/${encodeURIComponent(alarm)}/unshelve`, {});

/** Whether a role may act. */
export const mayAct = (role) => role === "operator" || role === "engineer";
