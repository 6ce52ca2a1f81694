// Confirmations. Each repeats what it will do, to what, and what stays until somebody undoes it. Nothing is sent
// before the button in the dialog; a refusal is shown in the dialog, which stays open. The focus starts on the first
// field, Escape closes without acting, and the focus returns to where it was (the browser's own `dialog` does both).

import * as acts from "./acts.js";
import { h, shown, text } from "./dom.js";
import { power } from "./words.js";

const DEAD_MAN_S = 60;

function field(label, attributes) {
  const input = h("input", { autocomplete: "off", ...attributes });
  const node = h("label", { class: "field" }, h("span", {}, label), input);
  return { node, input };
}

/** A choice among `options`, `[[value, words], …]`; the first one is chosen. */
function chooser({ label, options }) {
  const select = h("select", { name: "choice" }, options.map(([value, words]) => h("option", { value }, words)));
  return { node: h("label", { class: "field" }, h("span", {}, label), select), select };
}

/** Ask, then run `act({ reason, chosen, token, person, size })`; stays open with the message when it throws. */
function confirmation({ title, lines, reasonLabel, choice, amount, personLabel, needsToken, button, act }) {
  const options = choice ? chooser(choice) : null;
  const size = amount ? field(amount.label, { name: "amount", type: "number", required: true, step: "any", min: 0, max: amount.most }) : null;
  const person = personLabel ? field(personLabel, { name: "person", maxlength: 60 }) : null;
  const reason = reasonLabel ? field(reasonLabel, { name: "reason", required: true, maxlength: 200 }) : null;
  const token = needsToken ? field("Operator token", { name: "token", type: "password", required: true, maxlength: 512 }) : null;
  const refused = h("p", { class: "refused", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: "go" }, button);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h("form", { method: "dialog" },
    h("h2", { id: "dialog-title" }, title), lines.map((line) => h("p", {}, line)),
    size?.node, options?.node, reason?.node, person?.node, token?.node, refused, h("div", { class: "buttons" }, cancel, go));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (reason && !reason.input.value.trim()) return reason.input.focus();
    go.disabled = true;
    shown(refused, false);
    try {
      await act({ reason: reason?.input.value.trim(), chosen: options?.select.value, token: token?.input.value.trim(),
        person: person?.input.value.trim() || undefined, size: size?.input.valueAsNumber });
      dialog.close();
    } catch (error) {
      text(refused, error.message);
      shown(refused, true);
      go.disabled = false;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  (size ?? reason ?? token)?.input.focus();
}

/** The dialogs of one page. `say(words)` announces what was done; `onsession(session)` hears of a sign-in. */
export function dialogs(picture, { say, onsession }) {
  const needsToken = () => !acts.mayAct(picture.session.role);

  function operator(fields, run, done) {
    confirmation({
      ...fields,
      needsToken: needsToken(),
      act: async ({ token, reason, chosen, ...more }) => {
        if (token) onsession(await acts.signIn(token));
        await run(reason, chosen, more);
        say(done);
      },
    });
  }

  const now = (id) => `Now: ${power(picture.assets.get(id)?.telemetry?.active_power_kw)}.`;
  const holds = "The stop holds, also through a restart, until an operator releases it.";

  return {
    stop: (id) => operator({
      title: `Stop ${id}`,
      lines: [`Stops ${id}: from the next cycle its set-point is 0 kW. ${holds}`, now(id)],
      reasonLabel: "Reason (required)",
      button: `Stop ${id}`,
    }, (reason) => acts.stop(id, reason), `Stop of ${id} accepted.`),

    stopAll: () => operator({
      title: "Stop all assets",
      lines: [`Stops every asset of this site: ${[...picture.assets.keys()].join(", ") || "none is shown"}. ` +
        `From the next cycle every set-point is 0 kW. ${holds}`],
      reasonLabel: "Reason (required)",
      button: "Stop all assets",
    }, (reason) => acts.stop(null, reason), "Stop of all assets accepted."),

    release: (id) => operator({
      title: `Release ${id}`,
      lines: [`Releases the stop of ${id}. It then waits in STANDBY: no power flows before somebody activates it.`,
        "Make sure that nobody works on it."],
      reasonLabel: "Reason (required)",
      button: `Release ${id}`,
    }, (reason) => acts.release(id, reason), `Release of ${id} accepted.`),

    acknowledge: (id) => operator({
      title: `Acknowledge the fault of ${id}`,
      lines: [`Acknowledges the fault of ${id}. It leaves FAULT only if everything that latched it has been clear ` +
        "long enough; then power may flow again without further notice.", `Fault: ${picture.assets.get(id)?.state_reason ?? "unknown"}.`],
      reasonLabel: "Reason (required)",
      button: `Acknowledge ${id}`,
    }, (reason) => acts.acknowledge(id, reason), `Acknowledgement of ${id} accepted.`),

    acknowledgeAlarm: (alarm) => operator({
      title: "Acknowledge alarm",
      lines: [`Acknowledges ${alarm.asset_id ? `for ${alarm.asset_id}` : "for the site"}: ${alarm.text ?? ""}`,
        `Response: ${alarm.response ?? "none given"}`],
      button: "Acknowledge",
    }, () => acts.acknowledgeAlarm(alarm.id), "Alarm acknowledged."),

    acknowledgeAlarms: (alarms) => operator({
      title: `Acknowledge ${alarms.length} alarms`,
      lines: ["Says that you have seen all alarms that were in the list when you opened this dialog. It resets nothing.",
        ...[1, 2, 3].map((level) => [level, alarms.filter((alarm) => alarm.priority === level).length])
          .filter(([, count]) => count).map(([level, count]) => `${count} of priority ${level}`)],
      button: `Acknowledge ${alarms.length}`,
    }, () => acts.acknowledgeAlarms(alarms.map((alarm) => alarm.id)), "Alarms acknowledged."),

    shelveAlarm: (alarm) => operator({
      title: "Shelve alarm",
      lines: [`Puts away ${alarm.asset_id ? `for ${alarm.asset_id}` : "for the site"}: ${alarm.text ?? ""}`,
        "Nobody is asked for it until the time is over; then it comes back by itself."],
      reasonLabel: "Reason (required)",
      choice: { label: "For how long", options: [[30, "30 minutes"], [60, "1 hour"], [240, "4 hours"], [480, "8 hours"], [1440, "1 day"]] },
      button: "Shelve",
    }, (reason, minutes) => acts.shelveAlarm(alarm.id, Number(minutes), reason), "Alarm shelved."),

    unshelveAlarm: (alarm) => operator({
      title: "Take alarm back",
      lines: [`Takes back what ${alarm.shelved_by ?? "somebody"} put away (${alarm.shelved_reason ?? "no reason"}): ${alarm.text ?? ""}`,
        "While its cause holds it asks again."],
      button: "Take back",
    }, () => acts.unshelveAlarm(alarm.id), "Alarm taken back."),

    activate: (id) => operator({
      title: `Activate ${id}`,
      lines: [`Activates ${id}: it leaves STANDBY and follows its requests. Power may flow without further notice.`],
      reasonLabel: "Reason (required)",
      button: `Activate ${id}`,
    }, (reason) => acts.activate(id, reason), `Activation of ${id} accepted.`),

    deactivate: (id) => operator({
      title: `Deactivate ${id}`,
      lines: [`Deactivates ${id}: it goes to STANDBY and follows no requests until it is activated again.`, now(id)],
      reasonLabel: "Reason (required)",
      button: `Deactivate ${id}`,
    }, (reason) => acts.deactivate(id, reason), `Deactivation of ${id} accepted.`),

    lockOut: (id) => operator({
      title: `Lock out ${id}`,
      lines: [`Takes ${id} to 0 kW; once the device confirms it, nothing is written any more: MAINTENANCE. It holds, also through a restart, ` +
        "until whoever set it unlocks it. It does not isolate the device: lock it there too.", now(id)],
      reasonLabel: "Reason (required)",
      personLabel: "Your name, where several people use the token",
      button: `Lock out ${id}`,
    }, (reason, _, { person }) => acts.lockOut(id, reason, person), `Lock-out of ${id} accepted.`),

    unlock: (id) => operator({
      title: `Unlock ${id}`,
      lines: [`Lifts your own lock of ${id}. It then waits in STANDBY: no power flows before somebody activates it.`,
        "Make sure that nobody works on it."],
      reasonLabel: "Reason (required)",
      personLabel: "Your name, as at the lock-out",
      choice: { label: "Whose lock", options: [["", "mine"], ["override", "somebody else's (engineer only)"]] },
      button: `Unlock ${id}`,
    }, (reason, whose, { person }) => acts.unlock(id, reason, person, whose === "override"), `Unlocking of ${id} accepted.`),

    manual: (id) => operator({
      title: `Run ${id} by hand`,
      lines: [`Runs ${id} at one power for 60 s. “Keep 60 s” renews it; without that it goes to 0 kW along its ramp and waits in STANDBY. ` +
        "All limits hold. Its reserve is withdrawn.", now(id)],
      amount: { label: "Power, kW", most: 1e6 },
      choice: { label: "Direction", options: [["1", "discharge"], ["-1", "charge"]] },
      reasonLabel: "Reason (required)",
      button: `Run ${id} by hand`,
    }, (reason, sign, { size }) => acts.manual(id, Number(sign) * size, DEAD_MAN_S, reason), `${id} runs by hand.`),

    /** Renew what runs by hand: no dialog, a dead-man needs one press. Signs in first when nobody is. */
    keep: async (id) => {
      const kw = picture.assets.get(id)?.manual_kw;
      if (needsToken()) return signIn();
      try {
        await acts.manual(id, kw, DEAD_MAN_S, "kept on by hand");
        say(`${id} runs by hand for another ${DEAD_MAN_S} s.`);
      } catch (error) {
        say(error.message);
      }
    },

    signIn,
  };

  function signIn() {
    confirmation({
      title: "Sign in",
      lines: ["The token decides the role: a viewer sees; an operator stops, releases, activates, acknowledges; an engineer overrides locks."],
      needsToken: true,
      button: "Sign in",
      act: async ({ token }) => onsession(await acts.signIn(token)),
    });
  }
}
