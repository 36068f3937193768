// Tokens of zoho-tokend for a job. Needs nothing but Node: copy it beside yours.

import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const SOCKET = process.env.ZOHO_TOKEND_SOCKET ?? "/run/zoho-tokend/zoho-tokend.sock";
const PATIENCE_MS = 120_000; // to wait for a token before the job gives up
const RESTART_MS = 10_000; // to wait for a daemon that was not there yet: it may be restarted just now
const NOBODY = ["ENOENT", "ECONNREFUSED", "EACCES"];

/** Why there is none, and what to do: the daemon's own words. */
export class NoToken extends Error {}

/** The current token: access_token, api_domain, generation, … Ask before each call; do not keep it. */
export const token = (org) => ask("GET", `/v1/orgs/${org}/token?wait=10s`);

/**
 * Reports that Zoho refused the token of `generation` with `code`; settles when there is another one.
 * Throws NoToken where another token would not help, as with a scope that is missing.
 */
export async function replace(org, generation, code) {
  const told = await ask("POST", `/v1/orgs/${org}/rejections`, JSON.stringify({ generation, code }));
  if (!["superseded", "refreshed"].includes(told.verdict)) {
    throw new NoToken(`${org}: Zoho said ${code}: ${told.cure ?? told.verdict}`);
  }
}

/** Asks again for as long as waiting helps, also for a daemon that is restarted, and PATIENCE_MS lasts. */
async function ask(method, path, body) {
  const beganAt = performance.now();
  for (let wasThere = false; ; ) {
    const [status, answer] = await askOnce(method, path, body);
    const isPending = answer.verdict === "pending";
    if (status === 200 && !isPending) return answer;
    wasThere ||= status !== 0;
    const giveUpAt = beganAt + (wasThere ? PATIENCE_MS : RESTART_MS);
    const waitMs = answer.retry_after_s * 1000; // NaN where waiting does not help
    if (!(performance.now() + waitMs <= giveUpAt)) {
      const detail = isPending ? "no new token yet" : answer.detail;
      throw new NoToken([detail, answer.cure].filter(Boolean).join("; "));
    }
    await sleep(waitMs);
  }
}

/** Status and answer. Both reads and reports may be repeated, so a lost connection is one more "try again". */
const askOnce = (method, path, body) =>
  new Promise((resolve) => {
    const isLost = ({ code, message }) =>
      resolve([NOBODY.includes(code) ? 0 : 503, { detail: `no zoho-tokend at ${SOCKET}: ${message}`, retry_after_s: 1 }]);
    // Well over the 10 s that a token or a report may take.
    const request = http.request({ socketPath: SOCKET, method, path, timeout: 30_000 }, async (answer) => {
      try {
        const parts = await answer.setEncoding("utf8").toArray();
        resolve([answer.statusCode, JSON.parse(parts.join(""))]);
      } catch (error) {
        isLost(error);
      }
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", isLost);
    request.end(body);
  });
